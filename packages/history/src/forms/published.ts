// SPDX-License-Identifier: MIT
/**
 * The steps of the published protocol (forms B to E2), of which each form picks its own.
 *
 *     interrupt                        softirq                                unbind, under eventLock
 *     MASKED on                        take this CPU's list                   state SCHED: off, put, domain = 0
 *     SCHED on; was off: reference,    unlink                                 state has RUN: domain = 0
 *     link, raise                      d = domain                             MASKED off (C and later)
 *                                      RUN on: the form's answer
 *                                      SCHED was on: assist, put
 *                                      RUN off
 *
 * Form B has no `masked`: MASKED goes on and off with SCHED there, which is the same.
 *
 * @xen xen/drivers/passthrough/io.c
 *
 * U1  A cancelled record stays linked and does not count as active.   U2, U3  Its domain is nulled while a run is on its way.
 */
import { bug, type Ref } from '@bottomhalf/base'
import { getKnownAliveDomain, putDomain } from '@bottomhalf/domain'
import { cmpxchg, cpuRelax, fetchAnd, fetchOr, irqDisable, irqEnable, load, store, type Susp } from '@bottomhalf/machine'
import { DPCI_MASKED, DPCI_RUN, DPCI_SCHED, hvmDirqAssist, HvmPirqDpci } from '@bottomhalf/passthrough-io/variant'
import { DOM, linkAndRaise, takeList, unlink } from './linkedList.js'

type Record = Ref<'HvmPirqDpci'>

const STATE = HvmPirqDpci.state
const ACTIVE = DPCI_SCHED | DPCI_RUN

/** The interrupt (DP-1). */
export function scheduleDpci(dpci: Record): void {
  fetchOr(dpci + STATE, DPCI_MASKED)
  if ((fetchOr(dpci + STATE, DPCI_SCHED) & DPCI_SCHED) !== 0) return
  getKnownAliveDomain(load(dpci + DOM))
  linkAndRaise(dpci)
}

/** The softirq (DP-2). `busy`: what is done with a record that another CPU is inside of. */
export function serveList(busy: Susp<(dpci: Record) => void>): void {
  let dpci = takeList()
  while (dpci !== 0) {
    const next = unlink(dpci)
    const d = load(dpci + DOM)
    if ((fetchOr(dpci + STATE, DPCI_RUN) & DPCI_RUN) !== 0) busy(dpci)
    else run(dpci, d)
    dpci = next
  }
}

function run(dpci: Record, d: Ref<'Domain'>): void {
  if ((fetchAnd(dpci + STATE, ~DPCI_SCHED) & DPCI_SCHED) !== 0) {
    if (d === 0) noDomain(dpci)
    hvmDirqAssist(dpci)
    putDomain(d)
  }
  fetchAnd(dpci + STATE, ~DPCI_RUN)
}

// The look at the domain now tells which of the two it was: bound anew in between, or not.
function noDomain(dpci: Record): void {
  if (load(dpci + DOM) === 0) bug('an assist of no domain: an unbind took it from a run that was queued', 'U3')
  bug('an assist of no domain: it was looked up before the record was bound anew', 'U2')
}

/** Forms B and C: two CPUs inside one record cannot be (H2). */
export function busyIsBug(_dpci: Record): void {
  bug('RUN was on already', 'I3')
}

/** Form D and later: back on this CPU's list. */
export function putBack(dpci: Record): void {
  irqDisable()
  linkAndRaise(dpci)
  irqEnable()
  cpuRelax()
}

/** Whether a run is wanted or under way (U1: that it is linked does not count). */
export function dpciActive(dpci: Record): boolean {
  return (load(dpci + STATE) & ACTIVE) !== 0
}

/** Cancel (DP-5). */
export function cancel(dpci: Record): void {
  const masked = load(dpci + STATE) & DPCI_MASKED
  const before = cmpxchg(dpci + STATE, DPCI_SCHED | masked, masked)
  if ((before & ACTIVE) === 0) return
  const d = load(dpci + DOM)
  store(dpci + DOM, 0)                                                                          // U2, U3
  if ((before & ACTIVE) === DPCI_SCHED) putDomain(d)
}

/** From form C on: a run that waits for eventLock does nothing. */
export function cancelMasked(dpci: Record): void {
  cancel(dpci)
  fetchAnd(dpci + STATE, ~DPCI_MASKED)
}
