// SPDX-License-Identifier: MIT
/**
 * Devices that the hypervisor was told of: added, removed, looked up.
 *
 * @xen xen/drivers/passthrough/pci.c (alloc_pdev, pci_add_device, pci_remove_device, pci_enable_acs)
 * Contexts  control operations: IF = 1, no lock held.
 * Locks     pcidevs.
 *
 * PD1  A device is in the list when it is whole; one that could not be added has left nothing, its physical function too.
 * PD2  A virtual function is known only beside its physical function, which goes last.
 */
import { bug, EBUSY, EEXIST, EINVAL, ENODEV, ENOMEM, EPERM, type Errno, type Ref } from '@bottomhalf/base'
import { putDomain } from '@bottomhalf/domain'
import { ld, st, xfree, xzalloc } from '@bottomhalf/machine'
import {
  confRead, confUpdate16, confWrite, findCapability, findExtendedCapability, isRegister, PciCapability,
  PciExtendedCapability, PciReg, sizeMask,
} from './configSpace.js'
import { PciePort } from './description.js'
import { closeContextsLocked, openContextsLocked, resetFunction } from './iommu.js'
import { loseInterruptsLocked } from './msi.js'
import { dropMsixTableLocked } from './msixTable.js'
import {
  bdfOf, FUNCTIONS, INFO_EXTFN, INFO_VIRTFN, isGuestOwner, LEGACY_PCI_BRIDGE, NO_CONTEXT, NUMA_NO_NODE,
  OWNER_HARDWARE_DOMAIN, OWNER_HYPERVISOR, PCI_ENDPOINT, PCI_HOST_BRIDGE, PciDev, pcidevsLock, pcidevsUnlock,
  PciFunction, PCIE_ENDPOINT, PCIE_PORT, PCIE_TO_PCI_BRIDGE, withBdf,
} from './records.js'
import {
  addDevLocked, devLocked, functionLocked, isReadOnlyLocked, makeReadOnlyLocked, nextDevLocked, removeDevLocked,
  segmentOfLocked, upstreamBridgeLocked,
} from './segment.js'

const CLASS_BRIDGE_HOST = 0x0600
const NODES = 64

/** Source validation, request redirect, completion redirect, upstream forwarding: what keeps devices apart. */
const ACS_WANTED = 0x1d

/** What the hardware domain says of a device. */
export interface PciDeviceInfo {
  /** An extended function: its slot number belongs to the function number. */
  readonly isExtfn?: boolean
  /** A virtual function, of the physical one at bdf `physfn`. */
  readonly isVirtfn?: boolean
  readonly physfn?: number
  /** NUMA_NO_NODE if left out. */
  readonly numaNode?: number
}

/**
 * Make the device at an address known; it belongs to the hardware domain. A virtual function's physical function is added
 * first, if it has to be. A known one takes the new NUMA node. -EINVAL: the information makes no sense. -ENODEV: there is
 * no such hardware, or no such physical function. -ENOMEM. Or what the IOMMU says.
 */
export function pciAddDevice(sbdf: number, info: PciDeviceInfo): Errno {
  if (!infoIsValid(info)) return -EINVAL
  pcidevsLock()
  const result = info.isVirtfn === true ? addVirtualLocked(sbdf, info) : addLocked(sbdf, info)
  pcidevsUnlock()
  return result
}

/**
 * Forget a device, whoever has it: its interrupts are taken away, its DMA is stopped. -ENODEV: not known. -EBUSY: the host
 * uses its interrupts, or it has known virtual functions. Or what the IOMMU says; then it stays known.
 */
export function pciRemoveDevice(sbdf: number): Errno {
  pcidevsLock()
  const dev = devLocked(sbdf)
  const owner = dev === 0 ? OWNER_HARDWARE_DOMAIN : ld(dev + PciDev.owner)
  const result = dev === 0 ? -ENODEV : removeLocked(dev)
  pcidevsUnlock()
  // it may be the last reference, and what follows then wants locks of its own
  if (result === 0 && isGuestOwner(owner)) putDomain(owner)
  return result
}

/** Keep a device for the hypervisor: nobody writes its configuration space, nobody gets it. -ENODEV, -EBUSY, -ENOMEM. */
export function pciHideDevice(sbdf: number): Errno {
  pcidevsLock()
  const dev = devLocked(sbdf)
  const result = dev === 0 ? -ENODEV : hideLocked(dev, sbdf)
  pcidevsUnlock()
  return result
}

/** Let nobody write the configuration space of a function. -ENODEV: no such hardware. -EEXIST: nobody may. -ENOMEM. */
export function pciReadOnly(sbdf: number): Errno {
  pcidevsLock()
  const result = makeReadOnlyLocked(sbdf)
  pcidevsUnlock()
  return result
}

