// SPDX-License-Identifier: MIT
/** Claims about lines of the guest, INTx and TRANSLATE, that hold for every form of the protocol. */
import { EBUSY, EEXIST, EINVAL, ENOMEM, ERESTART } from '@bottomhalf/base'
import { Domain, domainReferences, PirqRecord, pirqRecordOf, putDomain, vcpuOf } from '@bottomhalf/domain'
import { evtchnBindPirqLocked, evtchnTake, hvmGsiAssertCount, hvmPciIntxGsi, hvmSetPciLinkRoute } from '@bottomhalf/hvm'
import { mapDomainPirq, msiIsMasked, msiSend, requestIrq, unmapDomainPirq } from '@bottomhalf/irq'
import { failAllocation, handler, ld, liveBlocks, store } from '@bottomhalf/machine'
import { vcpuUp } from '@bottomhalf/sched'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  dpciActive, dpciOf, GuestLine, hvmDpciEoi, HvmPirqDpci, pirqOf, ptIrqCreateBind, ptIrqDestroyBind, releaseBindings,
} from '../src/index.js'
import { boot, contents, hash, heap, holdTime, passTime, settle, softirqs } from './boot.js'
import {
  createDomain, device, isRequested, lineBind, linesEnded, makeLevel, mapDevice, msiBind, ok, translateBind,
} from './setup.model.js'
import type { Pirq } from '@bottomhalf/base'
import type { PtIrqBind } from '../src/index.js'

const P = (n: number) => n as Pirq
const actionHandler = handler('testLineHostAction', () => 0)
const GSI = hvmPciIntxGsi(3, 0)
/** The other device whose pin has this GSI. */
const SAME_GSI = { device: 10, intx: 3 }

