// SPDX-License-Identifier: MIT
/**
 * The virtual local APIC (GV-4): what is requested of a vCPU, what is in service, what is deliverable.
 *
 * A vCPU starts as firmware hands it over: enabled, task priority 0, physical id = vCPU number (the original doubles
 * it), logical flat id 1 << (number mod 8), LINT0 of vCPU 0 open to the PIC.
 *
 * @xen xen/arch/x86/hvm/vlapic.c
 * Contexts  vlapicSetIrq, the destination look-ups: any. All else: the vCPU itself.
 * Locks     none. What others write is atomic; `isr` belongs to the vCPU.
 *
 * L1  A sender sets the bit in `irr`, then the bit of its row; the vCPU clears the bit of a row before its last look at
 *     the row: a request is never hidden.
 * L2  An interrupt is in `irr` before its vCPU is kicked, so the look that the kick forces finds it.
 * L3  `inService` is the highest vector in `isr`: vectors in service grow in class, the last one accepted ends first.
 */
import { highestBit, type Ref } from '@bottomhalf/base'
import { Vcpu } from '@bottomhalf/domain'
import { fetchOr, ld, load, st, store, testAndClearBit, testAndSetBit, xchg } from '@bottomhalf/machine'
import { vcpuKick } from '@bottomhalf/sched'
import { HvmVcpu, VCPU_HVM, WIRE_NMI } from './records.js'

/** Registers that a guest writes with `vlapicWrite`: offsets in the APIC page. */
export const APIC_TASKPRI = 0x80
export const APIC_LDR = 0xd0
export const APIC_DFR = 0xe0
export const APIC_SPIV = 0xf0
export const APIC_LVT0 = 0x350
export const APIC_LVTERR = 0x370

/** Bit of APIC_SPIV that enables the APIC, of APIC_LVT0 and APIC_LVTERR that masks them. */
export const APIC_SPIV_ENABLED = 1 << 8
export const APIC_LVT_MASKED = 1 << 16
/** Delivery mode in APIC_LVT0 that takes the vector from the PIC, and the bits of the mode. */
export const APIC_DM_EXTINT = 7 << 8
const DELIVERY_MODE = 7 << 8
/** Values of APIC_DFR. */
export const APIC_DFR_FLAT = -1
export const APIC_DFR_CLUSTER = 0x0fffffff
/** Error bit: an interrupt with a vector below 16 was sent to this APIC. */
export const APIC_ESR_RECVILL = 6

/** A physical or logical destination that all APICs match. */
export const DEST_BROADCAST = 0xff

const FIRST_LEGAL_VECTOR = 16

// Places in the vCPU.
const ISR = VCPU_HVM + HvmVcpu.isr
const ENABLED = VCPU_HVM + HvmVcpu.enabled
const LVT_ERROR = VCPU_HVM + HvmVcpu.lvtError
const TASK_PRIORITY = VCPU_HVM + HvmVcpu.taskPriority
const LOGICAL_ID = VCPU_HVM + HvmVcpu.logicalId
const DEST_FORMAT = VCPU_HVM + HvmVcpu.destFormat
const IN_SERVICE = VCPU_HVM + HvmVcpu.inService
const IRR = VCPU_HVM + HvmVcpu.irr
const IRR_ROWS = VCPU_HVM + HvmVcpu.irrRows
const TMR = VCPU_HVM + HvmVcpu.tmr
const ERRORS = VCPU_HVM + HvmVcpu.errors
const LINT0 = VCPU_HVM + HvmVcpu.lint0
const WIRES = VCPU_HVM + HvmVcpu.wires

/** Begin as firmware hands the APIC over. */
export function vlapicInit(v: Ref<'Vcpu'>): void {
  store(v + LVT_ERROR, APIC_LVT_MASKED)
  store(v + LINT0, ld(v + Vcpu.vcpuId) === 0 ? APIC_DM_EXTINT : APIC_LVT_MASKED)
  store(v + ENABLED, 1)
  store(v + LOGICAL_ID, 1 << (ld(v + Vcpu.vcpuId) & 7))
  store(v + DEST_FORMAT, APIC_DFR_FLAT)
  store(v + IN_SERVICE, -1)
}

// ---- sending

/**
 * Request `vector` of `v` and make it look (GV-6). A second request before the first is accepted is one request. Returns
 * whether it was taken: not by a disabled APIC, nor with a vector below 16, which is an error of that APIC.
 */
export function vlapicSetIrq(v: Ref<'Vcpu'>, vector: number, isLevel: boolean): boolean {
  if (load(v + ENABLED) === 0) return false
  if (vector < FIRST_LEGAL_VECTOR) {
    raiseError(v, APIC_ESR_RECVILL)
    return false
  }
  setTriggerMode(v + TMR + (vector >> 5), vector & 31, isLevel)
  request(v, vector)
  return true
}

/** Give `v` an NMI and make it look. A second before the first is taken is one. Returns whether it was taken. */
export function vlapicSetNmi(v: Ref<'Vcpu'>): boolean {
  if (load(v + ENABLED) === 0) return false
  if (testAndSetBit(WIRE_NMI, v + WIRES) === 0) vcpuKick(v)           // L2
  return true
}

function request(v: Ref<'Vcpu'>, vector: number): void {
  const row = vector >> 5
  if (testAndSetBit(vector & 31, v + IRR + row) !== 0) return
  fetchOr(v + IRR_ROWS, 1 << row)                                     // L1
  vcpuKick(v)                                                         // L2
}

function setTriggerMode(row: number, bit: number, isLevel: boolean): void {
  if (isLevel) testAndSetBit(bit, row)
  else if ((load(row) >>> bit & 1) !== 0) testAndClearBit(bit, row)
}

