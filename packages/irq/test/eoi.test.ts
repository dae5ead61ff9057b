// SPDX-License-Identifier: MIT
import { vcpuOf } from '@bottomhalf/domain'
import { handler, ld, load } from '@bottomhalf/machine'
import { onCpu } from '@bottomhalf/testkit'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  createLineIrq, createUnmaskableMsiIrq, freeIrq, IrqDesc, irqDescOf, irqOfGsi, irqSetAffinity, LINE_LEVEL_EOI,
  lineAssert, lineDeassert, lineIsAsserted, lineIsInService, lineIsMasked, linePulse, msiIsMasked, msiSend,
  pirqGuestBind, pirqGuestEoi, pirqGuestMask, pirqGuestUnbind, pirqNeedsEoi, requestIrq,
} from '../src/index.js'
import { eoisPending } from '../src/eoiStack.js'
import { boot, device, goOffline, take } from './boot.js'
import { actionHandler, createDomain, map, ok, Seen, seen, tie } from './setup.model.js'
import { EINVAL } from '@bottomhalf/base'

const counted = (...fields: number[]) => fields.map((field) => load(seen(field)))
const delivered = () => load(seen(Seen.delivered))
const inService = (cpu: number) => onCpu(cpu, eoisPending)
const vectorOf = (gsi: number) => ld(irqDescOf(irqOfGsi(gsi)) + IrqDesc.vector)

let d = 0

/** A level line of ack kind EOI, bound to a guest on CPU 1. */
function bound(gsi: number, willShare = false): number {
  const pirq = map(d, gsi, createLineIrq(gsi, LINE_LEVEL_EOI, 1))
  ok(pirqGuestBind(vcpuOf(d, 0), pirq, willShare))
  return pirq
}

/** Lines 5 and 8, the second on a vector of a higher class. */
function twoClasses(): [number, number] {
  const low = bound(5)
  ok(Math.min(0, createLineIrq(30, LINE_LEVEL_EOI, 1)))
  return [low, bound(8)]
}

/** A device interrupts on CPU 1, and is content with that. */
function interrupt(gsi: number): void {
  device(linePulse, gsi)
  take(1)
}

const finish = (cpu: number, pirq: number): void => { onCpu(cpu, () => { pirqGuestEoi(pirq) }) }

beforeEach(() => {
  boot(3)
  d = createDomain(1, 1)
})

// handlers have their names before the memory is bound
const nestHandler = handler('testNest', (gsi: number) => {
  device(linePulse, gsi)
  take(1)
})

describe('IRQ-4: a level line of ack kind EOI', () => {
  test('IRQ-4: stays in service, unmasked, until its guest finishes, and comes again if it is up', () => {
    const pirq = bound(5)
    expect(pirqNeedsEoi(pirq)).toBe(true)
    device(lineAssert, 5)
    take(1)
    expect([delivered(), lineIsInService(5), lineIsMasked(5), inService(1)]).toEqual([1, true, false, 1])
    finish(1, pirq)
    take(1)
    expect([delivered(), inService(1)]).toEqual([2, 1])
    device(lineDeassert, 5)
    finish(1, pirq)
    take(1)
    expect([delivered(), lineIsInService(5), inService(1)]).toEqual([2, false, 0])
  })

  test('IRQ-7: only the first EOI counts', () => {
    const [low, high] = [bound(5), bound(6)]
    interrupt(6)
    finish(1, high)
    finish(1, high)
    interrupt(5)
    finish(1, high)
    expect([delivered(), inService(1)]).toEqual([2, 1])
    finish(1, low)
    expect(inService(1)).toBe(0)
  })

  test('IRQ-4: an EOI on another CPU goes by IPI to the one that took the interrupt', () => {
    const pirq = bound(5)
    interrupt(5)
    finish(0, pirq)
    expect([lineIsInService(5), inService(1)]).toEqual([true, 1])
    take(1)
    expect([lineIsInService(5), inService(1)]).toEqual([false, 0])
  })

  test('IRQ-4: one whose guest finished stays in service under one whose guest has not', () => {
    const [low, high] = twoClasses()
    expect(vectorOf(8) >> 4).toBeGreaterThan(vectorOf(5) >> 4)
    interrupt(5)
    interrupt(8)
    finish(1, low)
    expect([inService(1), lineIsInService(5), lineIsInService(8)]).toEqual([2, true, true])
    finish(1, high)
    expect([inService(1), lineIsInService(5), lineIsInService(8)]).toEqual([0, false, false])
  })

  test('IRQ-4: EOI1, EOI3: a vector that is not above the one in service waits, and comes when that has ended', () => {
    const [low, high] = [bound(5), bound(8)]
    interrupt(8)
    interrupt(5)
    expect([delivered(), inService(1)]).toEqual([1, 1])
    finish(1, high)
    take(1)
    expect([delivered(), load(seen(Seen.lastPirq)), inService(1)]).toEqual([2, low, 1])
  })

  test('IRQ-5: a shared one ends when the last of its guests has finished', () => {
    const pirq = bound(5, true)
    const other = tie(createDomain(2, 0), 5, irqOfGsi(5))
    ok(pirqGuestBind(vcpuOf(d, 0), other, true))
    interrupt(5)
    finish(1, other)
    expect([delivered(), lineIsInService(5)]).toEqual([2, true])
    ok(onCpu(1, () => pirqGuestUnbind(pirq)))
    expect(lineIsInService(5)).toBe(false)
  })

  test('IRQ-4: without a guest it is only ended', () => {
    const pirq = bound(5)
    ok(onCpu(1, () => pirqGuestUnbind(pirq)))
    const irq = irqOfGsi(5)
    ok(requestIrq(irq, actionHandler, 0))
    device(lineAssert, 5)
    ok(freeIrq(irq))
    take(1)
    expect([counted(Seen.delivered, Seen.actions), lineIsInService(5), inService(1)]).toEqual([[0, 0], false, 0])
    device(lineDeassert, 5)
  })

  test('IRQ-4: the host\'s is in service while its action runs; what nests above and is finished later keeps it there', () => {
    const irq = createLineIrq(5, LINE_LEVEL_EOI, 1)
    ok(Math.min(0, createLineIrq(30, LINE_LEVEL_EOI, 1)))
    ok(requestIrq(irq, nestHandler, 8))
    const pirq = bound(8)
    interrupt(5)
    expect([delivered(), inService(1), lineIsInService(5)]).toEqual([1, 2, true])
    finish(1, pirq)
    expect([inService(1), lineIsInService(5)]).toEqual([0, false])
  })

  test('IRQ-8: in service while it moves; the old CPU cleans up after it has ended it', () => {
    const pirq = bound(5)
    interrupt(5)
    ok(irqSetAffinity(irqOfGsi(5), 2))
    device(lineAssert, 5)
    take(2)
    expect(delivered()).toBe(1)
    finish(1, pirq)
    take(2)
    expect([delivered(), inService(1), inService(2)]).toEqual([2, 0, 1])
    device(lineDeassert, 5)
    finish(2, pirq)
    take(1)
    expect([lineIsInService(5), inService(2), irqSetAffinity(irqOfGsi(5), 1)]).toEqual([false, 0, 0])
  })

  test('IRQ-4: a CPU that goes offline ends what it has in service; the guest\'s own EOI finds nothing more to do', () => {
    const [low, high] = twoClasses()
    device(lineAssert, 5)
    take(1)
    interrupt(8)
    goOffline(1)
    expect([inService(1), lineIsInService(8)]).toEqual([0, false])
    expect([lineIsAsserted(5), lineIsInService(5)]).toEqual([true, true])
    take(0)
    expect([delivered(), inService(0)]).toEqual([3, 1])
    device(lineDeassert, 5)
    finish(0, high)
    finish(0, low)
    expect([inService(0), lineIsInService(5)]).toEqual([0, false])
  })
})

