// SPDX-License-Identifier: MIT
/**
 * Hardware model of a maskable message-signalled interrupt: one word that says where a message goes, whether it may go,
 * and whether one is held back.
 *
 *     31 ... 27 | 26 PENDING | 25 GUEST_MASKED | 24 HOST_MASKED | 16 ... 8 cpu | 7 ... 0 vector
 *
 * Contexts  msiSend: the device's, any thread, one sender per entry.  The others: hypervisor, any.
 * Locks     none: the word is atomic, so a device never waits.
 *
 * MSI1  A message sent while masked is held back, and sent once when the last mask goes: none is lost, none doubled.
 * MSI2  Target and masks change in one step: no message goes to a half-written target.
 * MSI3  The entry is masked for the host or for the guest: unmasking one leaves the other (PCI-8).
 */
import type { Ref } from '@bottomhalf/base'
import { cmpxchg, fetchOr, Header, ld, load, raiseVector, st, store, struct, word } from '@bottomhalf/machine'

/** An entry lies in its device's memory; the embedder gives it a cache line that no CPU writes in passing. */
export const MsiEntry = struct('MsiEntry', {
  // atomic: target, masks, held-back message
  control: word,
  // written by `msiReset`, constant after: IS_ENTRY
  kind: word,
})

export const MSI_HOST_MASKED = 1 << 24
export const MSI_GUEST_MASKED = 1 << 25
const PENDING = 1 << 26
const MASKED = MSI_HOST_MASKED | MSI_GUEST_MASKED
const TARGET = 0x1ffff
const IS_ENTRY = 0x6d736921

/** What a device does to interrupt: post the message, or leave it held back while the entry is masked. */
export function msiSend(entry: Ref<'MsiEntry'>): void {
  for (;;) {
    const control = load(entry + MsiEntry.control)
    if ((control & MASKED) === 0) return raiseTarget(control)
    if (cmpxchg(entry + MsiEntry.control, control, control | PENDING) === control) return       // MSI1
  }
}

/** Mask for the host or for the guest (`MSI_HOST_MASKED`, `MSI_GUEST_MASKED`). A message posted before is on its way. */
export function msiMask(entry: Ref<'MsiEntry'>, mask: number): void {
  fetchOr(entry + MsiEntry.control, mask)
}

/** Take one mask away; a held-back message goes out when it was the last. */
export function msiUnmask(entry: Ref<'MsiEntry'>, mask: number): void {
  for (;;) {
    const control = load(entry + MsiEntry.control)
    const unmasked = control & ~mask
    const next = (unmasked & MASKED) === 0 ? unmasked & ~PENDING : unmasked                      // MSI3
    if (cmpxchg(entry + MsiEntry.control, control, next) !== control) continue
    if (next !== unmasked) raiseTarget(next)                                                     // MSI1
    return
  }
}

/** Aim the entry at a vector of a CPU. */
export function msiWriteTarget(entry: Ref<'MsiEntry'>, cpu: number, vector: number): void {
  for (;;) {
    const control = load(entry + MsiEntry.control)
    const next = (control & ~TARGET) | (cpu << 8) | vector
    if (cmpxchg(entry + MsiEntry.control, control, next) === control) return                     // MSI2
  }
}

/** Whether the entry is masked, for host or guest. */
export function msiIsMasked(entry: Ref<'MsiEntry'>): boolean {
  return (load(entry + MsiEntry.control) & MASKED) !== 0
}

/** Whether a message is held back. */
export function msiIsPending(entry: Ref<'MsiEntry'>): boolean {
  return (load(entry + MsiEntry.control) & PENDING) !== 0
}

/** A fresh entry: masked for host and guest, nothing held back, no target. */
export function msiReset(entry: Ref<'MsiEntry'>): void {
  st(entry + MsiEntry.kind, IS_ENTRY)
  store(entry + MsiEntry.control, MASKED)
}

/** Whether an address that somebody outside gave is that of an entry. */
export function isMsiEntry(address: number): boolean {
  return address > 0 && address < ld(Header.sizeWords) - MsiEntry.sizeWords && ld(address + MsiEntry.kind) === IS_ENTRY
}

function raiseTarget(control: number): void {
  raiseVector((control >>> 8) & 0x1ff, control & 0xff)
}
