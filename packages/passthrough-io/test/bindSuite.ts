// SPDX-License-Identifier: MIT
/** Claims about binding and delivery that hold for every form of the protocol: the files that call this choose one. */
import { EBUSY, EINVAL, ENOMEM, EOPNOTSUPP, ERESTART } from '@bottomhalf/base'
import {
  Domain, DOMAIN_PV, domainCreate, domainReferences, PirqRecord, pirqRecordOf, putDomain, vcpuOf,
} from '@bottomhalf/domain'
import { evtchnBindPirqLocked, evtchnTake } from '@bottomhalf/hvm'
import { IrqDesc, irqDescOf, mapDomainPirq, msiIsMasked, msiSend, pirqGuestMask, requestIrq, unmapDomainPirq } from '@bottomhalf/irq'
import { failAllocation, handler, ld, liveBlocks, load, store } from '@bottomhalf/machine'
import { vcpuPin, vcpuUp } from '@bottomhalf/sched'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { onCpu } from '@bottomhalf/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  DPCI_MAPPED, dpciActive, dpciDomain, dpciOf, dpciRecordsActive, GFLAGS_UNMASKED, hvmDirqAssist,
  hvmDpciMsiEoi, hvmMigratePirqs, HvmPirqDpci, pirqOf, PROTOCOL_NAME, ptIrqCreateBind, ptIrqDestroyBind,
  ptIrqUpdateMsi, ptPirqIterate,
} from '../src/index.js'
import { boot, hash, heap, holdBack, letIn, settle, softirqs, take } from './boot.js'
import { createDomain, device, isRequested, linesEnded, makeLevel, mapDevice, msiBind, ok, takeRequested } from './setup.model.js'
import type { DomId, Pirq } from '@bottomhalf/base'
import type { PtIrqBind } from '../src/index.js'

const P = (n: number) => n as Pirq
const actionHandler = handler('testHostAction', () => 0)
const GVEC = 0x35
const ofType = (type: number) => ({ ...msiBind(5), type }) as unknown as PtIrqBind

