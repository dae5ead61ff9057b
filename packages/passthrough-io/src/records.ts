// SPDX-License-Identifier: MIT
/**
 * The records of passthrough interrupts: what a domain and each of its pIRQs have of them.
 *
 *     Domain.hvmIrqDpci --> HvmIrqDpci            PirqRecord | ... | dpci: HvmPirqDpci |
 *                             girqs[gsi]          |                      lines
 *                                 \---- GuestLine -- GuestLine -- ... ----/
 *
 * A record's domain is written at its creation and never changes (DP-14).
 *
 * @xen xen/include/xen/hvm/irq.h
 * Locks     eventLock, but for `state`.
 */
import type { Ref } from '@bottomhalf/base'
import { PirqRecord } from '@bottomhalf/domain'
import { ListHead } from '@bottomhalf/list'
import { embed, ld, ref, struct, word, words } from '@bottomhalf/machine'

/**
 * Bits of `HvmPirqDpci.state`. SCHED: a run is wanted; whoever turns it on owes the domain one reference (DP-4). RUN: a
 * CPU is inside. QUEUED: the record is on some CPU's list. MASKED: an arrival that no assist has looked at yet.
 */
export const DPCI_SCHED = 1 << 0
export const DPCI_RUN = 1 << 1
export const DPCI_QUEUED = 1 << 2
export const DPCI_MASKED_BIT = 3
export const DPCI_MASKED = 1 << DPCI_MASKED_BIT

/** Bits of `HvmPirqDpci.flags`: what it is bound from and to. 0: not bound. */
export const DPCI_MACH_PCI = 1 << 0
export const DPCI_MACH_MSI = 1 << 1
export const DPCI_MAPPED = 1 << 2
export const DPCI_EOI_LATCH = 1 << 3
export const DPCI_GUEST_PCI = 1 << 4
export const DPCI_GUEST_MSI = 1 << 5
export const DPCI_TRANSLATE = 1 << 6

export const HvmPirqDpci = struct('HvmPirqDpci', {
  // atomic: see DPCI_SCHED
  state: word,
  // a form of the protocol's own
  protocol: words(32),
  // eventLock; constant while the interrupt is bound to the guest, so a delivery under irqDesc.lock may read it
  flags: word,
  // eventLock: where a guest MSI goes; destVcpuId is -1 for several vCPUs, or none
  gvec: word, gflags: word, destVcpuId: word,
  // eventLock: whether the machine waits for the guest's EOI
  needsEoi: word,
  // eventLock: the guest lines that it asserts (GuestLine), and how many of them wait for the guest's EOI
  lines: embed(ListHead), pending: word,
})

/** A line of the guest that a pIRQ asserts. The machine's GSI of it is that of the record. */
export const GuestLine = struct('GuestLine', {
  // written before it is linked, constant after:
  dpci: ref('HvmPirqDpci'), bus: word, device: word, intx: word,
  // eventLock: in the record's `lines`, in `girqs` of its guest GSI
  inRecord: embed(ListHead), inGsi: embed(ListHead),
  // eventLock: see LINE_PENDING
  pending: word,
})

/** Values of `GuestLine.pending`: it waits for the guest's EOI; and is to be asserted once more after that. 0: neither. */
export const LINE_PENDING = 1
export const LINE_PENDING_TWICE = 2

/** PCI lines of a guest have the GSIs from here on (GV-2). */
export const FIRST_GIRQ = 16
export const LAST_GIRQ = 47
const GIRQS = LAST_GIRQ - FIRST_GIRQ + 1
const LINKS = 4

const BATCH = 8

export const HvmIrqDpci = struct('HvmIrqDpci', {
  // eventLock: lists of GuestLine by guest GSI, the first is that of FIRST_GIRQ
  girqs: words(GIRQS * ListHead.sizeWords),
  // eventLock: how many of them hang on each link; with the links' routes that is the map of ISA lines (DP-9)
  linkCount: words(LINKS),
  // eventLock: pairs {pirq, record} of an iteration
  batch: words(2 * BATCH),
})

// Module constants, so that the compiler folds them.
const DPCI = PirqRecord.dpci
const DOMAIN_FROM_DPCI = PirqRecord.domain - PirqRecord.dpci

/** Records that an iteration looks up at once (DP-12). */
export const DPCI_BATCH = BATCH

/** The passthrough part of a pIRQ record. */
export function dpciOf(pirq: Ref<'PirqRecord'>): Ref<'HvmPirqDpci'> {
  return pirq + DPCI
}

/** The pIRQ record around a passthrough part. */
export function pirqOf(dpci: Ref<'HvmPirqDpci'>): Ref<'PirqRecord'> {
  return dpci - DPCI
}

/** The domain of a record. Constant, so no lock is needed. */
export function dpciDomain(dpci: Ref<'HvmPirqDpci'>): Ref<'Domain'> {
  return ld(dpci + DOMAIN_FROM_DPCI)
}

/** The list of the lines of a guest GSI, FIRST_GIRQ to LAST_GIRQ. */
export function girqsOf(state: Ref<'HvmIrqDpci'>, gsi: number): Ref<'ListHead'> {
  return state + HvmIrqDpci.girqs + (gsi - FIRST_GIRQ) * ListHead.sizeWords
}
