// SPDX-License-Identifier: MIT
/**
 * Executions a second of a model of stepped code: CPUs that hand each other records under a lock.
 *
 *     node --conditions=stepped bench/models.mjs        (after the build)
 *
 * The code is written in the form that the stepped build emits, so that the bench needs no build of its own. Seconds are
 * those of this process on its CPU, so that other load on the machine counts little.
 */
import { global, ld, load, st, cmpxchg, awaitWord, fetchAdd, store, stepResult, word } from '@bottomhalf/machine'
import { defineModel, explore } from '@bottomhalf/checker'

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

for (const strategy of ['dpor', 'optimal']) {
  await explore(model, { strategy, maxExecutions: 20_000 })
  const before = process.cpuUsage().user
  const { executions, steps, maxDepth, verdict } = await explore(model, { strategy, maxExecutions: 100_000 })
  const seconds = (process.cpuUsage().user - before) / 1e6
  console.log(`${strategy.padEnd(8)} ${Math.round(executions / seconds / 1000)} k executions/s, ${(steps / executions).toFixed(1)} steps each ` +
    `of up to ${maxDepth}, ${(steps / seconds / 1e6).toFixed(2)} M steps/s (${executions} executions, ${verdict})`)
}