export function bindSuite(form: string): void {
  let d = 0
  let irq = 0
  const record = () => dpciOf(pirqRecordOf(d, P(5)))
  const bind = (gvec = GVEC, gflags = GFLAGS_UNMASKED) => ptIrqCreateBind(d, msiBind(5, gvec, gflags))
  const unbind = () => ptIrqDestroyBind(d, msiBind(5))
  const withEventLock = <T>(fn: () => T): T => {
    spinLock(d + Domain.eventLock)
    const result = fn()
    spinUnlock(d + Domain.eventLock)
    return result
  }

  beforeEach(() => {
    boot(2)
    d = createDomain(1)
    irq = mapDevice(d, 5, 0)
  })

  test('DP-15: the protocol is the one asked for', () => {
    expect(PROTOCOL_NAME).toBe(form)
  })

  describe('from the device to the guest', () => {
    test('a message becomes the guest\'s vector after the softirq, not before', () => {
      ok(bind())
      msiSend(device(0))
      expect([isRequested(d, GVEC), dpciActive(record())]).toEqual([false, true])
      softirqs(0)
      expect([isRequested(d, GVEC), dpciActive(record())]).toEqual([true, false])
    })

    test('DP-3: messages before the softirq are served by one run, one after it by another', () => {
      ok(bind())
      for (let n = 0; n < 3; n++) msiSend(device(0))
      softirqs(0)
      expect([takeRequested(d, GVEC), takeRequested(d, GVEC)]).toEqual([true, false])
      softirqs(0)
      expect(takeRequested(d, GVEC)).toBe(false)
      msiSend(device(0))
      softirqs(0)
      expect(takeRequested(d, GVEC)).toBe(true)
    })

    test('DP-4, I4: at rest the domain has its creation reference only', () => {
      ok(bind())
      for (let n = 0; n < 10; n++) {
        msiSend(device(0))
        softirqs(0)
      }
      expect(domainReferences(d)).toBe(1)
    })

    test('DP-1: an interrupt whose pIRQ is not MAPPED is not taken over', () => {
      ok(bind())
      const dpci = record()
      store(dpci + HvmPirqDpci.flags, ld(dpci + HvmPirqDpci.flags) & ~DPCI_MAPPED)
      msiSend(device(0))
      expect(dpciActive(dpci)).toBe(false)
    })

    test('DP-7: an assist without an arrival delivers nothing', () => {
      ok(bind())
      hvmDirqAssist(record())
      expect(isRequested(d, GVEC)).toBe(false)
    })

    test('DP-7, GV-1: a pIRQ with an event channel gets the event instead of the vector', () => {
      ok(bind())
      const port = withEventLock(() => evtchnBindPirqLocked(pirqOf(record()), 0, false))
      msiSend(device(0))
      softirqs(0)
      expect([evtchnTake(vcpuOf(d, 0)), isRequested(d, GVEC)]).toEqual([port, false])
    })

    test('two devices have two vectors, and one run of the softirq serves both', () => {
      mapDevice(d, 6, 1)
      ok(bind())
      ok(ptIrqCreateBind(d, msiBind(6, 0x99)))
      msiSend(device(0))
      msiSend(device(1))
      softirqs(0)
      expect([isRequested(d, GVEC), isRequested(d, 0x99), domainReferences(d)]).toEqual([true, true, 1])
    })
  })

  describe('DP-10: ptIrqCreateBind', () => {
    test.each([
      ['a type that nobody knows', -EOPNOTSUPP, ofType(77)],
      ['a pIRQ below 0', -EINVAL, msiBind(-1)],
      ['a pIRQ beyond the last', -EINVAL, msiBind(16)],
      ['a pIRQ that is tied to nothing', -EINVAL, msiBind(6)],
      ['a vector below 16', -EINVAL, msiBind(5, 15)],
      ['a vector above 255', -EINVAL, msiBind(5, 256)],
    ])('DP-10: refuses %s, and changes nothing', (_what, errno, request) => {
      const before = hash()
      expect(ptIrqCreateBind(d, request)).toBe(errno)
      expect(hash()).toBe(before)
    })

    test('DP-10: refuses a PV domain with -EINVAL', () => {
      const pv = domainCreate({ domId: 2 as DomId, kind: DOMAIN_PV, vcpus: 1, nrPirqs: 16 })
      mapDevice(pv, 5, 1)
      expect(ptIrqCreateBind(pv, msiBind(5))).toBe(-EINVAL)
    })

    test('U9: refuses a dying domain with -EINVAL', () => {
      store(d + Domain.dying, 1)
      expect(bind()).toBe(-EINVAL)
    })

    test('DP-10: refuses an interrupt that the host has with -EBUSY, and undoes all it did', () => {
      expect(requestIrq(irq, actionHandler, 0)).toBe(0)
      const before = heap()
      expect(bind()).toBe(-EBUSY)
      expect(heap()).toEqual(before)
      expect([ld(record() + HvmPirqDpci.flags), ld(d + Domain.hvmIrqDpci)]).toEqual([0, 0])
    })

    test('DP-10: refuses with -ENOMEM for each allocation that fails, and changes nothing', () => {
      const before = heap()
      let failures = 0
      for (; ; failures++) {
        failAllocation(failures + 1)
        const result = bind()
        failAllocation(0)
        if (result === 0) break
        expect(result).toBe(-ENOMEM)
        expect(heap()).toEqual(before)
        expect([ld(record() + HvmPirqDpci.flags), ld(d + Domain.hvmIrqDpci)]).toEqual([0, 0])
      }
      // the domain's passthrough state, and the interrupt's guest action
      expect(failures).toBe(2)
    })

    test('DP-10: leaves the MSI masked unless asked to unmask it', () => {
      ok(bind(GVEC, 0))
      expect(msiIsMasked(device(0))).toBe(true)
      expect(pirqGuestMask(pirqOf(record()), false)).toBe(0)
      expect(msiIsMasked(device(0))).toBe(false)
    })

    test('DP-10: aims the interrupt at the CPU of the vCPU that it goes to', () => {
      ok(vcpuPin(vcpuOf(d, 0), 1))
      ok(bind())
      msiSend(device(0))
      take(0)
      expect(dpciActive(record())).toBe(false)
      take(1)
      expect(dpciActive(record())).toBe(true)
      softirqs(1)
      expect(isRequested(d, GVEC)).toBe(true)
    })

    test('DP-10: of a live binding moves the next interrupts to the new vector', () => {
      ok(bind())
      expect(bind(0x88)).toBe(0)
      msiSend(device(0))
      softirqs(0)
      expect([isRequested(d, GVEC), isRequested(d, 0x88)]).toEqual([false, true])
    })

    test('I8, U4: of a live binding succeeds while its run is queued on this very CPU', () => {
      ok(bind())
      msiSend(device(0))
      expect(bind(0x88)).toBe(0)
      softirqs(0)
      expect([isRequested(d, 0x88), domainReferences(d)]).toEqual([true, 1])
    })

    test('DP-10: of a live binding can unmask it, and does not mask it', () => {
      ok(bind(GVEC, 0))
      ok(bind(GVEC, GFLAGS_UNMASKED))
      expect(msiIsMasked(device(0))).toBe(false)
      ok(bind(GVEC, 0))
      expect(msiIsMasked(device(0))).toBe(false)
    })

    test('DP-10: refuses an MSI bind of a pIRQ that is bound as something else with -EBUSY', () => {
      ok(bind())
      store(record() + HvmPirqDpci.flags, DPCI_MAPPED)
      expect(bind()).toBe(-EBUSY)
    })

    test('DP-10: destVcpuId is the one vCPU that matches, 0 in a domain with one vCPU, -1 for several', () => {
      const many = createDomain(2, 3)
      mapDevice(many, 5, 1)
      const dest = () => ld(dpciOf(pirqRecordOf(many, P(5))) + HvmPirqDpci.destVcpuId)
      ok(ptIrqCreateBind(many, msiBind(5, GVEC, 2)))
      expect(dest()).toBe(2)
      ok(ptIrqCreateBind(many, msiBind(5, GVEC, 0xff)))
      expect(dest()).toBe(-1)
      ok(bind(GVEC, 0xff))
      expect(ld(record() + HvmPirqDpci.destVcpuId)).toBe(0)
    })

    test('DP-10: the interrupt follows its vCPU to another CPU', () => {
      ok(bind())
      expect(ld(irqDescOf(irq) + IrqDesc.cpu)).toBe(0)
      ok(vcpuPin(vcpuOf(d, 0), 1))
      hvmMigratePirqs(vcpuOf(d, 0))
      expect(ld(irqDescOf(irq) + IrqDesc.cpu)).toBe(1)
      msiSend(device(0))
      take(1)
      take(0)
      softirqs(1)
      expect(isRequested(d, GVEC)).toBe(true)
    })

    test('DP-10: of a domain without passthrough following is nothing', () => {
      expect(() => { hvmMigratePirqs(vcpuOf(d, 0)) }).not.toThrow()
    })
  })

  describe('DP-11: ptIrqDestroyBind', () => {
    test.each([
      ['a type that nobody knows', -EOPNOTSUPP, ofType(77)],
      ['a pIRQ out of range', -EINVAL, msiBind(99)],
      ['a pIRQ without record', -EINVAL, msiBind(6)],
      ['a pIRQ that is not bound', -EINVAL, msiBind(5)],
    ])('DP-11: refuses %s, and changes nothing', (_what, errno, request) => {
      const before = hash()
      expect(ptIrqDestroyBind(d, request)).toBe(errno)
      expect(hash()).toBe(before)
    })

    test('DP-11: a second time answers -EINVAL', () => {
      ok(bind())
      expect([unbind(), unbind()]).toEqual([0, -EINVAL])
    })

    test('I2: a message that was in flight is not delivered', () => {
      ok(bind())
      holdBack(0)
      msiSend(device(0))
      expect(onCpu(1, unbind)).toBe(0)
      letIn(0)
      softirqs(0)
      expect([isRequested(d, GVEC), msiIsMasked(device(0))]).toEqual([false, true])
    })

    test('DP-5, I2: a run that was scheduled delivers nothing, and its reference is back', () => {
      ok(bind())
      msiSend(device(0))
      expect(unbind()).toBe(0)
      expect(domainReferences(d)).toBe(1)
      softirqs(0)
      expect([isRequested(d, GVEC), domainReferences(d), dpciActive(record())]).toEqual([false, 1, false])
    })

    test('I8, DP-6, DP-10: a fresh bind answers -ERESTART until this CPU has served the run that was cancelled', () => {
      ok(bind())
      msiSend(device(0))
      ok(unbind())
      const before = heap()
      expect([bind(), bind()]).toEqual([-ERESTART, -ERESTART])
      expect(heap()).toEqual(before)
      softirqs(0)
      expect(bind()).toBe(0)
      msiSend(device(0))
      softirqs(0)
      expect(isRequested(d, GVEC)).toBe(true)
    })

    test('DP-11: what the device sent while it was not bound comes with the next binding', () => {
      ok(bind())
      ok(unbind())
      msiSend(device(0))
      softirqs(0)
      expect(isRequested(d, GVEC)).toBe(false)
      ok(bind())
      softirqs(0)
      expect(isRequested(d, GVEC)).toBe(true)
    })

    test('DP-11: a thousand bindings under fire leave heap, references and records as they were', () => {
      ok(bind())
      ok(unbind())
      const before = heap()
      for (let n = 0; n < 1000; n++) {
        ok(bind())
        msiSend(device(0))
        if (n % 3 === 0) softirqs(0)
        ok(unbind())
        if (n % 3 !== 0) softirqs(0)
      }
      expect([heap(), domainReferences(d)]).toEqual([before, 1])
    })

    test('DP-11: frees the record of an unmapped pIRQ, at once if it is at rest', () => {
      ok(bind())
      ok(withEventLock(() => unmapDomainPirq(d, P(5))))
      expect(withEventLock(() => mapDomainPirq(d, P(5), irq))).toBe(-EBUSY)
      expect(unbind()).toBe(0)
      settle(2)
      expect([pirqRecordOf(d, P(5)), records()]).toEqual([0, 0])
    })

    test('U7, I6: the record of an unmapped pIRQ stays while a run is linked; the next clean-up frees it', () => {
      ok(bind())
      msiSend(device(0))
      ok(withEventLock(() => unmapDomainPirq(d, P(5))))
      expect(unbind()).toBe(0)
      expect(records()).toBe(1)
      settle(2)
      expect(records()).toBe(1)
      ok(withEventLock(() => mapDomainPirq(d, P(5), irq)))
      ok(withEventLock(() => unmapDomainPirq(d, P(5))))
      settle(2)
      expect(records()).toBe(0)
    })
  })

  describe('DP-12: ptPirqIterate', () => {
    const numbers = (result: (pirq: number) => number): [number, number[]] => {
      const visited: number[] = []
      const end = withEventLock(() => ptPirqIterate(d, (dpci) => {
        visited.push(ld(pirqOf(dpci) + PirqRecord.pirq))
        return result(visited.at(-1) ?? -1)
      }))
      return [end, visited]
    }

    beforeEach(() => {
      boot(2)
      d = createDomain(1, 1, 64)
      for (let n = 0; n < 20; n++) {
        mapDevice(d, 3 * n, n)
        if (n % 4 !== 3) ok(ptIrqCreateBind(d, msiBind(3 * n, 0x40 + n)))
      }
    })
    const bound = Array.from({ length: 20 }, (_, n) => n).filter((n) => n % 4 !== 3).map((n) => 3 * n)

    test('DP-12: visits the mapped records in number order, over batches of 8', () => {
      expect(numbers(() => 0)).toEqual([0, bound])
    })

    test('H4: stops at the first result that is not 0, and returns that one', () => {
      expect(numbers((pirq) => pirq >= 12 ? -ERESTART - pirq : 0)).toEqual([-ERESTART - 12, [0, 3, 6, 12]])
    })

    test('DP-12: goes on when the visited record is freed', () => {
      for (const pirq of bound) ok(withEventLock(() => unmapDomainPirq(d, P(pirq))))
      const gone: number[] = []
      for (const pirq of bound) {
        ok(ptIrqDestroyBind(d, msiBind(pirq)))
        gone.push(pirq)
        expect(numbers(() => 0)).toEqual([0, bound.filter((other) => !gone.includes(other))])
      }
    })

    test('DP-12: of a domain without passthrough visits nothing', () => {
      d = createDomain(2)
      mapDevice(d, 5, 20)
      expect(numbers(() => 1)).toEqual([0, []])
    })

    test('DP-16: activity is looked at in every record, mapped or not', () => {
      msiSend(device(17))
      const active = () => withEventLock(() => dpciRecordsActive(d))
      expect(active()).toBe(true)
      ok(ptIrqDestroyBind(d, msiBind(51)))
      expect([numbers(() => 0)[1].includes(51), active()]).toEqual([false, true])
      softirqs(0)
      expect(active()).toBe(false)
    })
  })

  describe('DOM-2 with passthrough', () => {
    test('a destroyed domain gives back what binding allocated', () => {
      const before = heap()
      d = createDomain(2)
      mapDevice(d, 5, 1)
      ok(ptIrqCreateBind(d, msiBind(5)))
      ok(ptIrqDestroyBind(d, msiBind(5)))
      ok(withEventLock(() => unmapDomainPirq(d, P(5))))
      putDomain(d)
      settle(2)
      expect(heap()).toEqual(before)
    })

    test('DP-14: the domain of a record is written at its creation', () => {
      expect(dpciDomain(record())).toBe(d)
      ok(bind())
      ok(unbind())
      expect(dpciDomain(record())).toBe(d)
    })
  })

  describe('DP-9: hvmDpciMsiEoi', () => {
    const waiting = () => load(d + Domain.dpciEoiMsis)

    // the vCPU is the current one of this CPU
    beforeEach(() => {
      ok(vcpuUp(vcpuOf(d, 0)))
      softirqs(0)
    })

    test('DP-9: looks no further while no MSI of the domain waits for an EOI', () => {
      ok(bind())
      expect(waiting()).toBe(0)
      expect(() => { hvmDpciMsiEoi(GVEC) }).not.toThrow()
    })

    test('DP-9: ends the MSI of that vector, once', () => {
      makeLevel(irq)
      ok(bind())
      msiSend(device(0))
      softirqs(0)
      hvmDpciMsiEoi(GVEC + 1)
      expect([waiting(), linesEnded()]).toEqual([1, 0])
      hvmDpciMsiEoi(GVEC)
      hvmDpciMsiEoi(GVEC)
      expect(linesEnded()).toBe(1)
    })

    test('DP-9: ends the first one mapped, in order of number, when two have the vector', () => {
      makeLevel(mapDevice(d, 3, 1))
      makeLevel(irq)
      ok(bind())
      ok(ptIrqCreateBind(d, msiBind(3, GVEC)))
      msiSend(device(0))
      hvmDpciMsiEoi(GVEC)
      expect(linesEnded()).toBe(0)
      msiSend(device(1))
      hvmDpciMsiEoi(GVEC)
      expect(linesEnded()).toBe(1)
    })

    test('DP-9: passes over one whose destination is another vCPU', () => {
      makeLevel(irq)
      ok(bind(GVEC, GFLAGS_UNMASKED | 7))
      msiSend(device(0))
      hvmDpciMsiEoi(GVEC)
      expect(linesEnded()).toBe(0)
    })

    test('DP-10: an update ends first what the old vector has not', () => {
      makeLevel(irq)
      ok(bind())
      msiSend(device(0))
      ok(bind(0x88))
      expect(linesEnded()).toBe(1)
    })

    test('DP-10: ptIrqUpdateMsi changes a binding that is there, and makes none', () => {
      const update = (gvec: number) => ptIrqUpdateMsi(d, { ...msiBind(5), gvec })
      expect(update(0x88)).toBe(-EINVAL)
      ok(bind())
      ok(update(0x88))
      msiSend(device(0))
      softirqs(0)
      expect([isRequested(d, GVEC), isRequested(d, 0x88)]).toEqual([false, true])
      expect([update(15), ptIrqUpdateMsi(d, { ...msiBind(9), gvec: 0x88 })]).toEqual([-EINVAL, -EINVAL])
      ok(unbind())
      expect([update(0x77), ld(record() + HvmPirqDpci.flags)]).toEqual([-EINVAL, 0])
    })

    test('U9: ptIrqUpdateMsi leaves the binding of a dying domain', () => {
      ok(bind())
      store(d + Domain.dying, 1)
      expect(ptIrqUpdateMsi(d, { ...msiBind(5), gvec: 0x88 })).toBe(-EINVAL)
      store(d + Domain.dying, 0)
    })

    test('DP-9: after the unbind nothing waits', () => {
      makeLevel(irq)
      ok(bind())
      ok(unbind())
      expect(waiting()).toBe(0)
    })
  })
}

const records = (): number => liveBlocks().filter((block) => block.tag === PirqRecord.tag).length
