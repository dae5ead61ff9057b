// SPDX-License-Identifier: MIT
/**
 * The assist: give an arrival to the guest (DP-7).
 *
 * @xen xen/drivers/passthrough/io.c (hvm_dirq_assist)
 * Contexts  softirq; one CPU at a time for each record, which the protocol sees to (I3).
 * Locks     eventLock.
 */
import type { Ref } from '@bottomhalf/base'
import { Domain, PirqRecord } from '@bottomhalf/domain'
import { sendGuestPirq, vmsiDeliver } from '@bottomhalf/hvm'
import { pirqGuestEoi } from '@bottomhalf/irq'
import { ld, testAndClearBit } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { armTimeout } from '#timeout'
import { assertLines } from './lines.js'
import {
  DPCI_GUEST_MSI, DPCI_GUEST_PCI, DPCI_MASKED_BIT, DPCI_TRANSLATE, dpciDomain, HvmPirqDpci, pirqOf,
} from './records.js'

// Module constants, so that the compiler folds them.
const EVENT_LOCK = Domain.eventLock
const EVTCHN = PirqRecord.evtchn
const STATE = HvmPirqDpci.state
const FLAGS = HvmPirqDpci.flags
const GVEC = HvmPirqDpci.gvec
const GFLAGS = HvmPirqDpci.gflags

/** Deliver what has arrived for a record, if it is still wanted. In one piece, so that it is compiled in one (decision 10). */
export function hvmDirqAssist(dpci: Ref<'HvmPirqDpci'>): void {
  const d = dpciDomain(dpci)
  spinLock(d + EVENT_LOCK)
  // off: the run before has delivered this arrival too, or a cancel came while we waited for eventLock (DP-5, I2)
  if (testAndClearBit(DPCI_MASKED_BIT, dpci + STATE) !== 0) {
    const flags = ld(dpci + FLAGS)
    if ((flags & DPCI_GUEST_MSI) !== 0) giveMessage(d, dpci)
    else if ((flags & DPCI_GUEST_PCI) !== 0) giveLines(d, dpci, flags)      // else unbound in the meantime
  }
  spinUnlock(d + EVENT_LOCK)
}

function giveMessage(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): void {
  if (ld(pirqOf(dpci) + EVTCHN) !== 0) sendGuestPirq(pirqOf(dpci))          // GV-1: instead of vMSI
  else vmsiDeliver(d, ld(dpci + GVEC), ld(dpci + GFLAGS))
}

// A message that becomes a line is over for the machine at once: the guest ends the line alone.
function giveLines(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, flags: number): void {
  sendGuestPirq(pirqOf(dpci))                                               // GV-1: in addition to the lines
  assertLines(d, dpci)
  if ((flags & DPCI_TRANSLATE) !== 0) pirqGuestEoi(pirqOf(dpci))
  else armTimeout(dpci)
}
