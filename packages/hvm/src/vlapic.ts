// SPDX-License-Identifier: MIT
/**
 * The virtual local APIC (GV-4): what is requested of a vCPU, what is in service, what is deliverable.
 *
 * A vCPU starts as firmware hands it over: enabled, task priority 0, physical id = vCPU number (the original doubles
 * it), logical flat id 1 << (number mod 8).
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
import { HvmVcpu, VCPU_HVM } from './records.js'

/** Registers that a guest writes with `vlapicWrite`: offsets in the APIC page. */
export const APIC_TASKPRI = 0x80
export const APIC_LDR = 0xd0
export const APIC_DFR = 0xe0
export const APIC_SPIV = 0xf0
export const APIC_LVTERR = 0x370

/** Bit of APIC_SPIV that enables the APIC, of APIC_LVTERR that masks it. */
export const APIC_SPIV_ENABLED = 1 << 8
export const APIC_LVT_MASKED = 1 << 16
/** Values of APIC_DFR. */
export const APIC_DFR_FLAT = -1
export const APIC_DFR_CLUSTER = 0x0fffffff
/** Error bit: an interrupt with a vector below 16 was sent to this APIC. */
export const APIC_ESR_RECVILL = 6

/** A physical or logical destination that all APICs match. */
export const DEST_BROADCAST = 0xff

const FIRST_LEGAL_VECTOR = 16

/** Begin as firmware hands the APIC over. */
export function vlapicInit(v: Ref<'Vcpu'>): void {
  const my = v + VCPU_HVM
  store(my + HvmVcpu.lvtError, APIC_LVT_MASKED)
  store(my + HvmVcpu.enabled, 1)
  store(my + HvmVcpu.logicalId, 1 << (ld(v + Vcpu.vcpuId) & 7))
  store(my + HvmVcpu.destFormat, APIC_DFR_FLAT)
  store(my + HvmVcpu.inService, -1)
}

// ---- sending

/**
 * Request `vector` of `v` and make it look (GV-6). A second request before the first is accepted is one request. Returns
 * whether it was taken: not by a disabled APIC, nor with a vector below 16, which is an error of that APIC.
 */
export function vlapicSetIrq(v: Ref<'Vcpu'>, vector: number, isLevel: boolean): boolean {
  if (load(v + VCPU_HVM + HvmVcpu.enabled) === 0) return false
  if (vector < FIRST_LEGAL_VECTOR) {
    raiseError(v, APIC_ESR_RECVILL)
    return false
  }
  setTriggerMode(v + VCPU_HVM + HvmVcpu.tmr + (vector >> 5), vector & 31, isLevel)
  request(v, vector)
  return true
}

function request(v: Ref<'Vcpu'>, vector: number): void {
  const row = vector >> 5
  if (testAndSetBit(vector & 31, v + VCPU_HVM + HvmVcpu.irr + row) !== 0) return
  fetchOr(v + VCPU_HVM + HvmVcpu.irrRows, 1 << row)                   // L1
  vcpuKick(v)                                                         // L2
}

function setTriggerMode(row: number, bit: number, isLevel: boolean): void {
  if (isLevel) testAndSetBit(bit, row)
  else if ((load(row) >>> bit & 1) !== 0) testAndClearBit(bit, row)
}

// An error vector below 16 is an error too, and is not signalled: no recursion.
function raiseError(v: Ref<'Vcpu'>, bit: number): void {
  if (testAndSetBit(bit, v + VCPU_HVM + HvmVcpu.errors) !== 0) return
  const lvt = load(v + VCPU_HVM + HvmVcpu.lvtError)
  const vector = lvt & 0xff
  if ((lvt & APIC_LVT_MASKED) === 0 && vector >= FIRST_LEGAL_VECTOR) request(v, vector)
}

// ---- accepting

/** The vector that `v` would accept now, -1 if none: the highest requested, if its class is above what keeps it busy. */
export function vlapicHighestDeliverable(v: Ref<'Vcpu'>): number {
  const vector = highestRequested(v + VCPU_HVM)
  if (vector < 0 || vector >> 4 <= vlapicProcessorPriority(v) >> 4) return -1
  return load(v + VCPU_HVM + HvmVcpu.enabled) === 0 ? -1 : vector
}

