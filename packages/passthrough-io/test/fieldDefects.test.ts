// SPDX-License-Identifier: MIT
/** Defects of binding that the field had: each claim, and its twin in which the defect is put back. */
import { EBUSY, EEXIST, EINVAL, ENOMEM } from '@bottomhalf/base'
import { Domain, pirqRecordOf, pirqRecordRemove, vcpuOf } from '@bottomhalf/domain'
import { evtchnBindPirqLocked, evtchnTake } from '@bottomhalf/hvm'
import { destroyIrq, MSI_HOST_MASKED, msiMask, msiSend, unmapDomainPirq } from '@bottomhalf/irq'
import { failAllocation, store } from '@bottomhalf/machine'
import { spinIsLocked, spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { beforeEach, describe, expect, test, vi } from 'vitest'
import { ptIrqCreateBind, releaseBindings } from '../src/index.js'
import { boot, settle, softirqs } from './boot.js'
import { createDomain, device, lineBind, mapDevice, msiBind, ok } from './setup.model.js'
import type { Errno, Pirq, Ref } from '@bottomhalf/base'
import type * as BindRules from '../src/bindRules.js'
import type * as Release from '../src/release.js'

/** Which defect is put back. */
const defect = vi.hoisted(() => ({ keepsLockOnError: false, dropsRecord: false }))

vi.mock('#bindRules', async (production) => {
  const actual = await production<typeof BindRules>()
  const bindUnderLock = (d: Ref<'Domain'>, attempt: () => Errno): Errno => {
    spinLock(d + Domain.eventLock)
    const result = attempt()
    if (result === 0 || !defect.keepsLockOnError) spinUnlock(d + Domain.eventLock)
    return result
  }
  return { ...actual, bindUnderLock }
})

vi.mock('#release', async (production) => {
  const actual = await production<typeof Release>()
  const releaseBindingsAnd = (d: Ref<'Domain'>): Errno => {
    const result = actual.releaseBindings(d)
    if (defect.dropsRecord) pirqRecordRemove(pirqRecordOf(d, PIRQ))
    return result
  }
  return { ...actual, releaseBindings: releaseBindingsAnd }
})

const PIRQ = 5 as Pirq
let d = 0
let irq = 0
const withEventLock = <T>(fn: () => T): T => {
  spinLock(d + Domain.eventLock)
  const result = fn()
  spinUnlock(d + Domain.eventLock)
  return result
}

beforeEach(() => {
  Object.assign(defect, { keepsLockOnError: false, dropsRecord: false })
  boot()
  d = createDomain(1)
  irq = mapDevice(d, PIRQ, 0)
})

describe('a bind that is refused', () => {
  /** Refused binds, each with whether it left eventLock taken. */
  const refusals = (): [Errno, boolean][] => {
    const results: [Errno, boolean][] = []
    const refused = (fn: () => Errno) => {
      results.push([fn(), spinIsLocked(d + Domain.eventLock)])
      if (results.at(-1)?.[1] === true) spinUnlock(d + Domain.eventLock)
    }
    refused(() => ptIrqCreateBind(d, msiBind(6)))
    failAllocation(1)
    refused(() => ptIrqCreateBind(d, lineBind(PIRQ)))
    failAllocation(0)
    ok(ptIrqCreateBind(d, lineBind(PIRQ)))
    refused(() => ptIrqCreateBind(d, msiBind(PIRQ)))
    refused(() => ptIrqCreateBind(d, lineBind(PIRQ)))
    return results
  }
  const errnos = [-EINVAL, -ENOMEM, -EBUSY, -EEXIST]

  test('I7: ca49c64543: leaves eventLock free, whatever the reason', () => {
    expect(refusals()).toEqual(errnos.map((errno) => [errno, false]))
  })

  test('I7: ca49c64543 twin: an error path that keeps eventLock is seen at every reason', () => {
    defect.keepsLockOnError = true
    expect(refusals()).toEqual(errnos.map((errno) => [errno, true]))
  })
})

describe('the end of a domain that has a bound pIRQ', () => {
  /** What unmapping the pIRQ and destroying its interrupt answer after the bindings were released. */
  const afterRelease = (): Errno[] => {
    ok(ptIrqCreateBind(d, msiBind(PIRQ)))
    store(d + Domain.dying, 1)
    ok(withEventLock(() => releaseBindings(d)))
    const unmapped = withEventLock(() => unmapDomainPirq(d, PIRQ))
    settle()
    return [unmapped, destroyIrq(irq)]
  }

  test('I11: XSA-360: leaves the pIRQ in the index, so that it is unmapped and its interrupt goes', () => {
    expect(afterRelease()).toEqual([0, 0])
  })

  test('I11: XSA-360 twin: a record that is dropped from the index leaks its pIRQ and the interrupt', () => {
    defect.dropsRecord = true
    expect(afterRelease()).toEqual([-EINVAL, -EBUSY])
  })
})

describe('a message whose guest is told by an event channel', () => {
  /** Ports that the guest takes for two messages. */
  const eventsOfTwo = (between: () => void): number[] => {
    ok(ptIrqCreateBind(d, msiBind(PIRQ)))
    ok(Math.min(withEventLock(() => evtchnBindPirqLocked(pirqRecordOf(d, PIRQ), 0, false)), 0))
    const taken = [0, 1].map((n) => {
      msiSend(device(0))
      softirqs(0)
      if (n === 0) between()
      return evtchnTake(vcpuOf(d, 0))
    })
    return taken
  }

  test('GV-1: 84d6add559: is not left masked: the next one comes too', () => {
    const [first, second] = eventsOfTwo(() => undefined)
    expect(first).toBeGreaterThan(0)
    expect(second).toBe(first)
  })

  test('GV-1: 84d6add559 twin: one that is left masked is held back', () => {
    expect(eventsOfTwo(() => { msiMask(device(0), MSI_HOST_MASKED) })[1]).toBe(-1)
  })
})
