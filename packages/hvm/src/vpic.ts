// SPDX-License-Identifier: MIT
/**
 * The legacy pair of interrupt controllers (GV-9): 16 ISA lines, the second chip behind input 2 of the first. Its output
 * is LINT0 of vCPU 0.
 *
 * It starts as firmware hands it over: vectors 0x08 and 0x70, all masked.
 *
 * @xen xen/arch/x86/hvm/vpic.c
 * Contexts  vpicWrite, vpicRead, vpicAcknowledge: a vCPU's own trap or entry, IF = 1, no lock held. vpicSetLine: irqLock
 *           held.
 * Locks     irqLock; dropped before dpci is told.
 *
 * P1  The wire to vCPU 0 is high exactly if the first chip has an input to serve; vCPU 0 is kicked when it rises.
 * P2  dpci learns of each line that goes out of service: by a specific or non-specific EOI, an automatic one, or because
 *     the chip is initialised anew. The cascade is no line.
 */
import { lowestBit, type Ref } from '@bottomhalf/base'
import { vcpuOf } from '@bottomhalf/domain'
import { ld, load, st, testAndClearBit, testAndSetBit } from '@bottomhalf/machine'
import { vcpuKick } from '@bottomhalf/sched'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { endGsi } from './eoi.js'
import { HvmIrq, hvmIrqOf, HvmVcpu, isaIrqToGsi, VCPU_HVM, WIRE_PIC } from './records.js'
import {
  AUTO_EOI, CASCADE, chipBeginService, chipEndService, chipNext, chipRequests, chipReset, chipServed, clear,
  FULLY_NESTED, ICW4_COMES, POLL, READ_IN_SERVICE, ROTATE_ON_AUTO_EOI, set, SINGLE, SPECIAL_MASK, VpicChip,
} from './vpicChip.js'

/** Ports: command and data of each chip, trigger modes of each. */
export const PIC_MASTER_COMMAND = 0x20
export const PIC_MASTER_DATA = 0x21
export const PIC_SLAVE_COMMAND = 0xa0
export const PIC_SLAVE_DATA = 0xa1
export const PIC_MASTER_LEVEL = 0x4d0
export const PIC_SLAVE_LEVEL = 0x4d1

/** First vectors of the two chips, as firmware leaves them. */
const MASTER_VECTOR = 0x08
const SLAVE_VECTOR = 0x70
/** Inputs that may be of level mode: timer, keyboard, cascade, clock and coprocessor are edges for ever. */
const MASTER_LEVEL_ALLOWED = 0xf8
const SLAVE_LEVEL_ALLOWED = 0xde

const WIRES = VCPU_HVM + HvmVcpu.wires

type Irq = Ref<'HvmIrq'>

/** Begin as firmware hands it over. */
export function vpicInit(irq: Irq): void {
  for (let nr = 0; nr < 2; nr++) {
    chipReset(chipOf(irq, nr), 0)
    st(chipOf(irq, nr) + VpicChip.nextIcw, 0)
    st(chipOf(irq, nr) + VpicChip.firstVector, nr === 0 ? MASTER_VECTOR : SLAVE_VECTOR)
    st(chipOf(irq, nr) + VpicChip.mask, 0xff)
  }
}

// ---- lines and output

/** An ISA line rose or fell. irqLock held. */
export function vpicSetLine(d: Ref<'Domain'>, irq: Irq, line: number, isHigh: boolean): void {
  const chip = chipOf(irq, line >> 3)
  const bit = 1 << (line & 7)
  if (isHigh) {
    set(chip + VpicChip.lines, bit)
    set(chip + VpicChip.risen, bit)
  } else clear(chip + VpicChip.lines, bit)
  updateOutput(d, irq)
}

/** Whether an ISA line is in service. irqLock held. */
export function vpicIsServed(irq: Irq, line: number): boolean {
  return (ld(chipOf(irq, line >> 3) + VpicChip.inService) >>> (line & 7) & 1) !== 0
}

