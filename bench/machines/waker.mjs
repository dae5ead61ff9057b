// SPDX-License-Identifier: MIT
/**
 * The agent that wakes CPU 0, by a vector, and a bare thread, by a word, in turn, and takes the time until each looked, in ns.
 * Both have been woken many times before, so that neither runs code that was never compiled.
 */
import { load, raiseVector } from '@bottomhalf/machine'
import { Wakeup, nowWord } from './wakeup.mjs'

const VECTOR = 0x30
const WARM_WAKES = 3000

export function run({ data: { count, gapMs, bare }, pause }) {
  const words = new Int32Array(bare)
  for (let nr = 1; nr <= WARM_WAKES; nr++) {
    wakeMachine(nr)
    wakeBare(words, nr)
  }
  const latencies = { machine: [], bare: [] }
  for (let nr = WARM_WAKES + 1; nr <= WARM_WAKES + count; nr++) {
    pause(gapMs)
    latencies.machine.push(wakeMachine(nr))
    pause(gapMs)
    latencies.bare.push(wakeBare(words, nr))
  }
  return latencies
}

function wakeMachine(nr) {
  const start = nowWord()
  raiseVector(0, VECTOR)
  while (load(Wakeup.base + Wakeup.answered) !== nr) { /* the CPU answers */ }
  return (load(Wakeup.base + Wakeup.at) - start) >>> 0
}

function wakeBare(words, nr) {
  const start = nowWord()
  Atomics.store(words, 0, nr)
  Atomics.notify(words, 0, 1)
  while (Atomics.load(words, 1) !== nr) { /* the thread answers */ }
  return (Atomics.load(words, 3) - start) >>> 0
}
