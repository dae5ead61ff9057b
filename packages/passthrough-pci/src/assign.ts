// SPDX-License-Identifier: MIT
/**
 * Devices move between the hardware domain and guests.
 *
 * @xen xen/drivers/passthrough/pci.c (assign_device, deassign_device)
 * Contexts  control operations: IF = 1, no lock held; the caller has a reference to the domain.
 * Locks     pcidevs.
 *
 * AS1  Whatever is behind one legacy bridge has one owner, and a device's phantom functions have its owner.
 * AS2  A device is a guest's while one of its requester ids reaches that guest's memory: what could not be taken back is
 *      not said to be (PCI-3), and is tried again at the next call.
 * AS3  A device of a guest holds a reference to it.
 * AS4  A dying domain gets no device: `dying` is set before the release takes pcidevs, and looked at here under pcidevs.
 */
import { EBUSY, EINVAL, ENODEV, EPERM, type Errno, type Ref } from '@bottomhalf/base'
import { getKnownAliveDomain, isDomainDying, putDomain } from '@bottomhalf/domain'
import { ld, st } from '@bottomhalf/machine'
import { clearFaults } from './fault.js'
import { giveContextsLocked, resetFunction, takeContextsLocked } from './iommu.js'
import { loseInterruptsLocked } from './msi.js'
import { dropMsixTableLocked } from './msixTable.js'
import {
  isGuestOwner, OWNER_HARDWARE_DOMAIN, PCI_ENDPOINT, PciDev, pcidevsLock, pcidevsUnlock, PCIE_ENDPOINT,
} from './records.js'
import { devLocked, NO_BRIDGE, nextDevLocked, segmentOfLocked, upstreamBridgeLocked } from './segment.js'

/**
 * Give a device, and all that share its legacy bridge, to a domain (PCI-3). -EINVAL: the domain is dying. -ENODEV: not
 * known. -EPERM: a bridge. -EBUSY: one of them is not the hardware domain's, or its interrupts are in use. Or what the IOMMU
 * says: then all that was given is taken back, and what cannot be stays with the domain (AS2).
 */
export function assignDevice(d: Ref<'Domain'>, sbdf: number): Errno {
  pcidevsLock()
  const dev = devLocked(sbdf)
  const refused = whyNotAssign(d, dev)
  const result = refused === 0 ? giveGroup(d, dev) : refused
  pcidevsUnlock()
  return result
}

/**
 * Take a device, and all that share its legacy bridge, back to the hardware domain: without interrupts, and reset. -ENODEV:
 * not known, or not the domain's. -EBUSY: the host itself uses one of its interrupts. Or what the IOMMU says: what was not
 * taken back is the domain's still (AS2).
 */
export function deassignDevice(d: Ref<'Domain'>, sbdf: number): Errno {
  pcidevsLock()
  const dev = devLocked(sbdf)
  const result = dev === 0 || ld(dev + PciDev.owner) !== d ? -ENODEV : takeGroupLocked(dev)
  pcidevsUnlock()
  return result
}

/** Take the group of a guest's device back. Stops at the first that cannot be. pcidevs held. */
export function takeGroupLocked(first: Ref<'PciDev'>): Errno {
  const d = ld(first + PciDev.owner)
  for (let dev = nextOfGroup(first, 0); dev !== 0; dev = nextOfGroup(first, dev)) {
    const result = ld(dev + PciDev.owner) === d ? takeBack(dev) : 0
    if (result !== 0) return result
  }
  return 0
}

function whyNotAssign(d: Ref<'Domain'>, first: Ref<'PciDev'>): Errno {
  if (isDomainDying(d)) return -EINVAL                                                       // AS4
  if (first === 0) return -ENODEV
  if (!isAssignable(first)) return -EPERM
  for (let dev = nextOfGroup(first, 0); dev !== 0; dev = nextOfGroup(first, dev)) {
    if (ld(dev + PciDev.owner) !== OWNER_HARDWARE_DOMAIN || ld(dev + PciDev.vectors) !== 0) return -EBUSY
  }
  return 0
}

function giveGroup(d: Ref<'Domain'>, first: Ref<'PciDev'>): Errno {
  for (let dev = nextOfGroup(first, 0); dev !== 0; dev = nextOfGroup(first, dev)) {          // AS1
    const result = give(dev, d)
    if (result === 0) continue
    undoGroup(first, d)
    return result
  }
  return 0
}

// What cannot be taken back stays the domain's, and its teardown tries again (AS2).
function undoGroup(first: Ref<'PciDev'>, d: Ref<'Domain'>): void {
  for (let dev = nextOfGroup(first, 0); dev !== 0; dev = nextOfGroup(first, dev)) {
    if (ld(dev + PciDev.owner) === d) void takeBack(dev)
  }
}

function give(dev: Ref<'PciDev'>, d: Ref<'Domain'>): Errno {
  getKnownAliveDomain(d)                                                                     // AS3
  st(dev + PciDev.owner, d)                                                                  // AS2
  clearFaults(dev)
  return giveContextsLocked(dev, d)
}

// Quiet before its requests go elsewhere: what it had under way in the guest's memory must not end in another's.
function takeBack(dev: Ref<'PciDev'>): Errno {
  const lost = loseInterruptsLocked(dev)
  if (lost !== 0) return lost
  dropMsixTableLocked(dev)
  resetFunction(dev)
  const moved = takeContextsLocked(dev, OWNER_HARDWARE_DOMAIN)
  if (moved !== 0) return moved                                                              // AS2
  const d = ld(dev + PciDev.owner)
  st(dev + PciDev.owner, OWNER_HARDWARE_DOMAIN)
  clearFaults(dev)
  if (isGuestOwner(d)) putDomain(d)                                                          // AS3: not the last
  return 0
}

/** The device behind `dev` among those that move together with `first`; the first of them for 0. 0 at the end. */
function nextOfGroup(first: Ref<'PciDev'>, dev: Ref<'PciDev'>): Ref<'PciDev'> {
  const bridge = bridgeOf(first)
  if (bridge === NO_BRIDGE) return dev === 0 ? first : 0
  const segment = segmentOfLocked(ld(first + PciDev.sbdf))
  let next = nextDevLocked(segment, dev)
  while (next !== 0 && !(isAssignable(next) && bridgeOf(next) === bridge)) next = nextDevLocked(segment, next)
  return next
}

function bridgeOf(dev: Ref<'PciDev'>): number {
  return upstreamBridgeLocked(ld(dev + PciDev.sbdf) >>> 0)
}

function isAssignable(dev: Ref<'PciDev'>): boolean {
  const kind = ld(dev + PciDev.kind)
  return kind === PCI_ENDPOINT || kind === PCIE_ENDPOINT
}
