// SPDX-License-Identifier: MIT
import { vcpuOf } from '@bottomhalf/domain'
import { callHandler, handlerIdOf, ld, ldTime, load } from '@bottomhalf/machine'
import { doSoftirq, raiseSoftirq } from '@bottomhalf/softirq'
import { onCpu } from '@bottomhalf/testkit'
import { Timer, timerIsActive } from '@bottomhalf/timer'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  createLineIrq, createMsiIrq, IrqDesc, irqDescOf, irqFaultsAtRest, irqOfGsi, irqSetAffinity, lastWasLimited,
  limitedArrivals, LINE_EDGE, LINE_LEVEL, LINE_LEVEL_EOI, lineAssert, lineDeassert, lineIsInService, lineIsMasked,
  linePulse, MSI_GUEST_MASKED, msiIsMasked, msiIsPending, msiSend, msiUnmask, pirqGuestBind, pirqGuestEoi,
  pirqGuestMask, pirqGuestUnbind, requestIrq,
} from '../src/index.js'
import { eoisPending } from '../src/eoiStack.js'
import { IrqGuestAction } from '../src/irqDesc.js'
import { boot, device, heap, take } from './boot.js'
import { actionHandler, createDomain, map, ok, Seen, seen, tie } from './setup.model.js'
import type { SoftirqNr } from '@bottomhalf/base'

const delivered = () => load(seen(Seen.delivered))
const limited = (irq: number) => ld(irqDescOf(irq) + IrqDesc.limited)
const NEVER = 1e15
let d = 0

/** A line, bound to a guest on CPU 1. */
function bound(gsi: number, sort: Parameters<typeof createLineIrq>[1]): number {
  const pirq = map(d, gsi, createLineIrq(gsi, sort, 1))
  ok(pirqGuestBind(vcpuOf(d, 0), pirq, true))
  return pirq
}

function interrupt(gsi: number, cpu = 1): void {
  device(linePulse, gsi)
  take(cpu)
}

describe('IRQ-5: the EOI timer', () => {
  const timerOf = (gsi: number) => ld(irqDescOf(irqOfGsi(gsi)) + IrqDesc.action) + IrqGuestAction.timer

  const passMs = (ms: number): void => {
    vi.advanceTimersByTime(ms)
    onCpu(1, () => {
      raiseSoftirq(0 as SoftirqNr)
      doSoftirq()
    })
  }

  afterEach(() => { vi.useRealTimers() })

  test.each([['UNMASK', LINE_LEVEL], ['EOI', LINE_LEVEL_EOI]] as const)(
    'IRQ-5: finishes for a guest that never does, ack kind %s; a late EOI finds nothing', (_name, sort) => {
      boot(3, { eoiTimeoutNs: 0 })
      d = createDomain(1, 1)
      const pirq = bound(5, sort)
      interrupt(5)
      expect([lineIsMasked(5), lineIsInService(5)]).toEqual([sort === LINE_LEVEL, sort === LINE_LEVEL_EOI])
      onCpu(1, doSoftirq)
      expect([lineIsMasked(5), lineIsInService(5), onCpu(1, eoisPending)]).toEqual([false, false, 0])
      interrupt(5)
      onCpu(1, doSoftirq)
      pirqGuestEoi(pirq)
      interrupt(5)
      expect(delivered()).toBe(3)
    })

  test('IRQ-5: goes to the CPU of each delivery; there is none for ack kind NONE', () => {
    boot(3, { eoiTimeoutNs: NEVER })
    d = createDomain(1, 1)
    const pirq = bound(5, LINE_LEVEL)
    interrupt(5)
    expect([load(timerOf(5) + Timer.cpu), timerIsActive(timerOf(5))]).toEqual([1, true])
    pirqGuestEoi(pirq)
    ok(irqSetAffinity(irqOfGsi(5), 2))
    interrupt(5, 2)
    expect(load(timerOf(5) + Timer.cpu)).toBe(2)
    bound(6, LINE_EDGE)
    interrupt(6)
    expect(ld(timerOf(6) + Timer.status)).toBe(0)
  })

  test('IRQ-5, ET1: a delivery has its full time, and leaves a timer that is set alone; then it is finished for all', () => {
    vi.useFakeTimers({ toFake: ['hrtime'] })
    boot(3)
    d = createDomain(1, 1)
    const pirqs = [bound(5, LINE_LEVEL), tie(createDomain(2, 0), 5, irqOfGsi(5))]
    ok(pirqGuestBind(vcpuOf(d, 0), pirqs[1] ?? 0, true))
    const expiresMs = (): number => ldTime(timerOf(5) + Timer.expiresNs) / 1e6
    interrupt(5)
    pirqs.forEach(pirqGuestEoi)
    passMs(0.6)
    interrupt(5)
    expect([lineIsMasked(5), expiresMs()]).toEqual([true, 1])
    passMs(0.5)
    expect([lineIsMasked(5), expiresMs()]).toEqual([true, 1.6])
    passMs(0.5)
    expect([lineIsMasked(5), timerIsActive(timerOf(5))]).toEqual([false, false])
  })

  test('IRQ-6: is gone when the last guest is, and so is all memory', () => {
    boot(3, { eoiTimeoutNs: 0 })
    d = createDomain(1, 1)
    const pirq = map(d, 5, createLineIrq(5, LINE_LEVEL_EOI, 1))
    const before = heap()
    ok(pirqGuestBind(vcpuOf(d, 0), pirq, false))
    interrupt(5)
    ok(onCpu(1, () => pirqGuestUnbind(pirq)))
    expect(heap()).toEqual(before)
    onCpu(1, doSoftirq)
    expect([lineIsMasked(5), lineIsInService(5), onCpu(1, eoisPending)]).toEqual([true, false, 0])
  })
})

