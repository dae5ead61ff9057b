// SPDX-License-Identifier: MIT
/**
 * A guest's accesses to the MSI-X vector table of its device: address and data go to its device model, the mask bit is the
 * hypervisor's (PCI-4, PCI-8).
 *
 *     guest writes                 what happens
 *     address, data                kept for the device model; the entry is marked
 *     mask                         the entry is masked for the guest
 *     unmask, not marked           unmasked for the guest: the hardware is unmasked unless the host masks it
 *     unmask, marked               the device model has to look first (MSIX_TO_MODEL); when it has (`msixModelDone`) the
 *                                  unmask is replayed
 *
 * The hardware's own table is never written by a guest, whatever it writes.
 *
 * @xen xen/arch/x86/hvm/vmsi.c (msixtbl_write, msixtbl_read, msix_write_completion)
 * Contexts  msixTableWrite, msixTableRead, msixModelDone: a vCPU's, at a VM exit; no lock inside the table's held.
 * Locks     the table lock, inside all others, IF = 0: entries. pcidevs: which tables there are; they are found under RCU,
 *           so that a guest that hammers its table keeps nobody else waiting.
 *
 * MX1  A guest's mask bit reaches the hardware only of an entry that has an interrupt, under the table lock: whoever takes
 *      the interrupt away has taken LIVE off first (`msixEntryGone`).
 * MX2  A marked entry is not unmasked before the device model has seen what was written.
 * MX3  A mask that comes between the unmask and its replay wins.
 */
