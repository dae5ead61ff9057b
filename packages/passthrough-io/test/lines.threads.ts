// SPDX-License-Identifier: MIT
/** What the threads of lines.stress.ts run: the interrupt's CPU, two guests that share its line, their devices. */
import { ERESTART } from '@bottomhalf/base'
import { cpuRelax, global, irqEnable, load, store, word } from '@bottomhalf/machine'
import { doSoftirq } from '@bottomhalf/softirq'
import { driveLine, eventsMissed, raiseLine, rebindLine, unbindLine } from './lines.model.js'

const Sharing = global('testSharing', {
  // atomic: 1 when the devices are quiet for good
  over: word,
})

/** Whether the devices are quiet for good. */
export const devicesAreQuiet = (): boolean => load(Sharing.base + Sharing.over) !== 0

/** Thread 0 serves the interrupt, 1 and 2 are the guests, 3 their devices: an event of each, waited for, so many times. */
export function share(index: number, times: number): number {
  irqEnable()
  if (index === 3) return raiseBoth(times)
  return index === 0 ? serveInterrupts() : drive(index - 1)
}

/** The same, but guest 1 unbinds and binds its line all the while; only guest 0's events are waited for. */
export function shareWithRebinder(index: number, times: number): number {
  irqEnable()
  if (index === 3) return raiseFirst(times)
  if (index === 2) return rebind()
  return index === 0 ? serveInterrupts() : drive(0)
}

function serveInterrupts(): number {
  while (!devicesAreQuiet()) {
    doSoftirq()
    cpuRelax()
  }
  return 0
}

function drive(guest: number): number {
  while (!devicesAreQuiet()) {
    driveLine(1, guest)
    doSoftirq()
  }
  return 0
}

function raiseBoth(times: number): number {
  for (let n = 0; n < times; n++) {
    for (let guest = 0; guest < 2; guest++) raiseLine(1, guest)
    while (eventsMissed(0) + eventsMissed(1) > 0) cpuRelax()
  }
  store(Sharing.base + Sharing.over, 1)
  return times
}

function raiseFirst(times: number): number {
  for (let n = 0; n < times; n++) {
    raiseLine(1, 0)
    while (eventsMissed(0) > 0) cpuRelax()
  }
  store(Sharing.base + Sharing.over, 1)
  return times
}

// Ends bound.
function rebind(): number {
  let times = 0
  for (; !devicesAreQuiet(); times++) {
    unbindLine(1)
    while (rebindLine(1) === -ERESTART) doSoftirq()
    driveLine(1, 1)
    doSoftirq()
  }
  return times
}
