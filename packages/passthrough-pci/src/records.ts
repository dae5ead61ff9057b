// SPDX-License-Identifier: MIT
/**
 * What is known of PCI, and the lock that guards it.
 *
 *     Pci.segments --> PciSegment --> ...      one per PCI segment that has hardware
 *                        functions   index by bdf: PciFunction, the hardware: configuration space, message entries
 *                        devices     index by bdf: PciDev, a function that the hypervisor was told of
 *                        bridges     by bus: the innermost known legacy bridge above it
 *
 * Addresses: an sbdf is segment (16 bits), bus (8), device (5), function (3); a bdf its lower 16 bits.
 *
 * @xen xen/include/xen/pci.h
 * Contexts  control operations; never interrupt context.
 * Locks     pcidevs, outside eventLock (LK-4).
 */
import { SparseIndex } from '@bottomhalf/atomics'
import type { Ref } from '@bottomhalf/base'
import { embed, global, handlerId, lineBreak, ref, struct, time, word, words } from '@bottomhalf/machine'
import { ListHead } from '@bottomhalf/list'
import { lockClass, SpinLock, spinIsLocked, spinLock, spinUnlock } from '@bottomhalf/spinlock'

export const CONFIG_WORDS = 1024

/** Functions of one device. */
export const FUNCTIONS = 8

const BUSES = 256

/** The hardware: a function in its slot. Its message entries (`MsiEntry`) lie behind the struct. */
export const PciFunction = struct('PciFunction', {
  // written when it is plugged in, constant after:
  sbdf: word, msiEntries: word, vfMsixEntries: word,
  /** Its physical function's bdf, of a virtual function; -1 of others. */
  physfn: word,
  // written when it is plugged in, constant after: bits of `config` that software may write
  writable: words(CONFIG_WORDS), end: lineBreak,
  // atomic: registers of the hardware; software on any CPU writes them
  config: words(CONFIG_WORDS), entries: lineBreak,
})

/** Values of `PciDev.owner` that are no domain. */
export const OWNER_HARDWARE_DOMAIN = 0
export const OWNER_HYPERVISOR = 1

/** In `PciDev.contexts`: no DMA of that requester is let through. */
export const NO_CONTEXT = -1

/** `PciDev.numaNode` of a device that is near no node. */
export const NUMA_NO_NODE = -1

/** Values of `PciDev.kind`. */
export const PCI_ENDPOINT = 0
export const PCIE_ENDPOINT = 1
export const PCI_HOST_BRIDGE = 2
export const PCIE_PORT = 3
/** Kinds from here on hide the requester ids behind them: what is behind one moves together. */
export const PCIE_TO_PCI_BRIDGE = 4
export const LEGACY_PCI_BRIDGE = 5

/** Bits of `PciDev.info`, as the hardware domain reported it. */
export const INFO_EXTFN = 1
export const INFO_VIRTFN = 2

export const PciDev = struct('PciDev', {
  // written when the device is added, constant after:
  fn: ref('PciFunction'), sbdf: word, kind: word,
  /** Distance of its phantom functions, 0 if it has none. */
  phantomStride: word,
  /** Of a bridge: the buses behind it. */
  secondaryBus: word, subordinateBus: word,
  // pcidevs:
  node: embed(ListHead),
  info: word, physfn: word, numaNode: word,
  /** The domain, to which the device holds a reference; or OWNER_HARDWARE_DOMAIN, OWNER_HYPERVISOR. */
  owner: word,
  vectors: ref('PciVectors'), msixTable: ref('MsixTable'),
  faultCount: word, faultNs: time,
  /** Whose memory each of its requester ids reaches: the function itself first, then its phantoms. */
  contexts: words(FUNCTIONS),
})

export const PciSegment = struct('PciSegment', {
  // pcidevs:
  node: embed(ListHead), segment: word,
  functions: embed(SparseIndex), devices: embed(SparseIndex), list: embed(ListHead),
  /** A bitmap by bdf; 0 while nothing is read-only. */
  readOnly: word,
  /** By bus: 1 + the bdf of the innermost legacy bridge above it; 0 if there is none. */
  bridges: words(BUSES),
})

/** A change of whose memory a requester id reaches, as the IOMMU is asked for it. */
export const IommuRequest = struct('IommuRequest', {
  // pcidevs:
  dev: ref('PciDev'), sbdf: word, from: word, to: word,
})

export const Pci = global('pci', {
  lock: embed(SpinLock),
  // pcidevs:
  segments: embed(ListHead), request: embed(IommuRequest),
  // written at boot, constant after; 0 if there is no IOMMU to tell
  reassign: handlerId,
})

export const pcidevsLockClass = lockClass('pcidevs')

/** Take the lock of everything that is known of PCI. IF = 1, neither eventLock nor anything inside it held. */
export function pcidevsLock(): void {
  spinLock(Pci.base + Pci.lock)
}

export function pcidevsUnlock(): void {
  spinUnlock(Pci.base + Pci.lock)
}

/** Whether anybody holds it: for assertions. */
export function pcidevsLocked(): boolean {
  return spinIsLocked(Pci.base + Pci.lock)
}

/** The address of a function. */
export function pciSbdf(segment: number, bus: number, device: number, fn: number): number {
  return ((segment << 16) | (bus << 8) | (device << 3) | fn) >>> 0
}

export function segmentNumberOf(sbdf: number): number {
  return sbdf >>> 16
}

export function bdfOf(sbdf: number): number {
  return sbdf & 0xffff
}

export function busOf(sbdf: number): number {
  return (sbdf >>> 8) & 0xff
}

/** The same segment, another bdf. */
export function withBdf(sbdf: number, bdf: number): number {
  return ((sbdf & ~0xffff) | bdf) >>> 0
}

/** Whether an owner is a guest: a domain that can be killed. */
export function isGuestOwner(owner: number): owner is Ref<'Domain'> {
  return owner !== OWNER_HARDWARE_DOMAIN && owner !== OWNER_HYPERVISOR
}
