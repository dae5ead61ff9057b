// SPDX-License-Identifier: MIT
/** Defects of the field (HISTORY.md) that these files could have. Each beside a twin in which the line that keeps it is undone. */
import { EBUSY, EEXIST, ENOMEM, ENOSPC, type Pirq } from '@bottomhalf/base'
import { vcpuOf } from '@bottomhalf/domain'
import { cpuArea, declaredAreas, failAllocation, handler, ld, load, raiseVector, st, store, xfree } from '@bottomhalf/machine'
import { spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { onCpu } from '@bottomhalf/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  createLineIrq, createMsiIrq, destroyIrq, IrqDesc, irqDescOf, irqSetAffinity, IrqStatus, LINE_LEVEL, linePulse,
  mapDomainPirq, MSI_GUEST_MASKED, msiSend, msiUnmask, pirqGuestBind, pirqGuestMask, pirqGuestUnbind,
  pirqIrqNumber, requestIrq, unmapDomainPirq,
} from '../src/index.js'
import { IrqGuestAction, shutDownLocked } from '../src/irqDesc.js'
import { assignVector, vectorsInUse } from '../src/vectors.js'
import { boot, device, heap, settle, take } from './boot.js'
import { createDomain, map, ok, Seen, seen } from './setup.model.js'

const msi = () => seen(Seen.msi)
const delivered = () => load(seen(Seen.delivered))
/** The earliest timer that is set on a CPU, 0 if none is. */
function timersOf(cpu: number): number {
  const area = declaredAreas().perCpu.find(({ structName }) => structName === 'timers')
  const root = area?.fields.find(({ name }) => name === 'root')
  if (area === undefined || root === undefined) throw new Error('timers have no root')
  return ld(cpuArea(cpu, area) + root.offset)
}

let d = 0

beforeEach(() => {
  boot(3, { eoiTimeoutNs: 0 })
  d = createDomain(1, 1)
})

/** Attached to an interrupt: another arrival comes, then it is shut by one of two hands. */
const shutsItself = handler('testShutsItself', (irq: number) => {
  store(seen(Seen.actions), load(seen(Seen.actions)) + 1)
  const desc = irqDescOf(irq)
  raiseVector(1, ld(desc + IrqDesc.vector))
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  if (load(seen(Seen.isDirty)) === 0) {
    const action = ld(desc + IrqDesc.action)
    st(desc + IrqDesc.action, 0)
    shutDownLocked(desc)
    xfree(action)
  }
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  store(seen(Seen.isDirty), 0)
})

describe('IRQ-6: bound interrupts', () => {
  test('IRQ-6, I9 (15a9f34d1b): one that a guest has is not destroyed, and no timer of a freed action is left', () => {
    const irq = createLineIrq(5, LINE_LEVEL, 1)
    const pirq = map(d, 5, irq)
    ok(pirqGuestBind(vcpuOf(d, 0), pirq, false))
    device(linePulse, 5)
    take(1)
    expect(destroyIrq(irq)).toBe(-EBUSY)
    ok(onCpu(1, () => pirqGuestUnbind(pirq)))
    expect(timersOf(1)).toBe(0)
  })

  test('IRQ-6 (15a9f34d1b): the twin that frees the action without a look at its timer leaves it set', () => {
    const irq = createLineIrq(5, LINE_LEVEL, 1)
    ok(pirqGuestBind(vcpuOf(d, 0), map(d, 5, irq), false))
    device(linePulse, 5)
    take(1)
    const action = ld(irqDescOf(irq) + IrqDesc.action)
    st(irqDescOf(irq) + IrqDesc.action, 0)
    expect(timersOf(1)).toBe(action + IrqGuestAction.timer)
    xfree(action)
  })

  test('IRQ-6 (XSA-83): a bind that failed for want of memory leaves no action behind, and the next one works', () => {
    for (const clean of [true, false]) {
      boot(3)
      d = createDomain(1, 1)
      const irq = createMsiIrq(msi(), 1)
      const pirq = map(d, 5, irq)
      failAllocation(1)
      expect(pirqGuestBind(vcpuOf(d, 0), pirq, false)).toBe(-ENOMEM)
      // the twin: what was to be the action stays attached though it is none
      if (!clean) st(irqDescOf(irq) + IrqDesc.action, pirq)
      expect(pirqGuestBind(vcpuOf(d, 0), pirq, false)).toBe(clean ? 0 : -EBUSY)
      ok(pirqGuestMask(pirq, false))
      device(msiSend, msi())
      take(1)
      expect(delivered()).toBe(clean ? 1 : 0)
    }
  })
})

