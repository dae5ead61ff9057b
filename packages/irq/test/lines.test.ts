// SPDX-License-Identifier: MIT
import { EBUSY, EINVAL, ENOSPC } from '@bottomhalf/base'
import { vcpuOf } from '@bottomhalf/domain'
import { cpuArea, ld, load } from '@bottomhalf/machine'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  createLineIrq, destroyIrq, freeIrq, IrqDesc, irqDescOf, irqOfGsi, irqSetAffinity, LINE_EDGE, LINE_LEVEL, LINE_PIC,
  lineAssert, lineDeassert, lineIsInService, lineIsMasked, linePulse, pirqGuestBind, pirqGuestEoi, pirqGuestUnbind,
  pirqNeedsEoi, requestIrq, unmappedArrivals,
} from '../src/index.js'
import { boot, device, holdBack, letIn, take } from './boot.js'
import { actionHandler, createDomain, Here, IRQS, map, ok, Seen, seen, tie } from './setup.model.js'

const GSI = 17
const counted = (...fields: number[]) => fields.map((field) => load(seen(field)))
const ranOn = (cpu: number) => ld(cpuArea(cpu, Here) + Here.actions)

beforeEach(() => { boot(3) })

describe('IRQ-1: the interrupt of a line', () => {
  test('IRQ-1: is found by its GSI while it exists', () => {
    expect(irqOfGsi(GSI)).toBe(-EINVAL)
    const irq = createLineIrq(GSI, LINE_LEVEL, 0)
    expect(irqOfGsi(GSI)).toBe(irq)
    expect(createLineIrq(GSI, LINE_EDGE, 0)).toBe(-EBUSY)
    ok(destroyIrq(irq))
    expect([irqOfGsi(GSI), irqOfGsi(-1), irqOfGsi(4000)]).toEqual([-EINVAL, -EINVAL, -EINVAL])
    expect(createLineIrq(GSI, LINE_EDGE, 0)).toBe(irq)
  })

  test('IRQ-1: of a line that is not there, or on a CPU that is not, is refused', () => {
    expect([createLineIrq(64, LINE_LEVEL, 0), createLineIrq(GSI, LINE_LEVEL, 7)]).toEqual([-EINVAL, -EINVAL])
    expect([createLineIrq(16, LINE_PIC, 0), createLineIrq(4, LINE_PIC, 1)]).toEqual([-EINVAL, -EINVAL])
    expect(irqOfGsi(GSI)).toBe(-EINVAL)
  })

  test('IRQ-1: without a free number leaves the line free', () => {
    for (let gsi = 0; gsi < IRQS; gsi++) expect(createLineIrq(gsi, LINE_EDGE, 0)).toBeGreaterThan(0)
    expect(createLineIrq(50, LINE_EDGE, 0)).toBe(-ENOSPC)
    ok(destroyIrq(irqOfGsi(0)))
    expect(createLineIrq(50, LINE_EDGE, 0)).toBeGreaterThan(0)
  })

  test.each([['edge', LINE_EDGE], ['level', LINE_LEVEL], ['PIC', LINE_PIC]] as const)(
    'IRQ-2: an %s interrupt of the host runs its action once, and can be shut', (_name, sort) => {
      const irq = createLineIrq(5, sort, 0)
      ok(requestIrq(irq, actionHandler, 0))
      device(lineAssert, 5)
      device(lineDeassert, 5)
      take(0)
      expect(ranOn(0)).toBe(1)
      device(linePulse, 5)
      take(0)
      expect(ranOn(0)).toBe(2)
      ok(freeIrq(irq))
      device(linePulse, 5)
      take(0)
      expect([ranOn(0), lineIsMasked(5)]).toEqual([2, true])
    })
})

describe('IRQ-4: a level line bound to a guest', () => {
  let pirq = 0
  let d = 0

  beforeEach(() => {
    d = createDomain(1, 1)
    pirq = map(d, 5, createLineIrq(GSI, LINE_LEVEL, 0))
    ok(pirqGuestBind(vcpuOf(d, 0), pirq, true))
  })

  test('IRQ-4: is masked until the guest finishes, then comes again if it is still up', () => {
    device(lineAssert, GSI)
    take(1)
    expect(counted(Seen.delivered)).toEqual([1])
    expect([lineIsMasked(GSI), lineIsInService(GSI)]).toEqual([true, false])
    pirqGuestEoi(pirq)
    take(1)
    expect(counted(Seen.delivered)).toEqual([2])
    device(lineDeassert, GSI)
    pirqGuestEoi(pirq)
    take(1)
    expect(counted(Seen.delivered)).toEqual([2])
    expect(lineIsMasked(GSI)).toBe(false)
  })

  test('IRQ-5: is unmasked by the last of the guests that share it', () => {
    const other = tie(createDomain(2, 0), 5, irqOfGsi(GSI))
    ok(pirqGuestBind(vcpuOf(d, 0), other, true))
    device(lineAssert, GSI)
    take(1)
    pirqGuestEoi(pirq)
    expect([counted(Seen.delivered), lineIsMasked(GSI)]).toEqual([[2], true])
    device(lineDeassert, GSI)
    pirqGuestEoi(other)
    expect(lineIsMasked(GSI)).toBe(false)
  })

  test('IRQ-4: LINE1: what was on its way when the last guest unbound leaves it shut', () => {
    holdBack(1)
    device(lineAssert, GSI)
    ok(pirqGuestUnbind(pirq))
    letIn(1)
    expect([counted(Seen.delivered), lineIsMasked(GSI), lineIsInService(GSI)]).toEqual([[0], true, false])
    ok(pirqGuestBind(vcpuOf(d, 0), pirq, false))
    take(1)
    expect(counted(Seen.delivered)).toEqual([1])
  })

  test('IRQ-8: in flight while it moves, is delivered where it went and then comes to the new CPU', () => {
    holdBack(1)
    device(lineAssert, GSI)
    ok(irqSetAffinity(irqOfGsi(GSI), 2))
    letIn(1)
    pirqGuestEoi(pirq)
    take(2)
    expect(counted(Seen.delivered)).toEqual([2])
    expect([1, 2].map(unmappedArrivals)).toEqual([0, 0])
    expect(ld(irqDescOf(irqOfGsi(GSI)) + IrqDesc.cpu)).toBe(2)
  })
})

test('IRQ-4: an edge line waits for no EOI, and each rising is delivered', () => {
  const d = createDomain(1, 1)
  const pirq = map(d, 5, createLineIrq(GSI, LINE_EDGE, 0))
  ok(pirqGuestBind(vcpuOf(d, 0), pirq, false))
  expect(pirqNeedsEoi(pirq)).toBe(false)
  for (let n = 0; n < 3; n++) {
    device(linePulse, GSI)
    take(1)
  }
  expect(counted(Seen.delivered)).toEqual([3])
})

test('IRQ-8: a PIC line stays on the boot CPU', () => {
  const irq = createLineIrq(4, LINE_PIC, 0)
  expect(irqSetAffinity(irq, 1)).toBe(-EINVAL)
  ok(requestIrq(irq, actionHandler, 0))
  device(linePulse, 4)
  take(0)
  expect(ranOn(0)).toBe(1)
})