describe('IRQ-3: a storm', () => {
  const enableAll = (): void => { callHandler(handlerIdOf('irqEnableLimited'), 0) }

  beforeEach(() => {
    boot(2, { rateThreshold: 3, rateWindowNs: NEVER })
    d = createDomain(1, 1)
  })

  function boundMsi(): { irq: number, pirq: number } {
    const irq = createMsiIrq(seen(Seen.msi), 1)
    const pirq = map(d, 9, irq)
    ok(pirqGuestBind(vcpuOf(d, 0), pirq, false))
    ok(pirqGuestMask(pirq, false))
    return { irq, pirq }
  }

  test('IRQ-3: of an MSI: what exceeds the threshold is counted and not delivered, and masks it until the timer', () => {
    const { irq } = boundMsi()
    for (let n = 0; n < 4; n++) {
      device(msiSend, seen(Seen.msi))
      take(1)
    }
    expect([delivered(), limited(irq), msiIsMasked(seen(Seen.msi))]).toEqual([3, 1, true])
    expect(lastWasLimited(seen(Seen.msi))).toBe(true)
    device(msiSend, seen(Seen.msi))
    expect(msiIsPending(seen(Seen.msi))).toBe(true)
    enableAll()
    expect(lastWasLimited(seen(Seen.msi))).toBe(true)
    take(1)
    expect([delivered(), limited(irq), msiIsMasked(seen(Seen.msi))]).toEqual([4, 1, false])
    expect([limitedArrivals(seen(Seen.msi)), lastWasLimited(seen(Seen.msi))]).toEqual([1, false])
  })

  test('IRQ-3: of an edge line, which cannot be masked without loss: all that comes is counted until the timer', () => {
    bound(5, LINE_EDGE)
    for (let n = 0; n < 10; n++) interrupt(5)
    expect([delivered(), limited(irqOfGsi(5)), lineIsMasked(5)]).toEqual([3, 7, false])
    enableAll()
    interrupt(5)
    expect([delivered(), limited(irqOfGsi(5))]).toEqual([4, 7])
  })

  test.each([['UNMASK', LINE_LEVEL], ['EOI', LINE_LEVEL_EOI]] as const)(
    'IRQ-3: of a level line, ack kind %s: what is limited was acknowledged, and comes again after the timer', (_name, sort) => {
      const pirq = bound(5, sort)
      device(lineAssert, 5)
      for (let n = 0; n < 3; n++) {
        take(1)
        onCpu(1, () => { pirqGuestEoi(pirq) })
      }
      take(1)
      expect([delivered(), limited(irqOfGsi(5)), lineIsMasked(5), lineIsInService(5)]).toEqual([3, 1, true, false])
      enableAll()
      take(1)
      expect([delivered(), limited(irqOfGsi(5))]).toEqual([4, 1])
      device(lineDeassert, 5)
    })

  test('IRQ-3: the timer enables all that are limited, together, and each can be limited again', () => {
    bound(5, LINE_LEVEL_EOI)
    const { irq } = boundMsi()
    const storm = (): void => {
      for (let n = 0; n < 5; n++) {
        device(msiSend, seen(Seen.msi))
        take(1)
        interrupt(5)
        onCpu(1, () => { pirqGuestEoi(ld(ld(irqDescOf(irqOfGsi(5)) + IrqDesc.action) + IrqGuestAction.pirqs)) })
      }
    }
    for (let round = 1; round <= 3; round++) {
      storm()
      expect([msiIsMasked(seen(Seen.msi)), lineIsMasked(5)]).toEqual([true, true])
      enableAll()
      take(1)
      expect([msiIsMasked(seen(Seen.msi)), lineIsMasked(5)]).toEqual([false, false])
    }
    expect(limited(irq)).toBe(3)
  })

  test('IRQ-3: no more than the threshold within a window is no storm, however long it lasts', () => {
    boot(2, { rateThreshold: 3, rateWindowNs: 0 })
    d = createDomain(1, 1)
    bound(5, LINE_EDGE)
    for (let n = 0; n < 20; n++) interrupt(5)
    expect([delivered(), limited(irqOfGsi(5))]).toEqual([20, 0])
  })

  test('IRQ-3: a new user starts afresh, and the timer leaves an interrupt alone that was shut meanwhile', () => {
    const pirq = bound(5, LINE_LEVEL)
    for (let n = 0; n < 4; n++) {
      interrupt(5)
      pirqGuestEoi(pirq)
    }
    expect(lineIsMasked(5)).toBe(true)
    ok(onCpu(1, () => pirqGuestUnbind(pirq)))
    enableAll()
    expect(lineIsMasked(5)).toBe(true)
    ok(pirqGuestBind(vcpuOf(d, 0), pirq, true))
    interrupt(5)
    expect(delivered()).toBe(4)
  })

  test('IRQ-3, I10: one that was shut when its last guest went waits for a timer that is set, which is nothing wrong', () => {
    boot(2, { rateThreshold: 3 })
    d = createDomain(1, 1)
    const pirq = bound(5, LINE_EDGE)
    for (let n = 0; n < 4; n++) interrupt(5)
    ok(onCpu(1, () => pirqGuestUnbind(pirq)))
    expect([ld(irqDescOf(irqOfGsi(5)) + IrqDesc.waits), irqFaultsAtRest()]).toEqual([1, []])
  })

  test('IRQ-3: whatever the arrivals, fewer than twice the threshold pass within the length of a window', () => {
    const [threshold, windowMs] = [3, 10]
    vi.useFakeTimers({ toFake: ['hrtime'] })
    fc.assert(fc.property(fc.array(fc.nat(12), { maxLength: 60 }), (gapsMs) => {
      boot(2, { rateThreshold: threshold, rateWindowNs: windowMs * 1e6 })
      d = createDomain(1, 1)
      bound(5, LINE_EDGE)
      const passedMs: number[] = []
      let nowMs = 0
      for (const gapMs of gapsMs) {
        nowMs += gapMs
        vi.advanceTimersByTime(gapMs)
        onCpu(0, () => { raiseSoftirq(0 as SoftirqNr); doSoftirq() })
        const before = delivered()
        interrupt(5)
        if (delivered() > before) passedMs.push(nowMs)
      }
      for (const from of passedMs) {
        expect(passedMs.filter((at) => at >= from && at < from + windowMs).length).toBeLessThan(2 * threshold)
      }
    }), { numRuns: 60 })
    vi.useRealTimers()
  })

  test("IRQ-3: the host's interrupts are not limited", () => {
    const irq = createMsiIrq(seen(Seen.msi), 1)
    msiUnmask(seen(Seen.msi), MSI_GUEST_MASKED)
    ok(requestIrq(irq, actionHandler, 0))
    for (let n = 0; n < 10; n++) {
      device(msiSend, seen(Seen.msi))
      take(1)
    }
    expect(load(seen(Seen.actions))).toBe(10)
  })
})