function updateOutput(d: Ref<'Domain'>, irq: Irq): void {
  const v = vcpuOf(d, 0)
  if (nextOf(irq, 0) < 0) {
    if ((load(v + WIRES) >>> WIRE_PIC & 1) !== 0) testAndClearBit(WIRE_PIC, v + WIRES)
  } else if (testAndSetBit(WIRE_PIC, v + WIRES) === 0) vcpuKick(v)    // P1
}

// What chip `nr` is to serve next, -1 if nothing.
function nextOf(irq: Irq, nr: number): number {
  return chipNext(chipOf(irq, nr), cascadeOf(irq, nr))
}

function cascadeOf(irq: Irq, nr: number): number {
  return nr === 0 && chipNext(chipOf(irq, 1), 0) >= 0 ? 1 << CASCADE : 0
}

// ---- acknowledge

/** The vector that the pair would deliver now, -1 if none. */
export function vpicPending(d: Ref<'Domain'>): number {
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  const line = nextLine(irq)
  const vector = line < 0 ? -1 : vectorOf(irq, line)
  spinUnlock(irq + HvmIrq.lock)
  return vector
}

/** vCPU 0 acknowledges the pair: the vector that it delivers, -1 if the request is gone. */
export function vpicAcknowledge(d: Ref<'Domain'>): number {
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  const line = nextLine(irq)
  const vector = line < 0 ? -1 : vectorOf(irq, line)
  const ended = line < 0 ? 0 : serveLine(irq, line)
  updateOutput(d, irq)                                                // P1
  spinUnlock(irq + HvmIrq.lock)
  endLines(ended)
  return vector
}

function nextLine(irq: Irq): number {
  const input = nextOf(irq, 0)
  return input === CASCADE ? 8 + nextOf(irq, 1) : input
}

// Begins with the inner chip: then the cascade of the outer one. Returns the line as a bit if it ended with it.
function serveLine(irq: Irq, line: number): number {
  const hasEnded = chipBeginService(chipOf(irq, line >> 3), line & 7)
  if (line >= 8) chipBeginService(chipOf(irq, 0), CASCADE)
  return hasEnded ? 1 << line : 0
}

function vectorOf(irq: Irq, line: number): number {
  return ld(chipOf(irq, line >> 3) + VpicChip.firstVector) + (line & 7)
}

// P2: no lock held.
function endLines(ended: number): void {
  for (let left = ended & ~(1 << CASCADE); left !== 0; left &= left - 1) endGsi(isaIrqToGsi(lowestBit(left)))
}

// ---- ports

/** Whether a port is one of the pair's. */
function isVpicPort(port: number): boolean {
  return (port & ~0x81) === PIC_MASTER_COMMAND || (port & ~1) === PIC_MASTER_LEVEL
}

/** A guest writes one of the pair's ports; others are ignored. */
export function vpicWrite(d: Ref<'Domain'>, port: number, value: number): void {
  if (!isVpicPort(port)) return
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  const ended = writeLocked(irq, port, value & 0xff)
  updateOutput(d, irq)                                                // P1
  spinUnlock(irq + HvmIrq.lock)
  endLines(ended)
}

/** A guest reads one of the pair's ports; others read 0xff. */
export function vpicRead(d: Ref<'Domain'>, port: number): number {
  if (!isVpicPort(port)) return 0xff
  const irq = hvmIrqOf(d)
  const nr = chipOfPort(port)
  const chip = chipOf(irq, nr)
  spinLock(irq + HvmIrq.lock)
  const polled = isLevelPort(port) ? 0 : clear(chip + VpicChip.options, POLL)
  const input = polled === 0 ? -1 : nextOf(irq, nr)
  const value = polled === 0 ? readLocked(irq, port) : input < 0 ? 0 : 0x80 | input
  const ended = input >= 0 && chipBeginService(chip, input) ? 1 << input + 8 * nr : 0
  updateOutput(d, irq)                                                // P1
  spinUnlock(irq + HvmIrq.lock)
  endLines(ended)
  return value
}

