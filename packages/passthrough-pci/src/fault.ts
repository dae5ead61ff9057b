// SPDX-License-Identifier: MIT
/**
 * Fault storms: a device that keeps asking for memory that is not its own is made to stop (PCI-7).
 *
 * @xen xen/drivers/passthrough/pci.c (pci_check_disable_device)
 * Contexts  softirq or control operations: IF = 1, no lock held.
 * Locks     pcidevs.
 */
import type { Ref } from '@bottomhalf/base'
import { ld, ldTime, nowNs, st, stTime } from '@bottomhalf/machine'
import { confUpdate16, PciCommand, PciReg } from './configSpace.js'
import { PciDev, pcidevsLock, pcidevsUnlock } from './records.js'
import { realDevLocked } from './phantom.js'

/** Faults at which a device loses bus mastering. */
export const FAULT_THRESHOLD = 10

const FAULT_WINDOW_NS = 10_000_000

/**
 * A requester was refused. At FAULT_THRESHOLD, and at each fault after that, its device loses bus mastering. Returns whether
 * it did; false for a requester that no known device has.
 */
export function pciCheckDisableDevice(sbdf: number): boolean {
  pcidevsLock()
  const dev = realDevLocked(sbdf)
  const stormed = dev !== 0 && countFault(dev)
  if (stormed) confUpdate16(ld(dev + PciDev.fn), PciReg.COMMAND, PciCommand.MASTER, 0)
  pcidevsUnlock()
  return stormed
}

/** Begin to count anew: the device has a new owner. pcidevs held. */
export function clearFaults(dev: Ref<'PciDev'>): void {
  st(dev + PciDev.faultCount, 0)
  stTime(dev + PciDev.faultNs, 0)
}

function countFault(dev: Ref<'PciDev'>): boolean {
  const now = nowNs()
  const isOld = now - ldTime(dev + PciDev.faultNs) > FAULT_WINDOW_NS
  const count = (ld(dev + PciDev.faultCount) >> (isOld ? 1 : 0)) + 1
  stTime(dev + PciDev.faultNs, now)
  st(dev + PciDev.faultCount, count)
  return count >= FAULT_THRESHOLD
}
