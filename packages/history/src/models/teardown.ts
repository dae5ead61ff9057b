// SPDX-License-Identifier: MIT
/** A domain's bindings are torn down while their interrupts are being served. */
import { bug, ERESTART, type Errno } from '@bottomhalf/base'
import { defineModel } from '@bottomhalf/checker'
import { Domain, DOMAIN_DYING } from '@bottomhalf/domain'
import { unmapDomainPirq } from '@bottomhalf/irq'
import { store } from '@bottomhalf/machine'
import { releaseBindings } from '@bottomhalf/passthrough-io'
import { dpciActive } from '@bottomhalf/passthrough-io/variant'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { arrivals, type ModelMaker } from './maker.js'
import { atRestDead } from './rest.js'
import {
  addBound, addDevice, arriveShared, awaitRest, bind, boot, createDomain, LINE, ok, pirqOfDevice, recordOf,
  serveUntil, theDomain,
} from './world.js'

/** CPU 0 takes an interrupt of the first of `devices` devices, CPU 1 tears down. */
export const teardown: ModelMaker = ({ devices = 1, kind = 0 }) => defineModel<unknown>({
  name: 'teardown', cpus: 2, parameters: { devices, kind },
  setup: () => {
    boot(2)
    for (let n = 0; n < devices; n++) addBound(n, kind)
  },
  threads: [{ run: () => { serveUntil(0, 1) } }, { run: () => { tearDown(devices) } }],
  interrupts: arrivals(0, 0, 1),
  atRest: () => atRestDead(devices),
})

/** One CPU binds a line, tears the domain's bindings down, and unties the number: nothing may be left of it. */
export const lineLife: ModelMaker = () => defineModel<unknown>({
  name: 'line-life', cpus: 1,
  setup: () => {
    boot(1)
    addDevice(theDomain(), 0, LINE)
  },
  threads: [{
    run: () => {
      ok(bind(0, 0))
      tearDown(1)
      if (unmap(0) !== 0) bug('a pIRQ of a dead domain cannot be untied', 'I11')
    },
  }],
})

/** The same of a domain whose line is another domain's too. */
export const sharedLine: ModelMaker = () => defineModel<unknown>({
  name: 'shared-line', cpus: 2,
  setup: () => {
    boot(2)
    const irq = addDevice(theDomain(), 0, LINE)
    ok(bind(0, 0))
    addDevice(createDomain(2), 1, LINE, irq)
    ok(bind(1, 0))
  },
  threads: [{ run: () => { serveUntil(0, 1) } }, { run: () => { tearDown(1) } }],
  interrupts: [{ cpu: 0, name: 'line@0', run: () => { arriveShared(0) } }],
})

/** Tear down everything of the first domain, again and again while a run is on its way. */
export function tearDown(devices: number): void {
  const d = theDomain()
  spinLock(d + Domain.eventLock)
  store(d + Domain.dying, DOMAIN_DYING)
  spinUnlock(d + Domain.eventLock)
  let result = release()
  if (result === 0) return allMustRest(devices, 'a teardown ended at its first pass with a run on its way')  // H4
  // at once again, as a caller that has nothing else to do
  result = release()
  while (result === -ERESTART) {
    awaitRest(0)
    result = release()
  }
  ok(result)
  allMustRest(devices, 'a teardown ended at a later pass with a run on its way')  // U6
}

function allMustRest(devices: number, complaint: string): void {
  for (let n = 0; n < devices; n++) if (dpciActive(recordOf(n))) bug(complaint, 'I6')
}

/** Untie a device's number. */
export function unmap(n: number): Errno {
  const d = theDomain()
  spinLock(d + Domain.eventLock)
  const result = unmapDomainPirq(d, pirqOfDevice(n))
  spinUnlock(d + Domain.eventLock)
  return result
}

function release(): Errno {
  const d = theDomain()
  spinLock(d + Domain.eventLock)
  const result = releaseBindings(d)
  spinUnlock(d + Domain.eventLock)
  return result
}