describe('IRQ-4: an MSI that cannot be masked', () => {
  test('IRQ-4: is not masked after the bind, and comes again only after its end', () => {
    const pirq = map(d, 5, createUnmaskableMsiIrq(seen(Seen.msi), 1))
    ok(pirqGuestBind(vcpuOf(d, 0), pirq, false))
    expect([msiIsMasked(seen(Seen.msi)), pirqNeedsEoi(pirq)]).toEqual([false, true])
    for (let n = 0; n < 2; n++) {
      device(msiSend, seen(Seen.msi))
      take(1)
    }
    expect([delivered(), inService(1)]).toEqual([1, 1])
    finish(1, pirq)
    take(1)
    expect([delivered(), inService(1)]).toEqual([2, 1])
    expect(pirqGuestMask(pirq, true)).toBe(-EINVAL)
    ok(onCpu(1, () => pirqGuestUnbind(pirq)))
    expect([msiIsMasked(seen(Seen.msi)), inService(1)]).toEqual([true, 0])
  })
})

test('IRQ-4, EOI1, EOI2, EOI3: any order of arrivals and EOIs, on any CPU, does what a plain model of a CPU says', () => {
  const GSIS = [0, 1, 2, 3, 4, 5, 6, 7]
  const step = fc.record({ op: fc.constantFrom('raise' as const, 'finish' as const), gsi: fc.nat(7), cpu: fc.nat(1) })
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    boot(3)
    d = createDomain(1, 1)
    const pirqs = GSIS.map((gsi) => bound(gsi))
    const model = plainCpu(GSIS.map(vectorOf))
    for (const { op, gsi, cpu } of steps) {
      if (op === 'raise') device(linePulse, gsi)
      else finish(cpu, pirqs[gsi] ?? 0)
      take(1)
      if (op === 'raise') model.raise(gsi)
      else model.finish(gsi)
      expect(inService(1)).toBe(model.stack.length)
      expect(GSIS.filter(lineIsInService)).toEqual(model.busy())
      expect(delivered()).toBe(model.delivered())
    }
  }), { numRuns: 60 })
})

/** One CPU, a guest per line, no locks and no memory: what the rules say. */
function plainCpu(vectors: readonly number[]) {
  const stack: number[] = []              // lines in service, the last on top
  const finished = new Set<number>()
  const requested = new Set<number>()
  let count = 0
  const classOf = (gsi: number): number => (vectors[gsi] ?? 0) >> 4
  const top = (): number => stack.at(-1) ?? -1
  const settle = (): void => {
    for (;;) {
      while (finished.has(top())) finished.delete(stack.pop() ?? -1)
      const next = [...requested].sort((a, b) => (vectors[b] ?? 0) - (vectors[a] ?? 0))
        .find((gsi) => stack.length === 0 || classOf(gsi) > classOf(top()))
      if (next === undefined) return
      requested.delete(next)
      stack.push(next)
      count++
    }
  }
  return {
    stack,
    busy: () => [...new Set([...stack, ...requested])].sort((a, b) => a - b),
    delivered: () => count,
    raise(gsi: number) {
      // a level line sends nothing while its message is on its way or in service
      if (!stack.includes(gsi)) requested.add(gsi)
      settle()
    },
    finish(gsi: number) {
      if (stack.includes(gsi)) finished.add(gsi)
      settle()
    },
  }
}
