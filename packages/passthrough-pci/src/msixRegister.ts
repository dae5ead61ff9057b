// SPDX-License-Identifier: MIT
/**
 * Which guest pages are vector tables: a record per device, counted by the bindings that use it (PCI-8).
 *
 * @xen xen/arch/x86/hvm/vmsi.c (msixtbl_pt_register, msixtbl_pt_unregister)
 * Contexts  control operations: IF = 1, no lock held.
 * Locks     pcidevs.
 */
import { EBUSY, EINVAL, ENODEV, ENOMEM, type Errno, type Pirq, type Ref } from '@bottomhalf/base'
import { isDomainDying } from '@bottomhalf/domain'
import { ld, st, xzalloc } from '@bottomhalf/machine'
import { spinLockInit } from '@bottomhalf/spinlock'
import { MSIX_ENTRY_BYTES } from './description.js'
import { msiEntryOf, msixEntryCount } from './hardware.js'
import { messageLives, msixDevOfPirqLocked } from './msi.js'
import {
  dropMsixTableLocked, msixEntriesInit, msixEntryAdopt, MsixTable, msixTableLockClass, msixTableWords, publishMsixTable,
} from './msixTable.js'
import { PciDev, pcidevsLock, pcidevsUnlock } from './records.js'

const PAGE_BYTES = 4096
const LAST_ADDRESS = 2 ** 44 - 1

/**
 * A pIRQ that is tied to an MSI-X message is bound, and the device's vector table is seen by the guest at the byte address
 * `gtable`. One more for each binding. -EINVAL: no such address, or the domain is dying. -ENODEV: the pIRQ is tied to no
 * MSI-X message of a device of the domain. -EBUSY: the table is registered at another address. -ENOMEM.
 */
export function msixtblPtRegister(d: Ref<'Domain'>, pirq: Pirq, gtable: number): Errno {
  if (!isTableAddress(gtable)) return -EINVAL
  pcidevsLock()
  const result = isDomainDying(d) ? -EINVAL : registerLocked(d, msixDevOfPirqLocked(d, pirq), gtable)
  pcidevsUnlock()
  return result
}

/** A binding is gone; the last one takes the record with it. -ENODEV: nothing is registered for that pIRQ's device. */
export function msixtblPtUnregister(d: Ref<'Domain'>, pirq: Pirq): Errno {
  pcidevsLock()
  const dev = msixDevOfPirqLocked(d, pirq)
  const result = dev === 0 ? -ENODEV : unregisterLocked(dev)
  pcidevsUnlock()
  return result
}

function registerLocked(d: Ref<'Domain'>, dev: Ref<'PciDev'>, gtable: number): Errno {
  if (dev === 0) return -ENODEV
  const known = ld(dev + PciDev.msixTable)
  if (known === 0) return createTable(d, dev, gtable)
  if (gtableOf(known) !== gtable) return -EBUSY
  st(known + MsixTable.bindings, ld(known + MsixTable.bindings) + 1)
  return 0
}

function unregisterLocked(dev: Ref<'PciDev'>): Errno {
  const table = ld(dev + PciDev.msixTable)
  if (table === 0) return -ENODEV
  const left = ld(table + MsixTable.bindings) - 1
  st(table + MsixTable.bindings, left)
  if (left === 0) dropMsixTableLocked(dev)
  return 0
}

function createTable(d: Ref<'Domain'>, dev: Ref<'PciDev'>, gtable: number): Errno {
  const fn = ld(dev + PciDev.fn)
  const entryCount = msixEntryCount(fn)
  const table = xzalloc(msixTableWords(entryCount), MsixTable.tag)
  if (table === 0) return -ENOMEM
  st(table + MsixTable.domain, d)
  st(table + MsixTable.gtableFrame, Math.floor(gtable / PAGE_BYTES) | 0)
  st(table + MsixTable.gtableOffset, gtable % PAGE_BYTES)
  st(table + MsixTable.entryCount, entryCount)
  st(table + MsixTable.msi, msiEntryOf(fn, 0))
  st(table + MsixTable.bindings, 1)
  spinLockInit(table + MsixTable.lock, msixTableLockClass)
  msixEntriesInit(table)
  for (let nr = 0; nr < entryCount; nr++) if (messageLives(dev, nr)) msixEntryAdopt(table, nr)
  publishMsixTable(dev, table)
  return 0
}

function isTableAddress(address: number): boolean {
  return Number.isInteger(address) && address >= 0 && address <= LAST_ADDRESS && address % MSIX_ENTRY_BYTES === 0
}

function gtableOf(table: Ref<'MsixTable'>): number {
  return (ld(table + MsixTable.gtableFrame) >>> 0) * PAGE_BYTES + ld(table + MsixTable.gtableOffset)
}
