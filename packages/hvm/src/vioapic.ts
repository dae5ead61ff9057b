// SPDX-License-Identifier: MIT
/**
 * The virtual IO-APIC (GV-3): one of 48 pins, a pin for each GSI of the domain.
 *
 *     low word of an entry   16     15      14          13         12       11     10..8      7..0
 *                          +------+-------+-----------+----------+--------+------+----------+--------+
 *                          | mask | level | remote IRR| polarity | status | mode | delivery | vector |
 *                          +------+-------+-----------+----------+--------+------+----------+--------+
 *     high word            31..24 destination
 *
 * @xen xen/arch/x86/hvm/vioapic.c
 * Contexts  vioapicWrite, vioapicRead, vioapicUpdateEoi: a vCPU's own trap, IF = 1, no lock held. The others: irqLock held.
 * Locks     irqLock; dropped around the seam to dpci, which takes eventLock (DP-9, LK-4).
 *
 * IA1  Remote IRR goes on when a level interrupt was delivered; while it is on, the pin delivers nothing.
 * IA2  Remote IRR is looked at anew after each time that irqLock was dropped: a delivery in between is not repeated.
 * IA3  A level pin that is asserted, unmasked and has remote IRR off was delivered, whatever turned it so: assertion, EOI,
 *      or a write to its entry. It has remote IRR off only if no vCPU took the message, which is counted.
 * IA4  dpci learns of each end of a line that it may wait for: EOI, masked or not, and a switch to edge, after which no
 *      EOI comes.
 * IA5  A pin is among those of its vector's class and of no other: an EOI looks at them, not at all 48.
 */
import { lowestBit, type Ref } from '@bottomhalf/base'
import { ld, st } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { endGsi } from './eoi.js'
import { HvmIrq, hvmIrqOf, IOAPIC_PINS } from './records.js'
import { clear, set } from './vpicChip.js'
import { VMSI_DELIVERY_SHIFT, VMSI_LEVEL, VMSI_LOGICAL, vmsiDeliver } from './vmsi.js'

/** What a guest sees of the IO-APIC, by offset: which register it talks of, and that register. */
export const IOREGSEL = 0x00
export const IOWIN = 0x10

/** Registers by number. An entry has two, the low word first. */
export const IOAPIC_REG_ID = 0x00
export const IOAPIC_REG_VERSION = 0x01
export const IOAPIC_REG_ENTRIES = 0x10

/** Bits of the low word of an entry. */
export const REDIR_VECTOR_MASK = 0xff
export const REDIR_DELIVERY_SHIFT = 8
export const REDIR_LOGICAL = 1 << 11
const REDIR_STATUS = 1 << 12
export const REDIR_REMOTE_IRR = 1 << 14
export const REDIR_LEVEL = 1 << 15
export const REDIR_MASKED = 1 << 16
/** Where the destination lies in the high word. */
export const REDIR_DEST_SHIFT = 24

const READ_ONLY = REDIR_STATUS | REDIR_REMOTE_IRR
const WRITABLE = 0x1ffff & ~READ_ONLY
const IOAPIC_VERSION = 0x11
const ID_MASK = 0x0f000000

const NONE = -1

/** Begin with all pins masked. */
export function vioapicInit(irq: Ref<'HvmIrq'>): void {
  for (let pin = 0; pin < IOAPIC_PINS; pin++) {
    st(entryOf(irq, pin), REDIR_MASKED)
    set(classWord(irq, 0, pin), 1 << (pin & 31))                      // IA5
  }
}

// ---- lines

/** The line of a pin rose. irqLock held. */
export function vioapicPositiveEdge(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>, pin: number): void {
  const low = ld(entryOf(irq, pin))
  if ((low & REDIR_LEVEL) !== 0) deliverIfDue(d, irq, pin)
  else if ((low & REDIR_MASKED) === 0) deliver(d, irq, pin)
}

/** Deliver the level interrupt of a pin if it is due (IA3). irqLock held. */
export function deliverIfDue(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>, pin: number): void {
  const low = ld(entryOf(irq, pin))
  if ((low & (REDIR_LEVEL | REDIR_MASKED | REDIR_REMOTE_IRR)) !== REDIR_LEVEL) return        // IA1
  if (ld(irq + HvmIrq.gsiAssertCount + pin) === 0) return
  if (deliver(d, irq, pin) > 0) st(entryOf(irq, pin), low | REDIR_REMOTE_IRR)                // IA1
}

// Returns how many vCPUs took it.
function deliver(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>, pin: number): number {
  const low = ld(entryOf(irq, pin))
  return vmsiDeliver(d, low & REDIR_VECTOR_MASK, messageFlags(low, ld(entryOf(irq, pin) + 1)))
}

function messageFlags(low: number, high: number): number {
  return high >>> REDIR_DEST_SHIFT | (low >> REDIR_DELIVERY_SHIFT & 7) << VMSI_DELIVERY_SHIFT |
    ((low & REDIR_LOGICAL) === 0 ? 0 : VMSI_LOGICAL) | ((low & REDIR_LEVEL) === 0 ? 0 : VMSI_LEVEL)
}

