// SPDX-License-Identifier: MIT
import { ENOSPC } from '@bottomhalf/base'
import { CPU_DOWN_PREPARE, CpuEvent, IRQ_MOVE_CLEANUP_VECTOR, takeRequest } from '@bottomhalf/cpu'
import { callHandler, cpuArea, handlerIdOf, ld, load, raiseVector, st, store, xzalloc } from '@bottomhalf/machine'
import { onCpu } from '@bottomhalf/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  createLineIrq, createMsiIrq, destroyIrq, freeIrq, IrqDesc, irqDescOf, irqOfGsi, IrqStatus, irqSetAffinity, LINE_EDGE,
  LINE_LEVEL, linePulse, MSI_GUEST_MASKED, msiSend, msiUnmask, requestIrq, unmappedArrivals,
} from '../src/index.js'
import { assignVector, ownerWord, vectorOwner, vectorsInUse } from '../src/vectors.js'
import { boot, comeOnline, device, goOffline, holdBack, letIn, take } from './boot.js'
import { actionHandler, Here, ok, Seen, seen } from './setup.model.js'

const msi = () => seen(Seen.msi)
const send = (): void => { device(msiSend, msi()) }
const status = (irq: number) => ld(irqDescOf(irq) + IrqDesc.status)
const aimedAt = (irq: number) => ld(irqDescOf(irq) + IrqDesc.cpu)
const vectorOf = (irq: number) => ld(irqDescOf(irq) + IrqDesc.vector)
const ranOn = (cpu: number) => ld(cpuArea(cpu, Here) + Here.actions)
const moving = IrqStatus.MOVE_OPEN | IrqStatus.MOVE_PENDING

/** A live interrupt of the host on a CPU. */
function live(cpu: number): number {
  const irq = createMsiIrq(msi(), cpu)
  msiUnmask(msi(), MSI_GUEST_MASKED)
  ok(requestIrq(irq, actionHandler, 0))
  return irq
}

beforeEach(() => { boot(3) })

describe('IRQ-8: a CPU that goes offline', () => {
  test('IRQ-8, CPU-4: gives its interrupts to others', () => {
    const irq = live(1)
    goOffline(1)
    expect([aimedAt(irq), vectorsInUse(1), status(irq) & moving]).toEqual([0, 0, 0])
    send()
    take(0)
    expect([ranOn(0), ranOn(1)]).toEqual([1, 0])
  })

  test('IRQ-8, CPU-4: sends again what it was asked for and did not take; the twin that does not loses it', () => {
    for (const [resends, ran] of [[true, 1], [false, 0]] as const) {
      boot(3)
      const irq = live(1)
      holdBack(1)
      send()
      // the twin: the CPU's map is emptied before anybody looks
      if (!resends) onCpu(1, () => { forgetRequest(vectorOf(irq)) })
      goOffline(1)
      take(0)
      expect([ranOn(0), ranOn(1), unmappedArrivals(1)]).toEqual([ran, 0, 0])
    }
  })

  test('IRQ-8: OFF1, VEC1: still hears a device that read the old target before; the twin that gives the vector away does not', () => {
    for (const [keeps, ran] of [[true, 1], [false, 0]] as const) {
      boot(3)
      const old = vectorOf(live(1))
      goOffline(1)
      if (!keeps) store(ownerWord(1, old), 0)
      raiseVector(1, old)
      take(1)
      take(0)
      expect([ranOn(0), unmappedArrivals(1)]).toEqual([ran, 1 - ran])
    }
  })

  test('IRQ-8: that an interrupt was moving away from forwards the old vector and ends the move', () => {
    const irq = live(1)
    holdBack(1)
    send()
    ok(irqSetAffinity(irq, 2))
    goOffline(1)
    expect([aimedAt(irq), status(irq) & moving]).toEqual([2, 0])
    take(2)
    expect([ranOn(1), ranOn(2)]).toEqual([0, 1])
    expect(irqSetAffinity(irq, 0)).toBe(0)
  })

  test('IRQ-8: that an interrupt was moving to sends it back to where it came from, with what was under way to both', () => {
    const irq = live(2)
    const old = vectorOf(irq)
    holdBack(1)
    holdBack(2)
    send()
    ok(irqSetAffinity(irq, 1))
    send()
    goOffline(1)
    expect([aimedAt(irq), vectorOf(irq), status(irq) & moving]).toEqual([2, old, 0])
    letIn(2)
    expect([ranOn(1), ranOn(2) > 0, unmappedArrivals(1), unmappedArrivals(2)]).toEqual([0, true, 0, 0])
    send()
    take(2)
    expect(ranOn(2)).toBeGreaterThan(1)
  })

  test('IRQ-8: forgets a move that waits for it', () => {
    const irq = live(0)
    ok(irqSetAffinity(irq, 2))
    expect(irqSetAffinity(irq, 1)).toBeLessThan(0)
    goOffline(1)
    send()
    take(2)
    take(0)
    send()
    take(2)
    expect([aimedAt(irq), status(irq) & moving, ranOn(2)]).toEqual([2, 0, 2])
  })

  test('IRQ-8: takes shut interrupts, lines and held levels along', () => {
    const shut = createLineIrq(3, LINE_EDGE, 1)
    const level = createLineIrq(4, LINE_LEVEL, 1)
    ok(requestIrq(level, actionHandler, 0))
    holdBack(1)
    device(linePulse, 4)
    goOffline(1)
    expect([aimedAt(shut), aimedAt(level)]).toEqual([0, 0])
    take(0)
    ok(requestIrq(shut, actionHandler, 0))
    device(linePulse, 3)
    take(0)
    expect([ranOn(0), irqOfGsi(3)]).toEqual([2, shut])
  })

  test('IRQ-8: is refused, -ENOSPC, when the others have no room', () => {
    live(1)
    const event = xzalloc(CpuEvent.sizeWords, CpuEvent.tag)
    st(event + CpuEvent.action, CPU_DOWN_PREPARE)
    st(event + CpuEvent.cpu, 1)
    expect(callHandler(handlerIdOf('irqCpuNotifier'), event)).toBe(0)
    for (const cpu of [0, 2]) while (assignVector(cpu, 0x1000) > 0);
    expect(callHandler(handlerIdOf('irqCpuNotifier'), event)).toBe(-ENOSPC)
  })

  test('IRQ-8: VEC1: a vector that was left is handed out last, and is nobody\'s once its interrupt is destroyed', () => {
    const irq = live(1)
    const old = vectorOf(irq)
    goOffline(1)
    comeOnline(1)
    const others = Array.from({ length: 190 }, () => assignVector(1, 0x1000))
    expect([Math.min(...others) > 0, others.includes(old)]).toEqual([true, false])
    ok(freeIrq(irq))
    ok(destroyIrq(irq))
    expect(onCpu(1, () => vectorOwner(old))).toBe(0)
    expect([assignVector(1, 0x1000), assignVector(1, 0x1000)]).toEqual([old, -ENOSPC])
  })
})

