// SPDX-License-Identifier: MIT
/** What a function is made from: plain data, checked before anything is built (PCI-1). */

export const BAR_MEMORY32 = 0
export const BAR_MEMORY64 = 1
export const BAR_IO = 2

/** Port types of the PCIe capability. */
export const PciePort = {
  ENDPOINT: 0, LEGACY_ENDPOINT: 1, ROOT_PORT: 4, UPSTREAM: 5, DOWNSTREAM: 6, TO_PCI_BRIDGE: 7, ROOT_ENDPOINT: 9,
} as const

export interface BarDescription {
  /** BAR_MEMORY32, BAR_MEMORY64 (takes two places) or BAR_IO. */
  readonly kind: number
  /** A power of two. */
  readonly sizeBytes: number
}

export interface MsiDescription { readonly vectors: number, readonly maskable: boolean }
export interface MsixDescription { readonly entries: number, readonly bar: number, readonly offset: number }
export interface ExpressDescription {
  readonly portType: number
  /** How many upper bits of the function number the device uses for phantom functions, 0..3. */
  readonly phantomBits?: number
}
export interface SriovDescription {
  readonly totalVfs: number, readonly firstOffset: number, readonly stride: number, readonly vfDeviceId: number
  /** MSI-X entries of each virtual function. */
  readonly vfMsixEntries: number
}
/** Buses behind a bridge. */
export interface BridgeDescription { readonly secondary: number, readonly subordinate: number }

export interface PciFunctionDescription {
  readonly sbdf: number
  readonly vendorId: number
  readonly deviceId: number
  /** 24 bits: base class, subclass, interface. */
  readonly classCode: number
  readonly multiFunction?: boolean
  /** Header type 1 with these buses behind it; header type 0 without. */
  readonly bridge?: BridgeDescription
  readonly bars?: readonly BarDescription[]
  /** 1..4 for INTA..INTD; 0 or left out for none. */
  readonly interruptPin?: number
  readonly interruptLine?: number
  readonly msi?: MsiDescription
  readonly msix?: MsixDescription
  readonly express?: ExpressDescription
  readonly sriov?: SriovDescription
  /** Features of access control that it supports, with the capability; left out: no capability. */
  readonly acs?: number
}

/** Bytes of an MSI-X table entry. */
export const MSIX_ENTRY_BYTES = 16

export function descriptionIsValid(o: PciFunctionDescription): boolean {
  return within(o.sbdf, 0, 0xffffffff) && within(o.vendorId, 0, 0xfffe) && within(o.deviceId, 0, 0xffff) &&
    within(o.classCode, 0, 0xffffff) && within(o.interruptPin ?? 0, 0, 4) && within(o.interruptLine ?? 0, 0, 0xff) &&
    bridgeIsValid(o) && barsAreValid(o) && interruptsAreValid(o) && expressIsValid(o)
}

function bridgeIsValid({ sbdf, bridge }: PciFunctionDescription): boolean {
  if (bridge === undefined) return true
  // what is behind a bridge has higher bus numbers, so no walk upward can go in a circle
  return within(bridge.secondary, ((sbdf >>> 8) & 0xff) + 1, 0xff) && within(bridge.subordinate, bridge.secondary, 0xff)
}

function barsAreValid(o: PciFunctionDescription): boolean {
  let places = 0
  for (const bar of o.bars ?? []) {
    if (!within(bar.kind, BAR_MEMORY32, BAR_IO) || !isPowerOfTwo(bar.sizeBytes)) return false
    if (bar.sizeBytes < (bar.kind === BAR_IO ? 4 : 16)) return false
    places += bar.kind === BAR_MEMORY64 ? 2 : 1
  }
  return places <= (o.bridge === undefined ? 6 : 2)
}

function interruptsAreValid({ msi, msix, bars }: PciFunctionDescription): boolean {
  if (msi !== undefined && (!isPowerOfTwo(msi.vectors) || msi.vectors > 32)) return false
  if (msix === undefined) return true
  if (!within(msix.entries, 1, 2048) || !within(msix.offset, 0, 0x7ffffff8) || msix.offset % 8 !== 0) return false
  const bar = barAtPlace(bars ?? [], msix.bar)
  return bar !== undefined && bar.kind !== BAR_IO && msix.offset + msix.entries * MSIX_ENTRY_BYTES <= bar.sizeBytes
}

function expressIsValid({ express, sriov, acs }: PciFunctionDescription): boolean {
  // extended capabilities exist on PCIe only
  if (express === undefined) return sriov === undefined && acs === undefined
  if (!within(express.portType, 0, 9) || !within(express.phantomBits ?? 0, 0, 3)) return false
  if (!within(acs ?? 0, 0, 0x7f)) return false
  return sriov === undefined || sriovIsValid(sriov)
}

function sriovIsValid(o: SriovDescription): boolean {
  return within(o.totalVfs, 1, 256) && within(o.firstOffset, 1, 0xffff) && within(o.stride, 1, 0xffff) &&
    within(o.vfDeviceId, 0, 0xffff) && within(o.vfMsixEntries, 1, 2048)
}

// A 64-bit one takes two places, and is named by the first.
function barAtPlace(bars: readonly BarDescription[], wanted: number): BarDescription | undefined {
  let place = 0
  for (const bar of bars) {
    if (place === wanted) return bar
    place += bar.kind === BAR_MEMORY64 ? 2 : 1
  }
  return undefined
}

function isPowerOfTwo(n: number): boolean {
  return within(n, 1, 0x80000000) && (n & (n - 1)) === 0
}

function within(n: number, low: number, high: number): boolean {
  return Number.isInteger(n) && n >= low && n <= high
}
