// SPDX-License-Identifier: MIT
/**
 * The guest's end of interrupt, on its way to the machine (DP-9).
 *
 * @xen xen/drivers/passthrough/io.c (hvm_dpci_eoi, hvm_dpci_msi_eoi)
 * Contexts  a vCPU's, from its virtual controllers; no lock held.
 * Locks     eventLock; irqLock and irqDesc.lock inside, one after the other.
 *
 * DE1  A line is low before its machine interrupt is ended: what the device still asserts comes again, and makes a new edge.
 */
import type { Ref } from '@bottomhalf/base'
import { Domain, PirqRecord, Vcpu } from '@bottomhalf/domain'
import { hvmLinksRoutedTo, hvmPciIntxDeassert, vmsiMatchesVcpu } from '@bottomhalf/hvm'
import { pirqGuestEoi } from '@bottomhalf/irq'
import { ld, load } from '@bottomhalf/machine'
import { currentVcpu } from '@bottomhalf/sched'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { ptPirqIterate } from '#iterate'
import { endPending } from '#pending'
import { stopTimeout } from '#timeout'
import { assertLine, firstGirq, linkOf, nextGirq } from './lines.js'
import {
  DPCI_MACH_MSI, FIRST_GIRQ, GuestLine, HvmIrqDpci, HvmPirqDpci, LAST_GIRQ, LINE_PENDING_TWICE, pirqOf,
} from './records.js'

type State = Ref<'HvmIrqDpci'>

// ---- lines

/** A controller of the current vCPU's domain ended a guest GSI, whether or not its pin is masked. */
export function hvmDpciEoi(gsi: number): void {
  const d = ld(currentVcpu() + Vcpu.domain)
  if (load(d + Domain.hvmIrqDpci) === 0) return
  spinLock(d + Domain.eventLock)
  const state = ld(d + Domain.hvmIrqDpci)
  if (state !== 0) endGsiLocked(d, state, gsi)
  spinUnlock(d + Domain.eventLock)
}

function endGsiLocked(d: Ref<'Domain'>, state: State, gsi: number): void {
  if (gsi >= FIRST_GIRQ) return endGirqs(d, state, gsi, ALL_LINKS)
  const links = isaLinks(d, state, gsi)
  if (links === 0) return
  for (let girq = FIRST_GIRQ; girq <= LAST_GIRQ; girq++) endGirqs(d, state, girq, links)
}

const LINKS = 4
const ALL_LINKS = (1 << LINKS) - 1

// The map of ISA lines: the links that are routed to this one, of those that a binding hangs on.
function isaLinks(d: Ref<'Domain'>, state: State, isaGsi: number): number {
  let used = 0
  for (let link = 0; link < LINKS; link++) if (ld(state + HvmIrqDpci.linkCount + link) !== 0) used |= 1 << link
  return used === 0 ? 0 : used & hvmLinksRoutedTo(d, isaGsi)
}

function endGirqs(d: Ref<'Domain'>, state: State, gsi: number, links: number): void {
  for (let line = firstGirq(state, gsi); line !== 0; line = nextGirq(state, gsi, line)) {
    if ((links >>> linkOf(line) & 1) !== 0) endLine(d, line)
  }
}

function endLine(d: Ref<'Domain'>, line: Ref<'GuestLine'>): void {
  const dpci = ld(line + GuestLine.dpci)
  const again = ld(line + GuestLine.pending) === LINE_PENDING_TWICE
  lowerLine(d, dpci, line)                                                                   // DE1
  if (endPending(dpci, line)) {
    stopTimeout(dpci)
    pirqGuestEoi(pirqOf(dpci))
  }
  if (again) assertLine(d, dpci, line)                                                       // GL3
}

// A guest that is told by an event channel looks at no line.
function lowerLine(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, line: Ref<'GuestLine'>): void {
  if (ld(pirqOf(dpci) + PirqRecord.evtchn) !== 0) return
  hvmPciIntxDeassert(d, ld(line + GuestLine.device), ld(line + GuestLine.intx))
}

// ---- messages

/**
 * The current vCPU ended `vector`: end the first mapped MSI of that vector whose destination matches it. Most MSIs wait for
 * no EOI, so a domain that has none that does is left at once.
 */
export function hvmDpciMsiEoi(vector: number): void {
  const v = currentVcpu()
  const d = ld(v + Vcpu.domain)
  if (load(d + Domain.dpciEoiMsis) === 0) return
  spinLock(d + Domain.eventLock)
  ptPirqIterate(d, (dpci) => endMsi(dpci, v, vector))
  spinUnlock(d + Domain.eventLock)
}

function endMsi(dpci: Ref<'HvmPirqDpci'>, v: Ref<'Vcpu'>, vector: number): number {
  if ((ld(dpci + HvmPirqDpci.flags) & DPCI_MACH_MSI) === 0 || ld(dpci + HvmPirqDpci.gvec) !== vector) return 0
  if (!vmsiMatchesVcpu(v, ld(dpci + HvmPirqDpci.gflags))) return 0
  pirqGuestEoi(pirqOf(dpci))
  return 1
}