describe('IRQ-8: what went wrong in the field', () => {
  test('IRQ-8 (472e0b74c5): the CPU goes down after the clean-up was asked for; the next move is not refused', () => {
    for (const ends of [true, false]) {
      boot(3)
      const irq = live(1)
      holdBack(1)
      ok(irqSetAffinity(irq, 2))
      send()
      take(2)
      goOffline(1)
      // the twin: the move stays open, for a clean-up that never comes
      if (!ends) st(irqDescOf(irq) + IrqDesc.status, status(irq) | IrqStatus.MOVE_OPEN)
      comeOnline(1)
      expect(irqSetAffinity(irq, 0) === 0).toBe(ends)
    }
  })

  test('IRQ-8 (e2bb28d621): an old vector pending on the CPU that goes is not lost', () => {
    for (const looks of [true, false]) {
      boot(3)
      const irq = live(1)
      const old = vectorOf(irq)
      holdBack(1)
      send()
      ok(irqSetAffinity(irq, 2))
      send()
      take(2)
      expect(ranOn(2)).toBe(1)
      if (!looks) onCpu(1, () => { forgetRequest(old) })
      goOffline(1)
      take(2)
      expect(ranOn(2)).toBe(looks ? 2 : 1)
    }
  })

  test('IRQ-8 (e2bb28d621): the old mask is left once: a clean-up that comes late takes nobody else\'s vector', () => {
    for (const ends of [true, false]) {
      boot(3)
      const irq = live(1)
      const old = vectorOf(irq)
      holdBack(1)
      ok(irqSetAffinity(irq, 2))
      send()
      take(2)
      goOffline(1)
      comeOnline(1)
      // somebody else gets the vector; the twin still thinks that it moves away from it
      store(ownerWord(1, old), irqDescOf(irq))
      const desc = irqDescOf(irq)
      if (!ends) {
        st(desc + IrqDesc.status, status(irq) | IrqStatus.MOVE_OPEN)
        st(desc + IrqDesc.cleanupSent, 1)
      }
      raiseVector(1, IRQ_MOVE_CLEANUP_VECTOR)
      take(1)
      expect(load(ownerWord(1, old)) === desc).toBe(ends)
    }
  })
})

/** Take a request off the map of this CPU and forget it. */
function forgetRequest(vector: number): void {
  expect(takeRequest(vector)).toBe(true)
}
