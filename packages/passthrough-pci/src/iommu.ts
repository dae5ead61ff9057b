// SPDX-License-Identifier: MIT
/**
 * Whose memory a device's requests reach. A device has the requester id of its function, and those of its phantom
 * functions; an embedder that has an IOMMU is asked for every change (`setIommu`), and may refuse.
 *
 * @xen xen/drivers/passthrough/iommu.c (reassign_device), xen/drivers/passthrough/pci.c
 * Locks     pcidevs, held by the caller of all here.
 *
 * IM1  `PciDev.contexts` says what the IOMMU was told last and agreed to: a change that was begun can be gone on with.
 * IM2  The real function is given first and taken back last.
 */
import type { Errno, Ref } from '@bottomhalf/base'
import { callHandler, ld, st, type HandlerRef } from '@bottomhalf/machine'
import { msiReset } from '@bottomhalf/irq'
import { confUpdate16, confWrite, findCapability, PciCapability, PciReg } from './configSpace.js'
import { msiEntryOf } from './hardware.js'
import {
  FUNCTIONS, IommuRequest, NO_CONTEXT, OWNER_HARDWARE_DOMAIN, Pci, PciDev, PciFunction,
} from './records.js'

/**
 * Let `reassign` carry out every change of whose memory a requester id reaches. Its argument is an `IommuRequest`; it
 * answers 0 or an errno, and is called with pcidevs held. Boot.
 */
export function setIommu(reassign: HandlerRef): void {
  st(Pci.base + Pci.reassign, reassign.id)
}

/** Let a new device reach the hardware domain's memory. Nothing is open after a failure. */
export function openContextsLocked(dev: Ref<'PciDev'>): Errno {
  const result = giveContextsLocked(dev, OWNER_HARDWARE_DOMAIN)
  if (result === 0) return 0
  const undone = closeContextsLocked(dev)
  return undone === 0 ? result : undone
}

/** Let a device reach no memory. */
export function closeContextsLocked(dev: Ref<'PciDev'>): Errno {
  return takeContextsLocked(dev, NO_CONTEXT)
}

/** Let all requester ids of a device reach `to`'s memory, the real function first. It stops at the first failure. */
export function giveContextsLocked(dev: Ref<'PciDev'>, to: number): Errno {
  const count = requesterCount(dev)
  for (let i = 0; i < count; i++) {                                                          // IM2
    const result = moveContext(dev, i, to)
    if (result !== 0) return result
  }
  return 0
}

/** The same, the real function last. */
export function takeContextsLocked(dev: Ref<'PciDev'>, to: number): Errno {
  for (let i = requesterCount(dev) - 1; i >= 0; i--) {                                       // IM2
    const result = moveContext(dev, i, to)
    if (result !== 0) return result
  }
  return 0
}

/** Put a device at rest: no DMA, no interrupts, nothing decoded, its messages masked and forgotten. */
export function resetFunction(dev: Ref<'PciDev'>): void {
  const fn = ld(dev + PciDev.fn)
  confWrite(fn, PciReg.COMMAND, 2, 0)
  const msi = findCapability(fn, PciCapability.MSI)
  if (msi !== 0) confUpdate16(fn, msi + 2, 0x71, 0)
  const msix = findCapability(fn, PciCapability.MSIX)
  if (msix !== 0) confUpdate16(fn, msix + 2, 0xc000, 0)
  for (let nr = 0; nr < ld(fn + PciFunction.msiEntries); nr++) msiReset(msiEntryOf(fn, nr))
}

/** How many requester ids a device has: its own, and its phantoms'. */
function requesterCount(dev: Ref<'PciDev'>): number {
  const stride = ld(dev + PciDev.phantomStride)
  return stride === 0 ? 1 : Math.floor((FUNCTIONS - 1 - (ld(dev + PciDev.sbdf) & 7)) / stride) + 1
}

function moveContext(dev: Ref<'PciDev'>, i: number, to: number): Errno {
  const from = ld(dev + PciDev.contexts + i)
  if (from === to) return 0                                                                  // IM1
  const reassign = ld(Pci.base + Pci.reassign)
  const result = reassign === 0 ? 0 : callHandler(reassign, writeRequest(dev, i, from, to))
  if (result === 0) st(dev + PciDev.contexts + i, to)                                        // IM1
  return result
}

function writeRequest(dev: Ref<'PciDev'>, i: number, from: number, to: number): Ref<'IommuRequest'> {
  const request = Pci.base + Pci.request
  st(request + IommuRequest.dev, dev)
  st(request + IommuRequest.sbdf, ld(dev + PciDev.sbdf) + i * ld(dev + PciDev.phantomStride))
  st(request + IommuRequest.from, from)
  st(request + IommuRequest.to, to)
  return request
}