/** Whose a device is: a domain, OWNER_HARDWARE_DOMAIN, OWNER_HYPERVISOR; -ENODEV if it is not known. */
export function pciDeviceOwner(sbdf: number): number {
  return fieldOf(sbdf, PciDev.owner)
}

/** The NUMA node that a device is near, or NUMA_NO_NODE; -ENODEV if it is not known. */
export function pciDeviceNode(sbdf: number): number {
  return fieldOf(sbdf, PciDev.numaNode)
}

/** The outermost legacy bridge above a device, or NO_BRIDGE. */
export function findUpstreamBridge(sbdf: number): number {
  pcidevsLock()
  const bridge = upstreamBridgeLocked(sbdf)
  pcidevsUnlock()
  return bridge
}

/** Read a register, as whoever owns the device does; unsigned. All ones: an empty slot, or no register. */
export function pciConfRead(sbdf: number, reg: number, sizeBytes: number): number {
  if (!isRegister(reg, sizeBytes)) return 0xffffffff
  pcidevsLock()
  const fn = functionLocked(sbdf)
  const value = fn === 0 ? sizeMask(sizeBytes) : confRead(fn, reg, sizeBytes)
  pcidevsUnlock()
  return value >>> 0
}

/** Write a register. -EINVAL: no register. -ENODEV: an empty slot. -EPERM: the function is read-only. */
export function pciConfWrite(sbdf: number, reg: number, sizeBytes: number, value: number): Errno {
  if (!isRegister(reg, sizeBytes)) return -EINVAL
  pcidevsLock()
  const fn = functionLocked(sbdf)
  const result = fn === 0 ? -ENODEV : isReadOnlyLocked(sbdf) ? -EPERM : 0
  if (result === 0) confWrite(fn, reg, sizeBytes, value)
  pcidevsUnlock()
  return result
}

// ---- adding

function infoIsValid({ isExtfn, isVirtfn, physfn, numaNode = NUMA_NO_NODE }: PciDeviceInfo): boolean {
  if (!Number.isInteger(numaNode) || numaNode < NUMA_NO_NODE || numaNode >= NODES) return false
  if (isVirtfn !== true) return physfn === undefined
  return isExtfn !== true && physfn !== undefined && Number.isInteger(physfn) && physfn >= 0 && physfn <= 0xffff
}

function addVirtualLocked(sbdf: number, info: PciDeviceInfo): Errno {
  const fn = functionLocked(sbdf)
  const physfn = info.physfn ?? 0
  if (fn === 0 || ld(fn + PciFunction.physfn) !== physfn) return -ENODEV
  const wasKnown = devLocked(withBdf(sbdf, physfn)) !== 0
  const added = wasKnown ? 0 : addLocked(withBdf(sbdf, physfn), {})                          // PD2
  if (added !== 0) return added
  const result = addLocked(sbdf, info)
  if (result !== 0 && !wasKnown) undoAddLocked(devLocked(withBdf(sbdf, physfn)))             // PD1
  return result
}

function addLocked(sbdf: number, info: PciDeviceInfo): Errno {
  const known = devLocked(sbdf)
  if (known !== 0) {
    if (info.numaNode !== undefined) st(known + PciDev.numaNode, info.numaNode)
    return 0
  }
  const fn = functionLocked(sbdf)
  if (fn === 0) return -ENODEV
  if (busesAreCircular(fn)) return -EINVAL
  const dev = xzalloc(PciDev.sizeWords, PciDev.tag)
  if (dev === 0) return -ENOMEM
  describe(dev, fn, info)
  const result = enterLocked(dev)
  if (result === 0) enableAcs(dev)
  else xfree(dev)                                                                            // PD1
  return result
}

function enterLocked(dev: Ref<'PciDev'>): Errno {
  const opened = openContextsLocked(dev)
  if (opened !== 0) return opened
  const result = addDevLocked(dev)                                                           // PD1
  if (result !== 0 && closeContextsLocked(dev) !== 0) bug('the IOMMU keeps what it was just given', 'PD1')
  return result
}

function undoAddLocked(dev: Ref<'PciDev'>): void {
  if (closeContextsLocked(dev) !== 0) bug('the IOMMU keeps what it was just given', 'PD1')
  removeDevLocked(dev)
  xfree(dev)
}

