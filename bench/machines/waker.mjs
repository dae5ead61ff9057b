// SPDX-License-Identifier: MIT
/** The agent that wakes CPU 0 and takes the time until it looked, in ns. */
import { load, raiseVector } from '@bottomhalf/machine'
import { Wakeup, nowWord } from './wakeup.mjs'

const VECTOR = 0x30

export function run({ data: { count, gapMs }, pause }) {
  const latencies = []
  for (let i = 1; i <= count; i++) {
    pause(gapMs)
    const start = nowWord()
    raiseVector(0, VECTOR)
    while (load(Wakeup.base + Wakeup.answered) !== i) { /* the CPU answers */ }
    latencies.push((load(Wakeup.base + Wakeup.at) - start) >>> 0)
  }
  return latencies
}