import type { Ref } from '@bottomhalf/base'
import { Domain } from '@bottomhalf/domain'
import { MSI_GUEST_MASKED, MsiEntry, msiMask, msiUnmask } from '@bottomhalf/irq'
import {
  embed, global, handler, ld, load, ref, st, store, struct, type Susp, word, words, xfree,
} from '@bottomhalf/machine'
import { callRcu, RcuHead, rcuReadLock, rcuReadUnlock } from '@bottomhalf/rcu'
import { lockClass, SpinLock, spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { MSIX_ENTRY_BYTES } from './description.js'
import { PciDev } from './records.js'

/** What became of an access: it is no vector table's; it is done; the device model must handle it, then `msixModelDone`. */
export const MSIX_NOT_MINE = 0
export const MSIX_DONE = 1
export const MSIX_TO_MODEL = 2

const BUCKETS = 64

/** Its entries lie behind the struct. */
export const MsixTable = struct('MsixTable', {
  // written before it can be found, constant after:
  domain: ref('Domain'), gtableFrame: word, gtableOffset: word, entryCount: word,
  /** The device's first message entry. */
  msi: ref('MsiEntry'),
  // pcidevs; read under RCU, so atomic
  next: ref('MsixTable'),
  // pcidevs: how many bindings use it
  bindings: word,
  rcu: embed(RcuHead),
  lock: embed(SpinLock),
})

const MsixTableEntry = struct('MsixTableEntry', {
  // table lock: what the guest wrote
  addressLow: word, addressHigh: word, data: word,
  flags: word,
})

/** Bits of `MsixTableEntry.flags`. MASKED counts while LIVE is off; with LIVE on, the hardware has the guest's bit. */
const MASKED = 1
const MARKED = 2
const REPLAY = 4
const LIVE = 8

const PAGE_BYTES = 4096
const CONTROL_OFFSET = 12
const CONTROL_MASK = 1

export const msixTableLockClass = lockClass('msixTable')

const Tables = global('pciMsixTables', {
  // written under pcidevs, read under RCU: atomic
  buckets: words(BUCKETS),
})

/**
 * A guest writes 32 bits at a guest-physical byte address. MSIX_TO_MODEL: the device model of the guest must look at the
 * entry (`msixTableRead`), bind as it says, and then call `msixModelDone` for the same address.
 */
export function msixTableWrite(d: Ref<'Domain'>, address: number, value: number): number {
  return withTable(d, address, (table, offset) => writeLocked(table, offset, value))
}

/** The device model has looked: replay the unmask that waited for it. MSIX_TO_MODEL: the guest wrote again, look again. */
export function msixModelDone(d: Ref<'Domain'>, address: number): number {
  return withTable(d, address, replayLocked)
}

/** What a guest reads there, unsigned; -1 if it is no entry of a vector table. */
export function msixTableRead(d: Ref<'Domain'>, address: number): number {
  rcuReadLock()
  const table = tableAt(d, address)
  const value = table === 0 ? -1 : readUnderLock(table, offsetIn(table, address))
  rcuReadUnlock()
  return value
}

function writeLocked(table: Ref<'MsixTable'>, offset: number, value: number): number {
  const entry = entryAt(table, offset)
  if (entry === 0) return MSIX_DONE                        // beside the table, or across words: dropped
  const field = offset % MSIX_ENTRY_BYTES
  if (field === CONTROL_OFFSET) return writeControl(table, entry, value)
  st(entry + (field >> 2), value)
  setFlags(entry, MARKED, 0)
  return MSIX_DONE
}

function writeControl(table: Ref<'MsixTable'>, entry: Ref<'MsixTableEntry'>, value: number): number {
  if ((value & CONTROL_MASK) !== 0) {
    setFlags(entry, MASKED, REPLAY)                                                          // MX3
    maskHardware(table, entry, true)
    return MSIX_DONE
  }
  const flags = ld(entry + MsixTableEntry.flags)
  if ((flags & REPLAY) !== 0) return MSIX_DONE             // it waits for the device model already
  if ((flags & MARKED) !== 0) {
    setFlags(entry, REPLAY, MARKED)                                                          // MX2
    return MSIX_TO_MODEL
  }
  setFlags(entry, 0, MASKED)
  maskHardware(table, entry, false)
  return MSIX_DONE
}

function replayLocked(table: Ref<'MsixTable'>, offset: number): number {
  const entry = entryAt(table, offset)
  if (entry === 0 || (ld(entry + MsixTableEntry.flags) & REPLAY) === 0) return MSIX_DONE     // MX3
  setFlags(entry, 0, REPLAY)
  return writeControl(table, entry, 0)
}

function readUnderLock(table: Ref<'MsixTable'>, offset: number): number {
  const flags = spinLockIrqsave(table + MsixTable.lock)
  const entry = entryAt(table, offset)
  const value = entry === 0 ? -1 : readLocked(table, entry, offset % MSIX_ENTRY_BYTES)
  spinUnlockIrqrestore(table + MsixTable.lock, flags)
  return value
}

function readLocked(table: Ref<'MsixTable'>, entry: Ref<'MsixTableEntry'>, field: number): number {
  if (field !== CONTROL_OFFSET) return ld(entry + (field >> 2)) >>> 0
  return guestMasked(table, entry) ? CONTROL_MASK : 0
}

// ---- from the hypervisor's side; pcidevs held

/** A message got its interrupt: from now on the guest's mask bit is the hardware's. */
export function msixEntryLives(dev: Ref<'PciDev'>, nr: number): void {
  const table = ld(dev + PciDev.msixTable)
  if (table === 0) return
  const flags = spinLockIrqsave(table + MsixTable.lock)
  const entry = entryNr(table, nr)
  setFlags(entry, LIVE, 0)
  maskHardware(table, entry, (ld(entry + MsixTableEntry.flags) & MASKED) !== 0)
  spinUnlockIrqrestore(table + MsixTable.lock, flags)
}

/** A message is about to lose its interrupt. */
export function msixEntryGone(dev: Ref<'PciDev'>, nr: number): void {
  const table = ld(dev + PciDev.msixTable)
  if (table === 0) return
  const flags = spinLockIrqsave(table + MsixTable.lock)
  const entry = entryNr(table, nr)
  const masked = guestMasked(table, entry)
  setFlags(entry, masked ? MASKED : 0, LIVE | (masked ? 0 : MASKED))                         // MX1
  spinUnlockIrqrestore(table + MsixTable.lock, flags)
}

/** Take over the mask bit that the hardware has for a message, which has an interrupt. Before the table can be found. */
export function msixEntryAdopt(table: Ref<'MsixTable'>, nr: number): void {
  setFlags(entryNr(table, nr), LIVE, 0)
}

/** Words of a table with its entries. */
export function msixTableWords(entryCount: number): number {
  return MsixTable.sizeWords + entryCount * MsixTableEntry.sizeWords
}

/** Every entry as the hardware has it after a reset. Before the table can be found. */
export function msixEntriesInit(table: Ref<'MsixTable'>): void {
  for (let nr = 0; nr < ld(table + MsixTable.entryCount); nr++) st(entryNr(table, nr) + MsixTableEntry.flags, MASKED)
}

/** Let guests find a table. */
export function publishMsixTable(dev: Ref<'PciDev'>, table: Ref<'MsixTable'>): void {
  const bucket = bucketOf(ld(table + MsixTable.domain))
  store(table + MsixTable.next, load(bucket))
  store(bucket, table)
  st(dev + PciDev.msixTable, table)
}

/** Let nobody find a device's table any more, and free it when nobody can stand on it. Nothing if it has none. */
export function dropMsixTableLocked(dev: Ref<'PciDev'>): void {
  const table = ld(dev + PciDev.msixTable)
  if (table === 0) return
  loseHardware(table)
  let link = bucketOf(ld(table + MsixTable.domain))
  while (load(link) !== table) link = load(link) + MsixTable.next
  store(link, load(table + MsixTable.next))
  st(dev + PciDev.msixTable, 0)
  callRcu(table + MsixTable.rcu, freeMsixTableHandler)
}

// Whoever found it before it was unlinked may write to it still, and reaches nothing (MX1).
function loseHardware(table: Ref<'MsixTable'>): void {
  const flags = spinLockIrqsave(table + MsixTable.lock)
  for (let nr = 0; nr < ld(table + MsixTable.entryCount); nr++) setFlags(entryNr(table, nr), MASKED, LIVE)
  spinUnlockIrqrestore(table + MsixTable.lock, flags)
}

function freeMsixTable(head: number): void {
  xfree(head - MsixTable.rcu)
}

const freeMsixTableHandler = handler('freeMsixTable', freeMsixTable)

// ---- tables and entries

type Access = (table: Ref<'MsixTable'>, offset: number) => number

function withTable(d: Ref<'Domain'>, address: number, access: Susp<Access>): number {
  rcuReadLock()
  const table = tableAt(d, address)
  const result = table === 0 ? MSIX_NOT_MINE : accessUnderLock(table, offsetIn(table, address), access)
  rcuReadUnlock()
  return result
}

function accessUnderLock(table: Ref<'MsixTable'>, offset: number, access: Susp<Access>): number {
  const flags = spinLockIrqsave(table + MsixTable.lock)
  const result = access(table, offset)
  spinUnlockIrqrestore(table + MsixTable.lock, flags)
  return result
}

/** The table of the domain that has the page of an address; 0 if none has. Context: an RCU read section. */
function tableAt(d: Ref<'Domain'>, address: number): Ref<'MsixTable'> {
  const frame = Math.floor(address / PAGE_BYTES)
  for (let table = load(bucketOf(d)); table !== 0; table = load(table + MsixTable.next)) {
    if (ld(table + MsixTable.domain) !== d) continue
    const first = ld(table + MsixTable.gtableFrame) >>> 0
    const bytes = ld(table + MsixTable.gtableOffset) + ld(table + MsixTable.entryCount) * MSIX_ENTRY_BYTES
    if (frame >= first && frame < first + Math.ceil(bytes / PAGE_BYTES)) return table
  }
  return 0
}

/** Bytes from the beginning of the table; negative before it. */
function offsetIn(table: Ref<'MsixTable'>, address: number): number {
  return address - (ld(table + MsixTable.gtableFrame) >>> 0) * PAGE_BYTES - ld(table + MsixTable.gtableOffset)
}

/** The entry at an offset; 0 beside the table, and for what is no aligned word. */
function entryAt(table: Ref<'MsixTable'>, offset: number): Ref<'MsixTableEntry'> {
  if (offset < 0 || offset % 4 !== 0) return 0
  const nr = Math.floor(offset / MSIX_ENTRY_BYTES)
  return nr < ld(table + MsixTable.entryCount) ? entryNr(table, nr) : 0
}

function entryNr(table: Ref<'MsixTable'>, nr: number): Ref<'MsixTableEntry'> {
  return table + MsixTable.sizeWords + nr * MsixTableEntry.sizeWords
}

function setFlags(entry: Ref<'MsixTableEntry'>, set: number, clear: number): void {
  st(entry + MsixTableEntry.flags, (ld(entry + MsixTableEntry.flags) & ~clear) | set)
}

function maskHardware(table: Ref<'MsixTable'>, entry: Ref<'MsixTableEntry'>, masked: boolean): void {
  if ((ld(entry + MsixTableEntry.flags) & LIVE) === 0) return                                // MX1
  if (masked) msiMask(hardwareOf(table, entry), MSI_GUEST_MASKED)
  else msiUnmask(hardwareOf(table, entry), MSI_GUEST_MASKED)
}

function guestMasked(table: Ref<'MsixTable'>, entry: Ref<'MsixTableEntry'>): boolean {
  const flags = ld(entry + MsixTableEntry.flags)
  if ((flags & LIVE) === 0) return (flags & MASKED) !== 0
  return (load(hardwareOf(table, entry) + MsiEntry.control) & MSI_GUEST_MASKED) !== 0
}

function hardwareOf(table: Ref<'MsixTable'>, entry: Ref<'MsixTableEntry'>): Ref<'MsiEntry'> {
  const nr = (entry - table - MsixTable.sizeWords) / MsixTableEntry.sizeWords
  return ld(table + MsixTable.msi) + nr * MsiEntry.sizeWords
}

function bucketOf(d: Ref<'Domain'>): number {
  return Tables.base + Tables.buckets + (ld(d + Domain.domId) & (BUCKETS - 1))
}
