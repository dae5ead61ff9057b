// SPDX-License-Identifier: MIT
import { EAGAIN, ENOSPC } from '@bottomhalf/base'
import { cpuArea, ld, load } from '@bottomhalf/machine'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  createMsiIrq, freeIrq, IrqDesc, irqDescOf, IrqStatus, irqSetAffinity, MSI_GUEST_MASKED, msiSend, msiUnmask,
  requestIrq,
  unmappedArrivals,
} from '../src/index.js'
import { assignVector, vectorOwner } from '../src/vectors.js'
import { boot, holdBack, letIn, take } from './boot.js'
import { actionHandler, Here, ok, Seen, seen } from './setup.model.js'
import { onCpu } from '@bottomhalf/testkit'

const msi = () => seen(Seen.msi)
const status = (irq: number) => ld(irqDescOf(irq) + IrqDesc.status)
const ranOn = (cpu: number) => ld(cpuArea(cpu, Here) + Here.actions)
const moving = IrqStatus.MOVE_OPEN | IrqStatus.MOVE_PENDING

/** A live interrupt on CPU 0. */
function live(): number {
  const irq = createMsiIrq(msi(), 0)
  msiUnmask(msi(), MSI_GUEST_MASKED)
  ok(requestIrq(irq, actionHandler, 0))
  return irq
}

beforeEach(() => { boot(3) })

describe('IRQ-8: an affinity move', () => {
  test('IRQ-8: sends what comes after it to the new CPU', () => {
    const irq = live()
    expect(irqSetAffinity(irq, 1)).toBe(0)
    msiSend(msi())
    take(1)
    expect([ranOn(0), ranOn(1)]).toEqual([0, 1])
  })

  test('IRQ-8: to the CPU where the interrupt is costs no vector', () => {
    const irq = live()
    expect(irqSetAffinity(irq, 0)).toBe(0)
    expect(status(irq) & moving).toBe(0)
  })

  test('IRQ-8: MOV1: still delivers what was in flight on the old CPU', () => {
    const irq = live()
    holdBack(0)
    msiSend(msi())
    ok(irqSetAffinity(irq, 1))
    letIn(0)
    expect([ranOn(0), unmappedArrivals(0)]).toEqual([1, 0])
    expect(status(irq) & moving).toBe(IrqStatus.MOVE_OPEN)
  })

  test('IRQ-8: MOV1: the first arrival on the new CPU lets the old one clean up, an old vector still requested first', () => {
    const irq = live()
    const old = ld(irqDescOf(irq) + IrqDesc.vector)
    holdBack(0)
    msiSend(msi())
    ok(irqSetAffinity(irq, 1))
    msiSend(msi())
    take(1)
    expect(status(irq) & moving).toBe(IrqStatus.MOVE_OPEN)
    letIn(0)
    expect([ranOn(0), ranOn(1), unmappedArrivals(0)]).toEqual([1, 1, 0])
    expect([status(irq) & moving, onCpu(0, () => vectorOwner(old))]).toEqual([0, 0])
  })

  test('IRQ-8: MOV3: another while one is open answers -EAGAIN, and follows at the acknowledgement after it', () => {
    const irq = live()
    ok(irqSetAffinity(irq, 1))
    expect(irqSetAffinity(irq, 2)).toBe(-EAGAIN)
    msiSend(msi())
    take(1)
    take(0)
    expect([ranOn(1), status(irq) & moving]).toEqual([1, IrqStatus.MOVE_PENDING])
    msiSend(msi())
    take(1)
    expect([ranOn(1), status(irq) & moving, ld(irqDescOf(irq) + IrqDesc.cpu)]).toEqual([2, IrqStatus.MOVE_OPEN, 2])
    msiSend(msi())
    take(2)
    take(1)
    expect([ranOn(2), status(irq) & moving]).toEqual([1, 0])
  })

  test('IRQ-8: MOV2: of an interrupt that is shut ends at once: no false "move in progress"', () => {
    const irq = createMsiIrq(msi(), 0)
    expect([irqSetAffinity(irq, 1), irqSetAffinity(irq, 2), irqSetAffinity(irq, 1)]).toEqual([0, 0, 0])
    expect(status(irq) & moving).toBe(0)
    expect(ownedVectors()).toBe(1)
  })

  test('IRQ-8: MOV2: shutting an interrupt ends its open move', () => {
    const irq = live()
    expect([irqSetAffinity(irq, 1), irqSetAffinity(irq, 2), freeIrq(irq)]).toEqual([0, -EAGAIN, 0])
    expect(status(irq)).toBe(IrqStatus.DISABLED)
    expect(ownedVectors()).toBe(1)
  })

  test('IRQ-8: answers -ENOSPC when the CPU has no vector left, and leaves the interrupt where it was', () => {
    const irq = live()
    while (assignVector(1, 0x1000) > 0);
    expect(irqSetAffinity(irq, 1)).toBe(-ENOSPC)
    msiSend(msi())
    expect([ranOn(0), status(irq) & moving]).toEqual([1, 0])
  })

  test('IRQ-8: loses nothing in any order of moves, messages and looks', () => {
    const irq = live()
    let sent = 0
    for (let n = 0; n < 200; n++) {
      ok(irqSetAffinity(irq, (n * 7) % 3))
      msiSend(msi())
      sent++
      take(ld(irqDescOf(irq) + IrqDesc.cpu))
      if (n % 3 === 0) for (let cpu = 0; cpu < 3; cpu++) take(cpu)
      else for (let cpu = 2; cpu >= 0; cpu--) take(cpu)
      expect(load(seen(Seen.actions))).toBe(sent)
    }
    expect([0, 1, 2].map(unmappedArrivals)).toEqual([0, 0, 0])
  })
})

function ownedVectors(): number {
  let owned = 0
  for (let cpu = 0; cpu < 3; cpu++) {
    for (let vector = 0x20; vector <= 0xdf; vector++) if (onCpu(cpu, () => vectorOwner(vector)) !== 0) owned++
  }
  return owned
}
