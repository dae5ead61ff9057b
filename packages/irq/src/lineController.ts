// SPDX-License-Identifier: MIT
/**
 * The controllers of interrupt lines, and the creation of a line's interrupt.
 *
 *     sort             ack                    end                ack kind     a guest's EOI
 *     LINE_EDGE        nothing                nothing            NONE         nothing
 *     LINE_LEVEL       mask, end              unmask             UNMASK       the last one unmasks
 *     LINE_LEVEL_EOI   nothing                nothing            EOI          the last one ends it, in the order of the stack
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
import { IoapicPin, pinMask, pinMaskAndEoi, pinOf, pinReset, pinStart, pinUnmask, pinWriteTarget } from './ioapic.js'
import { ACK_EOI, ACK_NONE, ACK_UNMASK, HwIrqController, IrqDesc, IrqStatus } from './irqDesc.js'

/** An IO-APIC pin triggered by the line's rising. */
export const LINE_EDGE = 0
/** A level-triggered IO-APIC pin that is masked while an interrupt is served. */
export const LINE_LEVEL = 1
/** A level-triggered IO-APIC pin that stays in service on the CPU that took it while an interrupt is served. */
export const LINE_LEVEL_EOI = 2
/** A level-triggered line of the legacy interrupt controller. */
export const LINE_PIC = 3

/** How a line is triggered and ended. */
export type LineSort = typeof LINE_EDGE | typeof LINE_LEVEL | typeof LINE_LEVEL_EOI | typeof LINE_PIC

const PIC_LINES = 16

const Lines = global('irqLineControllers', {
  // written at boot, constant after:
  edge: embed(HwIrqController), level: embed(HwIrqController), levelEoi: embed(HwIrqController),
  pic: embed(HwIrqController),
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
  pinReset(pin, sort !== LINE_EDGE)
  const irq = createIrq(cpu, controllerOf(sort), 0, pin)
  if (irq < 0) {
    givePinBack(pin)
    return irq
  }
  setPinIrq(pin, irq)
  return irq
}

/** The interrupt of a line. -EINVAL: no such line, or nobody created one. */
export function irqOfGsi(gsi: number): number {
  const pin = pinOf(gsi)
  const irq = pin === 0 ? 0 : ld(pin + IoapicPin.irq)
  return irq > 0 ? irq : -EINVAL
}

function controllerOf(sort: LineSort): Ref<'HwIrqController'> {
  if (sort === LINE_EDGE) return Lines.base + Lines.edge
  if (sort === LINE_LEVEL_EOI) return Lines.base + Lines.levelEoi
  return Lines.base + (sort === LINE_PIC ? Lines.pic : Lines.level)
}

// What was on its way when the line was shut may have been dropped with its vector: it awaits no end.
function lineStartup(desc: number): void {
  pinStart(ld(desc + IrqDesc.pin))
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

const lineStartupHandler = handler('lineStartup', lineStartup)
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
  setupLevelEoi(Lines.base + Lines.levelEoi)
  st(Lines.base + Lines.pic + HwIrqController.setAffinity, 0)
}

function setupLevel(controller: Ref<'HwIrqController'>): void {
  setupMasked(controller)
  setOperation(controller + HwIrqController.ack, levelAckHandler)
  setOperation(controller + HwIrqController.end, levelEndHandler)
  st(controller + HwIrqController.ackKind, ACK_UNMASK)
}

function setupLevelEoi(controller: Ref<'HwIrqController'>): void {
  setupMasked(controller)
  st(controller + HwIrqController.ackKind, ACK_EOI)
}

function setupMasked(controller: Ref<'HwIrqController'>): void {
  setupShut(controller)
  setOperation(controller + HwIrqController.enable, lineUnmaskHandler)
  setOperation(controller + HwIrqController.disable, lineMaskHandler)
}

function setupShut(controller: Ref<'HwIrqController'>): void {
  setOperation(controller + HwIrqController.startup, lineStartupHandler)
  setOperation(controller + HwIrqController.shutdown, lineMaskHandler)
  setOperation(controller + HwIrqController.setAffinity, lineSetAffinityHandler)
}

function setOperation(address: number, operation: HandlerRef): void {
  st(address, operation.id)
}
