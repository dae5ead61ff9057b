// SPDX-License-Identifier: MIT
/**
 * A model of stepped code for the bench: CPUs that hand each other records under a lock. Runs under the condition `stepped`
 * and prints executions a second.
 *
 * The code is written in the form that the stepped build emits, so that the bench needs no build of its own.
 */
import { global, ld, load, st, cmpxchg, awaitWord, fetchAdd, store, stepResult, word } from '@bottomhalf/machine'
import { defineModel, explore } from '@bottomhalf/checker'
import { ratesOf } from './rates.mjs'

const Words = global('benchWords', { lock: word, list: word, state: word, served: word, data: word })
const at = (name) => Words.base + Words[name]

function* take() {
  while ((cmpxchg(at('lock'), 0, 1) ? yield : stepResult()) !== 0) awaitWord(at('lock'), 0, 0) ? yield : stepResult()
}

function* give() {
  store(at('lock'), 0) ? yield : stepResult()
}

function* raise(rounds) {
  for (let i = 0; i < rounds; i++) {
    yield* take()
    const old = ld(at('list')) ? yield : stepResult()
    st(at('list'), old + 1) ? yield : stepResult()
    const data = ld(at('data')) ? yield : stepResult()
    st(at('data'), data + old) ? yield : stepResult()
    yield* give()
    fetchAdd(at('state'), 1) ? yield : stepResult()
  }
}

function* serve(rounds) {
  for (let i = 0; i < rounds; i++) {
    if ((load(at('state')) ? yield : stepResult()) === 0) continue
    yield* take()
    const count = ld(at('list')) ? yield : stepResult()
    st(at('list'), 0) ? yield : stepResult()
    const served = ld(at('served')) ? yield : stepResult()
    st(at('served'), served + count) ? yield : stepResult()
    yield* give()
  }
}

const model = defineModel({
  name: 'hand over', cpus: 3,
  threads: [
    { cpu: 0, run: () => raise(3) }, { cpu: 1, run: () => serve(3) }, { cpu: 2, run: () => serve(2) },
  ],
})

const { rates, steps } = await ratesOf((maxExecutions) => explore(model, { maxExecutions }))
process.stdout.write(JSON.stringify({ rates, steps }))
