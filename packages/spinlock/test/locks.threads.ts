// SPDX-License-Identifier: MIT
/** What the threads of `locks.stress.ts` run. */
import { irqEnable, ld } from '@bottomhalf/machine'
import { countWith, places, readBoth, writeBoth } from './locks.model.js'
import type { Form } from './locks.model.js'

// all of it, so that no bundle leaves out a declaration: the threads must have the layout of the test
export * from './locks.model.js'

/** Count `times` in each form in turn. */
export function count(_index: number, forms: readonly Form[], times: number, irqsOn: boolean): void {
  if (irqsOn) irqEnable()
  for (const form of forms) countWith(form, times)
}

/** Thread 0 and 1 write, the others read. Returns how often a reader saw half a write. */
export function readOrWrite(index: number, times: number, locked: boolean): number {
  let torn = 0
  for (let i = 0; i < times; i++) {
    if (index < 2) writeBoth(index * times + i)
    else if (readBoth(locked)) torn++
  }
  return torn
}

/** The counter, read plainly: at rest. */
export function counted(): number {
  return ld(places().counter)
}