/** Accept the highest deliverable vector: from requested to in service. Returns it, -1 if there is none. */
export function vlapicAccept(v: Ref<'Vcpu'>): number {
  const vector = vlapicHighestDeliverable(v)
  if (vector >= 0) beginService(v + VCPU_HVM, vector)
  return vector
}

/** End the interrupt in service. Returns its vector, -1 if there was none. */
export function vlapicEoi(v: Ref<'Vcpu'>): number {
  const my = v + VCPU_HVM
  const vector = load(my + HvmVcpu.inService)
  if (vector < 0) return -1
  const row = my + HvmVcpu.isr + (vector >> 5)
  st(row, ld(row) & ~(1 << (vector & 31)))
  store(my + HvmVcpu.inService, highestInService(my, vector >> 5))    // L3
  return vector
}

/** Task priority, or the class in service if that is higher: what an interrupt's class must exceed. */
export function vlapicProcessorPriority(v: Ref<'Vcpu'>): number {
  const taskPriority = load(v + VCPU_HVM + HvmVcpu.taskPriority)
  const inService = load(v + VCPU_HVM + HvmVcpu.inService) & ~15
  return inService < 0 || taskPriority >> 4 >= inService >> 4 ? taskPriority : inService
}

function beginService(my: number, vector: number): void {
  testAndClearBit(vector & 31, my + HvmVcpu.irr + (vector >> 5))
  const row = my + HvmVcpu.isr + (vector >> 5)
  st(row, ld(row) | 1 << (vector & 31))
  store(my + HvmVcpu.inService, vector)                               // L3
}

function highestRequested(my: number): number {
  for (;;) {
    const row = highestBit(load(my + HvmVcpu.irrRows))
    if (row < 0) return -1
    const bit = highestBit(load(my + HvmVcpu.irr + row))
    if (bit >= 0) return row * 32 + bit
    // L1: off first, then the last look: a request that came in between turns the row on again, or is seen here
    testAndClearBit(row, my + HvmVcpu.irrRows)
    if (load(my + HvmVcpu.irr + row) !== 0) testAndSetBit(row, my + HvmVcpu.irrRows)
  }
}

// No row above the one that just ended can have a bit (L3).
function highestInService(my: number, from: number): number {
  for (let row = from; row >= 0; row--) {
    const bit = highestBit(ld(my + HvmVcpu.isr + row))
    if (bit >= 0) return row * 32 + bit
  }
  return -1
}

// ---- registers

/** A guest writes a register of its APIC; one that is not modelled is ignored, as hardware ignores reserved ones. */
export function vlapicWrite(v: Ref<'Vcpu'>, register: number, value: number): void {
  const my = v + VCPU_HVM
  switch (register) {
    case APIC_TASKPRI: return store(my + HvmVcpu.taskPriority, value & 0xff)
    case APIC_LDR: return store(my + HvmVcpu.logicalId, value >>> 24)
    case APIC_DFR: return store(my + HvmVcpu.destFormat, value | 0x0fffffff)
    case APIC_SPIV: return store(my + HvmVcpu.enabled, (value & APIC_SPIV_ENABLED) === 0 ? 0 : 1)
    case APIC_LVTERR: return store(my + HvmVcpu.lvtError, value & (APIC_LVT_MASKED | 0xff))
  }
}

/** A guest reads and clears the errors of its APIC. */
export function vlapicTakeErrors(v: Ref<'Vcpu'>): number {
  return xchg(v + VCPU_HVM + HvmVcpu.errors, 0)
}

// ---- destinations

/** Whether a message to `dest` is for `v`. `isLogical`: destination mode of the message. */
export function vlapicMatchesDest(v: Ref<'Vcpu'>, dest: number, isLogical: boolean): boolean {
  if (dest === DEST_BROADCAST) return true
  if (!isLogical) return dest === ld(v + Vcpu.vcpuId)
  const logicalId = load(v + VCPU_HVM + HvmVcpu.logicalId)
  if (load(v + VCPU_HVM + HvmVcpu.destFormat) === APIC_DFR_FLAT) return (logicalId & dest) !== 0
  return logicalId >> 4 === dest >> 4 && (logicalId & dest & 15) !== 0
}

/** Whether `v`'s APIC accepts anything. */
export function vlapicEnabled(v: Ref<'Vcpu'>): boolean {
  return load(v + VCPU_HVM + HvmVcpu.enabled) !== 0
}
