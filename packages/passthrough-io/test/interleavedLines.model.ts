// SPDX-License-Identifier: MIT
/**
 * A device, its line, passthrough and a guest's driver under the checker. CPU 0 is the guest's, CPU 1 takes the line's
 * interrupt and serves it; the device is a context of its own.
 */
import { DEVICE, defineModel, type ModelDefinition } from '@bottomhalf/checker'
import { doSoftirq, sleepUnlessPending } from '@bottomhalf/softirq'
import {
  bootLineFrom, driveLine, eventsMissed, guestLine, lineState, raiseLine, timeOut, unbindLine,
} from './lines.model.js'
import { chooseLineMutant } from './pendingMutants.model.js'

function idle(): void {
  for (;;) {
    doSoftirq()
    sleepUnlessPending()
  }
}

/** The guest's CPU: what interrupts it is served, so long as something does. */
function drive(): void {
  for (;;) {
    doSoftirq()
    driveLine(1)
    sleepUnlessPending()
  }
}

function wrongWhileBound(): string | undefined {
  if (eventsMissed() !== 0) return 'I1: an event of the device was not seen'
  const isReleased = lineState().every((is) => !is) && guestLine().join() === '0,0,1'
  return isReleased ? undefined : 'I10: a line that was ended is not released'
}

function wrongUnbound(): string | undefined {
  if (guestLine().some((count) => count !== 0)) return 'I2: something of an unbound line is left in its guest'
  return lineState()[2] === true ? 'I10: an unbound line waits for an EOI' : undefined
}

/** A model with so many events, in production or with one line altered. */
type LineModel = (events: number, mutant?: number) => ModelDefinition<unknown>

function bootMutant(mutant: number): void {
  bootLineFrom(1)
  chooseLineMutant(mutant)
}

/** The device raises its line again and again, and the driver makes it quiet and ends it. */
export const served: LineModel = (events, mutant = 0) => defineModel<unknown>({
  name: 'line', cpus: 2, parameters: { events, mutant },
  setup: () => { bootMutant(mutant) },
  threads: [
    { run: () => { drive() } }, { run: () => { idle() } },
    { cpu: DEVICE, name: 'device', run: () => { raiseLine(events) } },
  ],
  atRest: () => wrongWhileBound(),
})

/** The same, and the guest's time for an EOI is over in the midst of it. */
export const timedOut: LineModel = (events, mutant = 0) => defineModel<unknown>({
  name: 'line times out', cpus: 2, parameters: { events, mutant },
  setup: () => { bootMutant(mutant) },
  threads: [
    { run: () => { drive() } },
    { run: () => {
      doSoftirq()
      timeOut()
      idle()
    } },
    { cpu: DEVICE, name: 'device', run: () => { raiseLine(events) } },
  ],
  atRest: () => wrongWhileBound(),
})

/** The line is unbound while it is served. */
export const unbound: LineModel = (events, mutant = 0) => defineModel<unknown>({
  name: 'line unbound', cpus: 2, parameters: { events, mutant },
  setup: () => { bootMutant(mutant) },
  threads: [
    { run: () => {
      unbindLine()
      drive()
    } },
    { run: () => { idle() } },
    { cpu: DEVICE, name: 'device', run: () => { raiseLine(events) } },
  ],
  atRest: () => wrongUnbound(),
})