// ---- end of interrupt

/** A vCPU of `d` ended a level interrupt of `vector`: so did all pins that have that vector. */
export function vioapicUpdateEoi(d: Ref<'Domain'>, vector: number): void {
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  for (let from = 0; from < IOAPIC_PINS; from += 32) {
    for (let pins = ld(classWord(irq, vector, from)); pins !== 0; pins &= pins - 1) {             // IA5
      endPinLocked(d, irq, from + lowestBit(pins), vector)
    }
  }
  spinUnlock(irq + HvmIrq.lock)
}

// Drops irqLock and takes it again. The guest may have written the entry, and lines may have changed, in between:
// everything is read anew.
function endPinLocked(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>, pin: number, vector: number): void {
  if ((ld(entryOf(irq, pin)) & REDIR_VECTOR_MASK) !== vector) return
  clearRemoteIrr(irq, pin)
  spinUnlock(irq + HvmIrq.lock)
  endGsi(pin)                                                         // IA4
  spinLock(irq + HvmIrq.lock)
  deliverIfDue(d, irq, pin)                                           // IA2, IA3
}

/** Whether a pin delivered a level interrupt whose end has still to come (IA1). irqLock held. */
export function vioapicIsServed(irq: Ref<'HvmIrq'>, pin: number): boolean {
  return (ld(entryOf(irq, pin)) & REDIR_REMOTE_IRR) !== 0
}

/** irqLock held. */
export function clearRemoteIrr(irq: Ref<'HvmIrq'>, pin: number): void {
  st(entryOf(irq, pin), ld(entryOf(irq, pin)) & ~REDIR_REMOTE_IRR)
}

// ---- registers

/** A guest writes the IO-APIC, at an offset of its page. What is reserved is ignored. */
export function vioapicWrite(d: Ref<'Domain'>, offset: number, value: number): void {
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  const ended = writeLocked(d, irq, offset, value)
  spinUnlock(irq + HvmIrq.lock)
  if (ended !== NONE) endGsi(ended)                                   // IA4
}

/** A guest reads the IO-APIC, at an offset of its page. What is reserved reads 0. */
export function vioapicRead(d: Ref<'Domain'>, offset: number): number {
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  const value = readLocked(irq, offset)
  spinUnlock(irq + HvmIrq.lock)
  return value
}

// The pin whose line ended by it, NONE if none did.
function writeLocked(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>, offset: number, value: number): number {
  if (offset === IOREGSEL) st(irq + HvmIrq.ioapicSelect, value & 0xff)
  if (offset !== IOWIN) return NONE
  const register = ld(irq + HvmIrq.ioapicSelect)
  if (register === IOAPIC_REG_ID) st(irq + HvmIrq.ioapicId, value & ID_MASK)
  const pin = register - IOAPIC_REG_ENTRIES >> 1
  if (pin < 0 || pin >= IOAPIC_PINS) return NONE
  if ((register & 1) === 0) return writeLow(d, irq, pin, value)
  st(entryOf(irq, pin) + 1, value & 0xff << REDIR_DEST_SHIFT)
  deliverIfDue(d, irq, pin)                                           // IA3
  return NONE
}

function writeLow(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>, pin: number, value: number): number {
  const old = ld(entryOf(irq, pin))
  const isEdge = (value & REDIR_LEVEL) === 0
  const kept = isEdge ? old & REDIR_STATUS : old & READ_ONLY
  clear(classWord(irq, old, pin), 1 << (pin & 31))                    // IA5
  set(classWord(irq, value, pin), 1 << (pin & 31))
  st(entryOf(irq, pin), value & WRITABLE | kept)
  deliverIfDue(d, irq, pin)                                           // IA3
  return isEdge && (old & REDIR_LEVEL) !== 0 ? pin : NONE             // IA4
}

function readLocked(irq: Ref<'HvmIrq'>, offset: number): number {
  const register = ld(irq + HvmIrq.ioapicSelect)
  if (offset === IOREGSEL) return register
  if (offset !== IOWIN) return 0
  if (register === IOAPIC_REG_ID) return ld(irq + HvmIrq.ioapicId)
  if (register === IOAPIC_REG_VERSION) return IOAPIC_VERSION | IOAPIC_PINS - 1 << 16
  const entryWord = register - IOAPIC_REG_ENTRIES
  return entryWord >= 0 && entryWord < 2 * IOAPIC_PINS ? ld(irq + HvmIrq.ioapicEntries + entryWord) : 0
}

/** The low word of a pin's entry. */
function entryOf(irq: Ref<'HvmIrq'>, pin: number): number {
  return irq + HvmIrq.ioapicEntries + 2 * pin
}

/** The word that has a bit for a pin among those whose vector is of the class of `vector`. */
function classWord(irq: Ref<'HvmIrq'>, vector: number, pin: number): number {
  return irq + HvmIrq.ioapicPinsOfClass + 2 * (vector >> 4 & 15) + (pin >> 5)
}
