// SPDX-License-Identifier: MIT
/**
 * The end of a binding, and of all bindings of a domain.
 *
 * @xen xen/drivers/passthrough/io.c (the end of pt_irq_destroy_bind), pci.c (pci_clean_dpci_irqs)
 * Contexts  control operations.
 * Locks     eventLock, held by the caller.
 *
 * RB1  After the guest unbind nothing of the binding is delivered: no handler is in flight then (IRQ-6), a run that comes
 *      finds neither flags nor MASKED (I2).
 * RB2  What a pass has unbound is not mapped any more, so no later pass unbinds it again (H5).
 * RB3  What hides a record from "mapped" does not hide it from "active" (U6): the domain's state is freed when no record
 *      of it is active, mapped or not (DP-16).
 * RB4  No line of a binding is left behind (U10).
 */
import { ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import { Domain } from '@bottomhalf/domain'
import { cleanUpPirq, pirqGuestMask, pirqGuestUnbind } from '@bottomhalf/irq'
import { ld } from '@bottomhalf/machine'
import { dpciRecordsActive, ptPirqIterate } from '#iterate'
import { dpciReset } from '#protocol'
import { endTimeout } from '#timeout'
import { clearBinding } from './bindGuest.js'
import type { DpciRelease } from './form.js'
import { removeLines } from './lines.js'
import { DPCI_MACH_MSI, HvmPirqDpci, pirqOf } from './records.js'
import { freePassthroughState } from './state.js'

export function endBinding(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): void {
  const pirq = pirqOf(dpci)
  // a pIRQ that was unmapped by force has no interrupt to mask, and its unbind only unties it
  if ((ld(dpci + HvmPirqDpci.flags) & DPCI_MACH_MSI) !== 0) void pirqGuestMask(pirq, true)
  void pirqGuestUnbind(pirq)                                                                 // RB1
  removeLines(d, dpci)                                                                       // RB4
  clearBinding(d, dpci)                                                                      // RB1, RB2
  dpciReset(dpci)                                                                            // RB1
  endTimeout(dpci)
  cleanUpPirq(pirq)
}

export function releaseBindings(d: Ref<'Domain'>): Errno {
  if (ld(d + Domain.hvmIrqDpci) === 0) return 0
  ptPirqIterate(d, (dpci) => endAndGoOn(d, dpci))                                            // RB2
  if (dpciRecordsActive(d)) return -ERESTART                                                 // RB3
  freePassthroughState(d)
  return 0
}

function endAndGoOn(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): number {
  endBinding(d, dpci)
  return 0
}

export const release: DpciRelease = { endBinding, releaseBindings }
