// SPDX-License-Identifier: MIT
/**
 * The end of bindings as published, in its steps (B to E2); each form's release module puts them together.
 *
 * @xen xen/drivers/passthrough/io.c (pt_irq_destroy_bind), pci.c (pci_clean_dpci_irq)
 * Locks     eventLock, held by the caller.
 *
 * U10  A teardown takes the lines from their records and leaves them on the lists of their guest GSIs.
 */
import type { Ref } from '@bottomhalf/base'
import { cleanUpPirq, pirqGuestMask, pirqGuestUnbind } from '@bottomhalf/irq'
import { listDel } from '@bottomhalf/list'
import { ld } from '@bottomhalf/machine'
import {
  clearBinding, DPCI_MACH_MSI, dpciReset, endTimeout, firstLine, GuestLine, HvmPirqDpci, pirqOf, removeLines,
} from '@bottomhalf/passthrough-io/variant'

type Domain = Ref<'Domain'>
type Record = Ref<'HvmPirqDpci'>

/** Unbind what the guest's tools unbind; the record stays. */
export function unbindRecord(d: Domain, dpci: Record): void {
  if ((ld(dpci + HvmPirqDpci.flags) & DPCI_MACH_MSI) !== 0) void pirqGuestMask(pirqOf(dpci), true)
  void pirqGuestUnbind(pirqOf(dpci))
  removeLines(d, dpci)
  clearBinding(d, dpci)
  dpciReset(dpci)
  endTimeout(dpci)                                                                              // U5
}

/** The same, and the record goes when nothing else keeps it (U7). */
export function unbindAndFree(d: Domain, dpci: Record): void {
  unbindRecord(d, dpci)
  cleanUpPirq(pirqOf(dpci))
}

/** One record of a dying domain. */
export function tearDown(dpci: Record): void {
  void pirqGuestUnbind(pirqOf(dpci))                                                            // H5
  endTimeout(dpci)
  for (let line = firstLine(dpci); line !== 0; line = firstLine(dpci)) listDel(line + GuestLine.inRecord)        // U10
}