function describe(dev: Ref<'PciDev'>, fn: Ref<'PciFunction'>, info: PciDeviceInfo): void {
  st(dev + PciDev.fn, fn)
  st(dev + PciDev.sbdf, ld(fn + PciFunction.sbdf))
  st(dev + PciDev.kind, kindOf(fn))
  st(dev + PciDev.owner, OWNER_HARDWARE_DOMAIN)
  st(dev + PciDev.numaNode, info.numaNode ?? NUMA_NO_NODE)
  for (let i = 0; i < FUNCTIONS; i++) st(dev + PciDev.contexts + i, NO_CONTEXT)
  st(dev + PciDev.info, (info.isExtfn === true ? INFO_EXTFN : 0) | (info.isVirtfn === true ? INFO_VIRTFN : 0))
  st(dev + PciDev.physfn, info.physfn ?? 0)
  st(dev + PciDev.phantomStride, info.isExtfn === true ? 0 : phantomStrideOf(fn))
  if (!isBridgeHeader(fn)) return
  st(dev + PciDev.secondaryBus, confRead(fn, PciReg.SECONDARY_BUS, 1))
  st(dev + PciDev.subordinateBus, confRead(fn, PciReg.SUBORDINATE_BUS, 1))
}

function kindOf(fn: Ref<'PciFunction'>): number {
  const express = findCapability(fn, PciCapability.EXPRESS)
  const port = express === 0 ? PciePort.ENDPOINT : (confRead(fn, express + 2, 2) >>> 4) & 0xf
  if (isBridgeHeader(fn)) {
    if (express === 0) return LEGACY_PCI_BRIDGE
    return port === PciePort.TO_PCI_BRIDGE ? PCIE_TO_PCI_BRIDGE : PCIE_PORT
  }
  if (confRead(fn, PciReg.CLASS_REVISION, 4) >>> 16 === CLASS_BRIDGE_HOST) return PCI_HOST_BRIDGE
  return express === 0 ? PCI_ENDPOINT : PCIE_ENDPOINT
}

// Software may have written the numbers since they were described. A bus below its own bridge would make a walk endless.
function busesAreCircular(fn: Ref<'PciFunction'>): boolean {
  const own = (ld(fn + PciFunction.sbdf) >>> 8) & 0xff
  return isBridgeHeader(fn) && confRead(fn, PciReg.SECONDARY_BUS, 1) <= own
}

function isBridgeHeader(fn: Ref<'PciFunction'>): boolean {
  return (confRead(fn, PciReg.HEADER_TYPE, 1) & 0x7f) === 1
}

// The upper bits of the function number that the device uses say how far apart its phantoms are.
function phantomStrideOf(fn: Ref<'PciFunction'>): number {
  const express = findCapability(fn, PciCapability.EXPRESS)
  const bits = express === 0 ? 0 : (confRead(fn, express + 4, 4) >>> 3) & 3
  const stride = FUNCTIONS >> bits
  return bits === 0 || (ld(fn + PciFunction.sbdf) & 7) >= stride ? 0 : stride
}

function enableAcs(dev: Ref<'PciDev'>): void {
  const fn = ld(dev + PciDev.fn)
  const at = findExtendedCapability(fn, PciExtendedCapability.ACS)
  if (at !== 0) confUpdate16(fn, at + 6, 0, confRead(fn, at + 4, 2) & ACS_WANTED)
}

// ---- removing

function removeLocked(dev: Ref<'PciDev'>): Errno {
  if (hasVirtualLocked(dev)) return -EBUSY                                                   // PD2
  const lost = loseInterruptsLocked(dev)
  if (lost !== 0) return lost
  dropMsixTableLocked(dev)
  resetFunction(dev)                          // it writes to no memory any more, before that is anybody else's
  const closed = closeContextsLocked(dev)
  if (closed !== 0) return closed
  removeDevLocked(dev)
  xfree(dev)
  return 0
}

function hasVirtualLocked(pf: Ref<'PciDev'>): boolean {
  const sbdf = ld(pf + PciDev.sbdf)
  const segment = segmentOfLocked(sbdf)
  for (let dev = nextDevLocked(segment, 0); dev !== 0; dev = nextDevLocked(segment, dev)) {
    if ((ld(dev + PciDev.info) & INFO_VIRTFN) !== 0 && ld(dev + PciDev.physfn) === bdfOf(sbdf)) return true
  }
  return false
}

function hideLocked(dev: Ref<'PciDev'>, sbdf: number): Errno {
  if (ld(dev + PciDev.owner) !== OWNER_HARDWARE_DOMAIN || ld(dev + PciDev.vectors) !== 0) return -EBUSY
  const result = makeReadOnlyLocked(sbdf)
  if (result !== 0 && result !== -EEXIST) return result
  st(dev + PciDev.owner, OWNER_HYPERVISOR)
  return 0
}

function fieldOf(sbdf: number, field: number): number {
  pcidevsLock()
  const dev = devLocked(sbdf)
  const value = dev === 0 ? -ENODEV : ld(dev + field)
  pcidevsUnlock()
  return value
}
