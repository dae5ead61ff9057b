// SPDX-License-Identifier: MIT
/**
 * The controllers of interrupt lines, and the creation of a line's interrupt.
 *
 *     sort             ack                    end                ack kind     a guest's EOI
 *     LINE_EDGE        nothing                nothing            NONE         nothing
 *     LINE_LEVEL       mask, end              unmask             UNMASK       the last one unmasks
 *     LINE_PIC         as LINE_LEVEL; boot CPU only, lines 0-15
 *
 * @xen xen/arch/x86/io_apic.c, xen/arch/x86/i8259.c
 * Locks     irqDesc.lock in the operations; the vector lock for who has a line.
 *
 * LINE1  An end does not unmask what is shut or disabled: whoever enables it does.
 * LINE2  An edge pin stays unmasked while it is disabled, for a masked one forgets edges: what arrives is dropped later.
 */
import { EBUSY, EINVAL, type Ref } from '@bottomhalf/base'
import { embed, global, handler, ld, st, type HandlerRef } from '@bottomhalf/machine'
import { createIrq, givePinBack, setPinIrq, takePin } from './create.js'
import { IoapicPin, pinMask, pinMaskAndEoi, pinOf, pinReset, pinUnmask, pinWriteTarget } from './ioapic.js'
import { ACK_NONE, ACK_UNMASK, descAt, HwIrqController, IrqDesc, IrqStatus } from './irqDesc.js'

/** An IO-APIC pin triggered by the line's rising. */
export const LINE_EDGE = 0
/** A level-triggered IO-APIC pin that is masked while an interrupt is served. */
export const LINE_LEVEL = 1
/** A level-triggered line of the legacy interrupt controller. */
export const LINE_PIC = 3

/** How a line is triggered and ended. */
export type LineSort = typeof LINE_EDGE | typeof LINE_LEVEL | typeof LINE_PIC

const PIC_LINES = 16

const Lines = global('irqLineControllers', {
  // written at boot, constant after:
  edge: embed(HwIrqController), level: embed(HwIrqController), pic: embed(HwIrqController),
})

/**
 * Create the interrupt of a line, aimed at `cpu`, shut and masked. Returns its number. -EINVAL: no such line, CPU not
 * online, or a PIC line above 15 or off CPU 0. -EBUSY: the line has one. -ENOSPC: no number or no vector is free.
 */
export function createLineIrq(gsi: number, sort: LineSort, cpu: number): number {
  const pin = pinOf(gsi)
  if (pin === 0) return -EINVAL
  if (sort === LINE_PIC && (gsi >= PIC_LINES || cpu !== 0)) return -EINVAL
  if (!takePin(pin)) return -EBUSY
  const irq = createIrq(cpu)
  if (irq < 0) {
    givePinBack(pin)
    return irq
  }
  hang(descAt(irq), pin, sort)
  setPinIrq(pin, irq)
  return irq
}

/** The interrupt of a line. -EINVAL: no such line, or nobody created one. */
export function irqOfGsi(gsi: number): number {
  const pin = pinOf(gsi)
  const irq = pin === 0 ? 0 : ld(pin + IoapicPin.irq)
  return irq > 0 ? irq : -EINVAL
}

function hang(desc: Ref<'IrqDesc'>, pin: Ref<'IoapicPin'>, sort: LineSort): void {
  pinReset(pin, sort !== LINE_EDGE)
  pinWriteTarget(pin, ld(desc + IrqDesc.cpu), ld(desc + IrqDesc.vector))
  st(desc + IrqDesc.pin, pin)
  st(desc + IrqDesc.controller, controllerOf(sort))
}

function controllerOf(sort: LineSort): Ref<'HwIrqController'> {
  if (sort === LINE_EDGE) return Lines.base + Lines.edge
  return Lines.base + (sort === LINE_PIC ? Lines.pic : Lines.level)
}

function lineUnmask(desc: number): void {
  pinUnmask(ld(desc + IrqDesc.pin))
}

function lineMask(desc: number): void {
  pinMask(ld(desc + IrqDesc.pin))
}

function lineSetAffinity(desc: number): void {
  pinWriteTarget(ld(desc + IrqDesc.pin), ld(desc + IrqDesc.cpu), ld(desc + IrqDesc.vector))
}

function levelAck(desc: number): void {
  pinMaskAndEoi(ld(desc + IrqDesc.pin))
}

function levelEnd(desc: number): void {
  if ((ld(desc + IrqDesc.status) & IrqStatus.DISABLED) === 0) lineUnmask(desc)                   // LINE1
}

const lineUnmaskHandler = handler('lineUnmask', lineUnmask)
const lineMaskHandler = handler('lineMask', lineMask)
const lineSetAffinityHandler = handler('lineSetAffinity', lineSetAffinity)
const levelAckHandler = handler('levelAck', levelAck)
const levelEndHandler = handler('levelEnd', levelEnd)

/** Boot CPU, once. */
export function setupLineControllers(): void {
  setupShut(Lines.base + Lines.edge)
  st(Lines.base + Lines.edge + HwIrqController.ackKind, ACK_NONE)                                // LINE2: no disable
  setupLevel(Lines.base + Lines.level)
  setupLevel(Lines.base + Lines.pic)
  st(Lines.base + Lines.pic + HwIrqController.setAffinity, 0)
}

function setupLevel(controller: Ref<'HwIrqController'>): void {
  setupShut(controller)
  setOperation(controller + HwIrqController.enable, lineUnmaskHandler)
  setOperation(controller + HwIrqController.disable, lineMaskHandler)
  setOperation(controller + HwIrqController.ack, levelAckHandler)
  setOperation(controller + HwIrqController.end, levelEndHandler)
  st(controller + HwIrqController.ackKind, ACK_UNMASK)
}

function setupShut(controller: Ref<'HwIrqController'>): void {
  setOperation(controller + HwIrqController.startup, lineUnmaskHandler)
  setOperation(controller + HwIrqController.shutdown, lineMaskHandler)
  setOperation(controller + HwIrqController.setAffinity, lineSetAffinityHandler)
}

function setOperation(address: number, operation: HandlerRef): void {
  st(address, operation.id)
}