// An error vector below 16 is an error too, and is not signalled: no recursion.
function raiseError(v: Ref<'Vcpu'>, bit: number): void {
  if (testAndSetBit(bit, v + ERRORS) !== 0) return
  const lvt = load(v + LVT_ERROR)
  const vector = lvt & 0xff
  if ((lvt & APIC_LVT_MASKED) === 0 && vector >= FIRST_LEGAL_VECTOR) request(v, vector)
}

// ---- accepting

/** The vector that `v` would accept now, -1 if none: the highest requested, if its class is above what keeps it busy. */
export function vlapicHighestDeliverable(v: Ref<'Vcpu'>): number {
  const vector = highestRequested(v)
  if (vector < 0 || vector >> 4 <= vlapicProcessorPriority(v) >> 4) return -1
  return load(v + ENABLED) === 0 ? -1 : vector
}

/** Accept the highest deliverable vector: from requested to in service. Returns it, -1 if there is none. */
export function vlapicAccept(v: Ref<'Vcpu'>): number {
  const vector = vlapicHighestDeliverable(v)
  if (vector >= 0) beginService(v, vector)
  return vector
}

/** End the interrupt in service. Returns its vector, -1 if there was none. */
export function vlapicEoi(v: Ref<'Vcpu'>): number {
  const vector = load(v + IN_SERVICE)
  if (vector < 0) return -1
  const row = v + ISR + (vector >> 5)
  st(row, ld(row) & ~(1 << (vector & 31)))
  store(v + IN_SERVICE, highestInService(v, vector >> 5))             // L3
  return vector
}

/** Whether the last request of `vector` was one of level (TMR). */
export function vlapicIsLevel(v: Ref<'Vcpu'>, vector: number): boolean {
  return (load(v + TMR + (vector >> 5)) >>> (vector & 31) & 1) !== 0
}

/** Whether `v` takes interrupts of the PIC, which are wired to LINT0 of vCPU 0. */
export function vlapicAcceptsPic(v: Ref<'Vcpu'>): boolean {
  if (ld(v + Vcpu.vcpuId) !== 0 || load(v + ENABLED) === 0) return false
  return (load(v + LINT0) & (DELIVERY_MODE | APIC_LVT_MASKED)) === APIC_DM_EXTINT
}

/** Task priority, or the class in service if that is higher: what an interrupt's class must exceed. */
export function vlapicProcessorPriority(v: Ref<'Vcpu'>): number {
  const taskPriority = load(v + TASK_PRIORITY)
  const inService = load(v + IN_SERVICE) & ~15
  return inService < 0 || taskPriority >> 4 >= inService >> 4 ? taskPriority : inService
}

function beginService(v: Ref<'Vcpu'>, vector: number): void {
  testAndClearBit(vector & 31, v + IRR + (vector >> 5))
  const row = v + ISR + (vector >> 5)
  st(row, ld(row) | 1 << (vector & 31))
  store(v + IN_SERVICE, vector)                                       // L3
}

function highestRequested(v: Ref<'Vcpu'>): number {
  for (;;) {
    const row = highestBit(load(v + IRR_ROWS))
    if (row < 0) return -1
    const bit = highestBit(load(v + IRR + row))
    if (bit >= 0) return row * 32 + bit
    // L1: off first, then the last look: a request that came in between turns the row on again, or is seen here
    testAndClearBit(row, v + IRR_ROWS)
    if (load(v + IRR + row) !== 0) testAndSetBit(row, v + IRR_ROWS)
  }
}

// No row above the one that just ended can have a bit (L3).
function highestInService(v: Ref<'Vcpu'>, from: number): number {
  for (let row = from; row >= 0; row--) {
    const bit = highestBit(ld(v + ISR + row))
    if (bit >= 0) return row * 32 + bit
  }
  return -1
}

// ---- registers

/** A guest writes a register of its APIC; one that is not modelled is ignored, as hardware ignores reserved ones. */
export function vlapicWrite(v: Ref<'Vcpu'>, register: number, value: number): void {
  switch (register) {
    case APIC_TASKPRI: return store(v + TASK_PRIORITY, value & 0xff)
    case APIC_LDR: return store(v + LOGICAL_ID, value >>> 24)
    case APIC_DFR: return store(v + DEST_FORMAT, value | 0x0fffffff)
    case APIC_SPIV: return store(v + ENABLED, (value & APIC_SPIV_ENABLED) === 0 ? 0 : 1)
    case APIC_LVT0: return store(v + LINT0, value & (APIC_LVT_MASKED | DELIVERY_MODE | 0xff))
    case APIC_LVTERR: return store(v + LVT_ERROR, value & (APIC_LVT_MASKED | 0xff))
  }
}

/** A guest reads and clears the errors of its APIC. */
export function vlapicTakeErrors(v: Ref<'Vcpu'>): number {
  return xchg(v + ERRORS, 0)
}

// ---- destinations

/** Whether a message to `dest` is for `v`. `isLogical`: destination mode of the message. */
export function vlapicMatchesDest(v: Ref<'Vcpu'>, dest: number, isLogical: boolean): boolean {
  if (dest === DEST_BROADCAST) return true
  if (!isLogical) return dest === ld(v + Vcpu.vcpuId)
  const logicalId = load(v + LOGICAL_ID)
  if (load(v + DEST_FORMAT) === APIC_DFR_FLAT) return (logicalId & dest) !== 0
  return logicalId >> 4 === dest >> 4 && (logicalId & dest & 15) !== 0
}

/** Whether `v`'s APIC accepts anything. */
export function vlapicEnabled(v: Ref<'Vcpu'>): boolean {
  return load(v + ENABLED) !== 0
}