function readLocked(irq: Irq, port: number): number {
  const nr = chipOfPort(port)
  const chip = chipOf(irq, nr)
  if (isLevelPort(port)) return ld(chip + VpicChip.levelMode)
  if ((port & 1) !== 0) return ld(chip + VpicChip.mask)
  if ((ld(chip + VpicChip.options) & READ_IN_SERVICE) !== 0) return ld(chip + VpicChip.inService)
  return chipRequests(chip, cascadeOf(irq, nr))
}

// Returns the lines that ended by it, as all the following do.
function writeLocked(irq: Irq, port: number, value: number): number {
  const nr = chipOfPort(port)
  const chip = chipOf(irq, nr)
  if (isLevelPort(port)) {
    st(chip + VpicChip.levelMode, value & (nr === 0 ? MASTER_LEVEL_ALLOWED : SLAVE_LEVEL_ALLOWED))
    return 0
  }
  if ((port & 1) !== 0) {
    writeData(chip, value)
    return 0
  }
  return writeCommand(chip, value) << 8 * nr
}

function writeCommand(chip: Ref<'VpicChip'>, value: number): number {
  if ((value & 0x10) !== 0) return chipReset(chip, (value >> 1 & 1) * SINGLE | (value & 1) * ICW4_COMES)      // ICW1
  if ((value & 0x08) === 0) return writeOcw2(chip, value >> 5, value & 7)
  writeOcw3(chip, value)
  return 0
}

// ICW2 to ICW4 in their order, then the mask (OCW1).
function writeData(chip: Ref<'VpicChip'>, value: number): void {
  const options = ld(chip + VpicChip.options)
  const last = (options & ICW4_COMES) === 0 ? 0 : 4
  switch (ld(chip + VpicChip.nextIcw)) {
    case 2:
      st(chip + VpicChip.firstVector, value & 0xf8)
      return st(chip + VpicChip.nextIcw, (options & SINGLE) === 0 ? 3 : last)
    case 3: return st(chip + VpicChip.nextIcw, last)                  // how the chips are connected is fixed
    case 4:
      set(chip + VpicChip.options, (value >> 1 & 1) * AUTO_EOI | (value >> 4 & 1) * FULLY_NESTED)
      return st(chip + VpicChip.nextIcw, 0)
    default: return st(chip + VpicChip.mask, value)
  }
}

// Bits of the command: EOI, input is named, rotate.
function writeOcw2(chip: Ref<'VpicChip'>, command: number, named: number): number {
  const options = chip + VpicChip.options
  switch (command) {
    case 0b000: clear(options, ROTATE_ON_AUTO_EOI); return 0
    case 0b100: set(options, ROTATE_ON_AUTO_EOI); return 0
    case 0b001: return chipEndService(chip, chipServed(chip))
    case 0b101: return endAndRotate(chip, chipServed(chip))
    case 0b011: return chipEndService(chip, named)
    case 0b111: return endAndRotate(chip, named)
    case 0b110: st(chip + VpicChip.last, named); return 0
    default: return 0
  }
}

function endAndRotate(chip: Ref<'VpicChip'>, input: number): number {
  if (input >= 0) st(chip + VpicChip.last, input)
  return chipEndService(chip, input)
}

function writeOcw3(chip: Ref<'VpicChip'>, value: number): void {
  const options = chip + VpicChip.options
  if ((value & 0x04) !== 0) set(options, POLL)
  if ((value & 0x02) !== 0) assign(options, READ_IN_SERVICE, (value & 0x01) !== 0)
  if ((value & 0x40) !== 0) assign(options, SPECIAL_MASK, (value & 0x20) !== 0)
}

function assign(address: number, bits: number, on: boolean): void {
  if (on) set(address, bits)
  else clear(address, bits)
}

function isLevelPort(port: number): boolean {
  return port >= PIC_MASTER_LEVEL
}

function chipOfPort(port: number): number {
  return isLevelPort(port) ? port & 1 : port >> 7
}

function chipOf(irq: Irq, nr: number): Ref<'VpicChip'> {
  return irq + HvmIrq.pic + nr * VpicChip.sizeWords
}
