// SPDX-License-Identifier: MIT
/** CPU 0 halts until a vector comes, and answers each with the time at which it looked. */
import { global, handler, haltUntilInterrupt, irqDisable, load, setInterruptEntry, stopRequested, store, word } from '@bottomhalf/machine'

export const Wakeup = global('benchWakeup', { answered: word, at: word })

const entry = handler('benchWakeupVector', () => {
  store(Wakeup.base + Wakeup.at, nowWord())
  store(Wakeup.base + Wakeup.answered, load(Wakeup.base + Wakeup.answered) + 1)
})

/** The low 32 bits of the host's clock in ns. */
export function nowWord() {
  const [seconds, ns] = process.hrtime()
  return (seconds * 1e9 + ns) | 0
}

export function boot() {
  setInterruptEntry(entry)
}

export const wakeupMain = handler('benchWakeup', () => {
  while (!stopRequested()) {
    irqDisable()
    haltUntilInterrupt()
  }
  return 0
})