export function lineSuite(): void {
  let d = 0
  let irq = 0
  const record = (pirq = 5) => dpciOf(pirqRecordOf(d, P(pirq)))
  const bind = (request: PtIrqBind = lineBind(5)) => ptIrqCreateBind(d, request)
  const unbind = (request: PtIrqBind = lineBind(5)) => ptIrqDestroyBind(d, request)
  const arrive = (n = 0) => {
    msiSend(device(n))
    softirqs(0)
  }
  const count = (gsi: number = GSI) => hvmGsiAssertCount(d, gsi)
  const pending = (pirq = 5) => ld(record(pirq) + HvmPirqDpci.pending)
  const lines = () => liveBlocks().filter((block) => block.tag === GuestLine.tag).length
  const withEventLock = <T>(fn: () => T): T => {
    spinLock(d + Domain.eventLock)
    const result = fn()
    spinUnlock(d + Domain.eventLock)
    return result
  }
  const sendEvents = (pirq = 5) => withEventLock(() => evtchnBindPirqLocked(pirqOf(record(pirq)), 0, false))

  // pIRQ 5 is a level interrupt, its guest's vCPU is the current one of CPU 0
  const begin = (checks: boolean) => {
    holdTime()
    boot(2, checks)
    d = createDomain(1)
    irq = mapDevice(d, 5, 0)
    makeLevel(irq)
    ok(vcpuUp(vcpuOf(d, 0)))
    softirqs(0)
  }
  beforeEach(() => { begin(true) })
  afterEach(() => { vi.useRealTimers() })

  describe('from the device to the guest and back', () => {
    test('DP-7: an INTx interrupt asserts every linked line, and waits for each', () => {
      ok(bind())
      ok(bind(lineBind(5, 4, 1)))
      arrive()
      expect([count(), count(hvmPciIntxGsi(4, 1)), pending(), linesEnded()]).toEqual([1, 1, 2, 0])
    })

    test('DP-9: the machine interrupt is ended with the last of its lines', () => {
      ok(bind())
      ok(bind(lineBind(5, 4, 1)))
      arrive()
      hvmDpciEoi(GSI)
      expect([count(), pending(), linesEnded()]).toEqual([0, 1, 0])
      hvmDpciEoi(hvmPciIntxGsi(4, 1))
      expect([count(hvmPciIntxGsi(4, 1)), pending(), linesEnded()]).toEqual([0, 0, 1])
    })

    test('DP-9, U11: a stray EOI changes nothing, and the next interrupt is ended by its own', () => {
      ok(bind())
      hvmDpciEoi(GSI)
      hvmDpciEoi(GSI)
      expect([pending(), linesEnded()]).toEqual([0, 0])
      arrive()
      hvmDpciEoi(GSI)
      expect([pending(), linesEnded()]).toEqual([0, 1])
    })

    test('DP-9, U11: a stray EOI of one line does not stand for another line of the pIRQ', () => {
      ok(bind())
      ok(bind(lineBind(5, 4, 1)))
      arrive()
      hvmDpciEoi(GSI)
      hvmDpciEoi(GSI)
      expect([pending(), linesEnded(), count(hvmPciIntxGsi(4, 1))]).toEqual([1, 0, 1])
    })

    test('DP-9: an EOI of a GSI ends every pIRQ that asserts it', () => {
      makeLevel(mapDevice(d, 6, 1))
      ok(bind())
      ok(bind(lineBind(6, SAME_GSI.device, SAME_GSI.intx)))
      arrive(0)
      arrive(1)
      expect(count()).toBe(2)
      hvmDpciEoi(GSI)
      expect([count(), pending(5), pending(6), linesEnded()]).toEqual([0, 0, 0, 2])
    })

    test('DP-9: an EOI of another GSI, or in a domain without passthrough, is nothing', () => {
      hvmDpciEoi(GSI)
      ok(bind())
      arrive()
      hvmDpciEoi(GSI + 1)
      expect([count(), pending(), linesEnded()]).toEqual([1, 1, 0])
    })

    test('DP-9: an EOI below 16 goes through the map of ISA lines: the links that are routed there', () => {
      ok(bind())
      ok(bind(lineBind(5, 4, 0)))
      ok(hvmSetPciLinkRoute(d, 3, 10))
      arrive()
      hvmDpciEoi(11)
      expect(pending()).toBe(2)
      hvmDpciEoi(10)
      expect([count(), count(10), pending()]).toEqual([0, 0, 1])
      ok(hvmSetPciLinkRoute(d, 0, 10))
      hvmDpciEoi(10)
      expect([pending(), linesEnded()]).toEqual([0, 1])
    })

    test('DP-7: an interrupt that comes again before the guest has ended it is one that waits', () => {
      ok(bind())
      arrive()
      arrive()
      expect([count(), pending()]).toEqual([1, 1])
      hvmDpciEoi(GSI)
      expect([count(), pending(), linesEnded()]).toEqual([0, 0, 1])
    })

    test('DP-7, GV-1: an event channel gets the event in addition to the lines; its guest\'s EOI leaves them', () => {
      ok(bind())
      const port = sendEvents()
      arrive()
      expect([evtchnTake(vcpuOf(d, 0)), count()]).toEqual([port, 1])
      hvmDpciEoi(GSI)
      expect([count(), pending(), linesEnded()]).toEqual([1, 0, 1])
    })

    test('DP-8: without an answer nothing of the record ends its interrupt', () => {
      ok(bind())
      arrive()
      settle(2)
      expect([count(), pending(), linesEnded(), dpciActive(record())]).toEqual([1, 1, 0, false])
    })

    test('DP-8, IRQ-5: the machine\'s timer releases the line after 1 ms; the guest\'s late EOI still lowers its own', () => {
      ok(bind())
      arrive()
      passTime(2)
      expect([count(), pending(), linesEnded()]).toEqual([1, 1, 1])
      hvmDpciEoi(GSI)
      expect([count(), pending(), linesEnded()]).toEqual([0, 0, 1])
      arrive()
      hvmDpciEoi(GSI)
      expect([count(), pending(), linesEnded()]).toEqual([0, 0, 2])
    })
  })

  describe('TRANSLATE', () => {
    test('DP-7: a message becomes a line, and is ended for the machine at once', () => {
      ok(bind(translateBind(5)))
      arrive()
      expect([count(), pending(), linesEnded()]).toEqual([1, 1, 1])
      hvmDpciEoi(GSI)
      expect([count(), pending(), linesEnded()]).toEqual([0, 0, 1])
    })

    test('DP-10: the message is unmasked by the bind, as no guest knows of it, and masked by the unbind', () => {
      ok(bind(translateBind(5)))
      expect(msiIsMasked(device(0))).toBe(false)
      ok(unbind(translateBind(5)))
      expect(msiIsMasked(device(0))).toBe(true)
    })

    test('I1: a message while the guest serves the line asserts it again after the EOI', () => {
      ok(bind(translateBind(5)))
      arrive()
      arrive()
      hvmDpciEoi(GSI)
      expect([count(), pending()]).toEqual([1, 1])
      hvmDpciEoi(GSI)
      expect([count(), pending()]).toEqual([0, 0])
    })

    test('I1: a message while the guest serves another device of the GSI asserts it again after the EOI', () => {
      makeLevel(mapDevice(d, 6, 1))
      ok(bind(lineBind(6, SAME_GSI.device, SAME_GSI.intx)))
      ok(bind(translateBind(5)))
      arrive(1)
      arrive(0)
      hvmDpciEoi(GSI)
      expect([count(), pending(5), pending(6)]).toEqual([1, 1, 0])
    })
  })

  describe('DP-10: ptIrqCreateBind of lines', () => {
    test.each([
      ['a pIRQ out of range', -EINVAL, lineBind(16)],
      ['a pIRQ that is tied to nothing', -EINVAL, lineBind(6)],
      ['a bus below 0', -EINVAL, { ...lineBind(5), bus: -1 }],
      ['a bus above 255', -EINVAL, { ...lineBind(5), bus: 256 }],
      ['a device above 31', -EINVAL, lineBind(5, 32)],
      ['a device that is no whole number', -EINVAL, lineBind(5, 1.5)],
      ['a pin above 3', -EINVAL, lineBind(5, 3, 4)],
    ])('DP-10: refuses %s, and changes nothing', (_what, errno, request) => {
      begin(false)
      const before = hash()
      expect(bind(request)).toBe(errno)
      expect(hash()).toBe(before)
    })

    test('DP-10: a pIRQ that is bound as another type answers -EBUSY, and the same line twice -EEXIST', () => {
      begin(false)
      ok(bind())
      const before = hash()
      expect([bind(msiBind(5)), bind(translateBind(5, 4)), bind()]).toEqual([-EBUSY, -EBUSY, -EEXIST])
      expect(hash()).toBe(before)
    })

    test('DP-10, U9: a dying domain gets neither a first line nor a further one', () => {
      ok(bind())
      store(d + Domain.dying, 1)
      expect(bind(lineBind(5, 4))).toBe(-EINVAL)
      ok(unbind())
      expect(bind()).toBe(-EINVAL)
    })

    test('DP-10: -EBUSY of the machine leaves the memory byte for byte as it was', () => {
      expect(requestIrq(irq, actionHandler, 0)).toBe(0)
      const blocks = heap()
      expect([bind(), bind(translateBind(5))]).toEqual([-EBUSY, -EBUSY])
      expect([heap(), ld(record() + HvmPirqDpci.flags), ld(d + Domain.hvmIrqDpci)]).toEqual([blocks, 0, 0])
    })

    test('DP-10, DP-6: -ERESTART until this CPU has served the cancelled run; a further line does not wait', () => {
      ok(bind())
      msiSend(device(0))
      expect(bind(lineBind(5, 4))).toBe(0)
      ok(unbind(lineBind(5, 4)))
      ok(unbind())
      expect(bind()).toBe(-ERESTART)
      softirqs(0)
      expect(bind()).toBe(0)
    })

    test('IRQ-5: domains share an INTx interrupt; a message that becomes a line is not shared', () => {
      ok(bind())
      expect(ld(ld(record() + HvmPirqDpci.lines) - GuestLine.inRecord + GuestLine.device)).toBe(3)
      ok(unbind())
      ok(bind(translateBind(5)))
    })

    test.each([
      ['a first line', [], lineBind(5), 3],
      ['a message as a line', [], translateBind(5), 3],
      ['a line in a domain with passthrough', [msiBind(6)], lineBind(5), 2],
      ['a further line', [lineBind(5, 9)], lineBind(5), 1],
    ])('I11: every allocation of %s that fails answers -ENOMEM and leaves all as it was', (_what, first, request, sites) => {
      begin(false)
      mapDevice(d, 6, 1)
      for (const other of first) ok(bind(other))
      const before = contents()
      for (let site = 1; site <= sites; site++) {
        failAllocation(site)
        expect(bind(request)).toBe(-ENOMEM)
        failAllocation(0)
        expect(contents()).toEqual(before)
      }
      failAllocation(sites + 1)
      expect(bind(request)).toBe(0)
      failAllocation(0)
    })
  })

  describe('DP-11: ptIrqDestroyBind of lines', () => {
    test('DP-11: no such line, no such type, no passthrough: -EINVAL, and nothing changes', () => {
      begin(false)
      const fresh = hash()
      expect(unbind()).toBe(-EINVAL)
      expect(hash()).toBe(fresh)
      ok(bind())
      const before = hash()
      const wrong = [
        lineBind(5, 4), { ...lineBind(5), bus: 1 }, lineBind(5, 3, 1), msiBind(5), translateBind(5), lineBind(6),
      ]
      expect(wrong.map(unbind)).toEqual(wrong.map(() => -EINVAL))
      expect(hash()).toBe(before)
    })

    test('DP-11: an INTx unbind on a pIRQ that is bound as a message is -EINVAL (db0eee0a07)', () => {
      ok(bind(msiBind(5)))
      expect(unbind()).toBe(-EINVAL)
      arrive()
      expect(isRequested(d, 0x35)).toBe(true)
    })

    test('DP-11: the interrupt goes with the last line only', () => {
      ok(bind())
      ok(bind(lineBind(5, 4)))
      ok(unbind())
      arrive()
      expect([count(), count(hvmPciIntxGsi(4, 0)), pending()]).toEqual([0, 1, 1])
      ok(unbind(lineBind(5, 4)))
      arrive()
      expect([count(hvmPciIntxGsi(4, 0)), pending(), dpciActive(record()), lines()]).toEqual([0, 0, false, 0])
    })

    test('I10: the unbind of the line that was waited for ends the machine interrupt', () => {
      ok(bind())
      ok(bind(lineBind(5, 4)))
      arrive()
      hvmDpciEoi(hvmPciIntxGsi(4, 0))
      expect(linesEnded()).toBe(0)
      ok(unbind())
      expect([linesEnded(), pending(), count()]).toEqual([1, 0, 0])
    })

    test('GL2: a wire stays high while another pIRQ that asserts it waits, and is low after the last', () => {
      makeLevel(mapDevice(d, 6, 1))
      ok(bind())
      ok(bind(lineBind(6)))
      arrive(0)
      arrive(1)
      expect(count()).toBe(1)
      ok(unbind())
      expect(count()).toBe(1)
      ok(unbind(lineBind(6)))
      expect(count()).toBe(0)
    })

    test('I2, DP-5: a run that was scheduled asserts nothing, and its reference is back', () => {
      ok(bind())
      msiSend(device(0))
      ok(unbind())
      softirqs(0)
      expect([count(), pending(), domainReferences(d)]).toEqual([0, 0, 1])
    })

    test('DP-11: the record of an unmapped pIRQ is freed with its last line, at rest', () => {
      ok(bind())
      ok(withEventLock(() => unmapDomainPirq(d, P(5))))
      expect(withEventLock(() => mapDomainPirq(d, P(5), irq))).toBe(-EBUSY)
      ok(unbind())
      settle(2)
      expect([pirqRecordOf(d, P(5)), tagged(PirqRecord.tag)]).toEqual([0, 0])
    })

    test('DP-11: a thousand bindings of each kind under fire leave heap, references and lines as they were', () => {
      ok(bind())
      ok(unbind())
      const before = heap()
      for (let n = 0; n < 1000; n++) {
        const request = n % 2 === 0 ? lineBind(5) : translateBind(5)
        ok(bind(request))
        msiSend(device(0))
        if (n % 3 === 0) softirqs(0)
        ok(unbind(request))
        if (n % 3 !== 0) softirqs(0)
      }
      expect([heap(), domainReferences(d), count()]).toEqual([before, 1, 0])
    })
  })

  describe('the end of a domain', () => {
    const dying = () => {
      store(d + Domain.dying, 1)
      return withEventLock(() => releaseBindings(d))
    }

    test('PCI-5, U10: every binding goes in one pass, with its lines; nothing is left of passthrough', () => {
      const before = heap()
      makeLevel(mapDevice(d, 6, 1))
      mapDevice(d, 7, 2)
      for (const request of [lineBind(5), lineBind(5, 4), translateBind(6), msiBind(7)]) ok(bind(request))
      arrive(0)
      arrive(1)
      expect(dying()).toBe(0)
      expect([lines(), count(), ld(d + Domain.hvmIrqDpci), linesEnded()]).toEqual([0, 0, 0, 1])
      for (const pirq of [6, 7]) ok(withEventLock(() => unmapDomainPirq(d, P(pirq))))
      settle(2)
      expect(heap()).toEqual(before)
    })

    test('PCI-5, DP-16: -ERESTART while a record is active, mapped or not; a second pass unbinds nothing again', () => {
      ok(bind())
      msiSend(device(0))
      expect([dying(), dying()]).toEqual([-ERESTART, -ERESTART])
      expect(lines()).toBe(0)
      softirqs(0)
      expect([dying(), dying()]).toEqual([0, 0])
      expect([ld(d + Domain.hvmIrqDpci), count(), domainReferences(d)]).toEqual([0, 0, 1])
    })

    test('I11: a domain whose lines were released gives everything back', () => {
      const before = heap()
      d = createDomain(2)
      mapDevice(d, 5, 3)
      ok(bind())
      expect(dying()).toBe(0)
      ok(withEventLock(() => unmapDomainPirq(d, P(5))))
      putDomain(d)
      settle(2)
      expect(heap()).toEqual(before)
    })
  })
}

const tagged = (tag: number): number => liveBlocks().filter((block) => block.tag === tag).length