describe('IRQ-9: mappings', () => {
  test('IRQ-9 (XSA-46): an interrupt in use is not given to another number; the twin that does not count gives it', () => {
    const irq = createMsiIrq(msi(), 1)
    const pirq = map(d, 5, irq)
    ok(pirqGuestBind(vcpuOf(d, 0), pirq, false))
    expect(mapDomainPirq(d, 6 as Pirq, irq)).toBe(-EBUSY)
    ok(pirqGuestMask(pirq, false))
    device(msiSend, msi())
    take(1)
    expect(delivered()).toBe(1)
    st(irqDescOf(irq) + IrqDesc.mappings, 0)
    expect(mapDomainPirq(d, 6 as Pirq, irq)).toBe(0)
  })

  test('IRQ-9 (XSA-237): mapping a number twice fails and leaves the first mapping; the twin that undoes it loses it', () => {
    const irq = createMsiIrq(msi(), 1)
    const record = map(d, 5, irq)
    expect(mapDomainPirq(d, 5 as Pirq, createLineIrq(9, LINE_LEVEL, 1))).toBe(-EEXIST)
    expect(pirqIrqNumber(record)).toBe(irq)
    ok(unmapDomainPirq(d, 5 as Pirq))
    expect(pirqIrqNumber(record)).toBe(0)
  })

  test('IRQ-10 (daa90dfea9): maps and unmaps leave no record; the twin whose clean-up test is inverted leaves one', () => {
    const irq = createMsiIrq(msi(), 1)
    for (const [inverted, grows] of [[0, false], [1, true]] as const) {
      store(seen(Seen.isDirty), inverted)
      settle(3)
      const before = heap().length
      for (let n = 0; n < 10; n++) {
        ok(mapDomainPirq(d, 5 as Pirq, irq))
        ok(unmapDomainPirq(d, 5 as Pirq))
        settle(3)
      }
      expect(heap().length > before).toBe(grows)
    }
  })

  test('IRQ-9: two numbers of two domains share a line, and only a line', () => {
    const other = createDomain(2, 0)
    const irq = createLineIrq(5, LINE_LEVEL, 1)
    const pirqs = [map(d, 5, irq), map(other, 7, irq)]
    for (const pirq of pirqs) ok(pirqGuestBind(vcpuOf(d, 0), pirq, true))
    device(linePulse, 5)
    take(1)
    expect(delivered()).toBe(2)
    ok(unmapDomainPirq(d, 5 as Pirq))
    expect(destroyIrq(irq)).toBe(-EBUSY)
    ok(unmapDomainPirq(other, 7 as Pirq))
    expect(destroyIrq(irq)).toBe(0)
  })
})

test('IRQ-8 (43427e65cc): creating and destroying leaves no vector taken; the twin that forgets to give back runs out', () => {
  for (let n = 0; n < 500; n++) {
    const irq = createMsiIrq(msi(), 1)
    expect(irq).toBeGreaterThan(0)
    expect(irqDescOf(irq)).toBeGreaterThan(0)      // its handler is there until it is destroyed
    ok(destroyIrq(irq))
  }
  expect(vectorsInUse(1)).toBe(0)
  let last = 0
  for (let n = 0; n < 500; n++) last = assignVector(1, irqDescOf(createMsiIrq(msi(), 0)) || 0x1000)
  expect(last).toBe(-ENOSPC)
})

test('IRQ-8 (2bdeacb519): moves before the first start are over at once; the twin that thinks it live finds one open', () => {
  for (const shut of [true, false]) {
    boot(3)
    const irq = createMsiIrq(msi(), 0)
    if (!shut) store(irqDescOf(irq) + IrqDesc.status, 0)
    ok(irqSetAffinity(irq, 1))
    expect(irqSetAffinity(irq, 2) === 0).toBe(shut)
    expect((ld(irqDescOf(irq) + IrqDesc.status) & IrqStatus.MOVE_OPEN) === 0).toBe(shut)
  }
})

test('IRQ-2 (b5edd9c58e): shut during its action, an interrupt runs it no more; the twin that is not shut runs it again', () => {
  for (const shut of [true, false]) {
    boot(3)
    store(seen(Seen.isDirty), shut ? 0 : 1)
    const irq = createMsiIrq(msi(), 1)
    msiUnmask(msi(), MSI_GUEST_MASKED)
    ok(requestIrq(irq, shutsItself, irq))
    device(msiSend, msi())
    take(1)
    expect(load(seen(Seen.actions))).toBe(shut ? 1 : 2)
  }
})
