// SPDX-License-Identifier: MIT
/**
 * The protocol of production: a softirq and a list per CPU, no shared lock from the interrupt to the guest (DP-14).
 *
 *     interrupt                        softirq                              unbind, under eventLock
 *     SCHED, QUEUED, MASKED on         take this CPU's list                 SCHED, MASKED off
 *     SCHED was off: reference         unlink                               SCHED was on: put the reference
 *     QUEUED was off: link, raise      RUN on: put back, raise              (QUEUED stays: the list's CPU turns it off)
 *                                      else QUEUED, SCHED off, RUN on
 *                                      SCHED was on: assist, put
 *                                      RUN off
 *
 * Each box of state changes is one atomic step on the record's word. That is DP-14 with fewer interleavings: there,
 * QUEUED goes off, RUN on and SCHED off one after the other, and MASKED is a word of its own. Every execution of this
 * form is one of that form in which nobody came in between; three atomics fewer on the path of each interrupt.
 *
 * @xen xen/drivers/passthrough/io.c (raise_softirq_for, dpci_softirq, pt_pirq_softirq_reset, pt_pirq_softirq_active)
 * Contexts  scheduleDpci: interrupt, IF = 0, irqDesc.lock.  dpciSoftirq: softirq.  dpciReset: eventLock.
 * Locks     none. A CPU's list is its own, touched with IF = 0; the state word is atomic.
 *
 * P1  QUEUED is on exactly while the record is on a list, or held by the CPU that took it off and has not looked at it
 *     yet; only who turns it on links (I5). So an arrival finds the record linked, or links it: some CPU will look (I1).
 * P2  SCHED on owns one reference to the domain: who turns it on takes it, who turns it off pays it back (DP-4, I4).
 * P3  RUN is on while a CPU is inside; who finds it on goes away without looking at SCHED (I3), and comes back (I1).
 * P4  A list that is not empty has its softirq pending, or about to take it.
 * P5  The next record is read, and the link cleared, before QUEUED goes off: after that another CPU may link it.
 * P6  A list is whole wherever IF = 1: an interrupt never finds it half altered.
 */
import { assert, bug, type Ref, type SoftirqNr } from '@bottomhalf/base'
import { getKnownAliveDomain, putDomain } from '@bottomhalf/domain'
import {
  cmpxchg, cpuArea, cpuCount, cpuRelax, debugChecks, extend, fetchAnd, fetchOr, handler, irqDisable, irqEnable, ld,
  load, perCpu, ref, st, struct, thisCpu, word,
} from '@bottomhalf/machine'
import { openSoftirq, raiseSoftirq } from '@bottomhalf/softirq'
import { hvmDirqAssist } from './assist.js'
import type { DpciProtocol } from './protocol.js'
import { DPCI_MASKED, DPCI_QUEUED, DPCI_RUN, DPCI_SCHED, dpciDomain, HvmPirqDpci } from './records.js'

export const PROTOCOL_NAME = 'softirq'

/** What this form keeps in a record. */
const DpciLink = struct('DpciLink', {
  // the CPU whose list it is on, IF = 0: the next record, LAST, or 0 while it is on none
  next: ref('HvmPirqDpci'),
})

const DpciList = perCpu('dpciList', {
  // own CPU, IF = 0: a queue through DpciLink.next; both 0 while it is empty
  head: ref('HvmPirqDpci'), tail: ref('HvmPirqDpci'),
  // written at boot, constant after; beside the list, where whoever links needs it: HVM_DPCI_SOFTIRQ
  nr: word,
})

// Module constants, so that the compiler folds them.
const STATE = HvmPirqDpci.state
const NEXT = HvmPirqDpci.protocol + DpciLink.next
const HEAD = DpciList.head
const TAIL = DpciList.tail
const NR = DpciList.nr
const LAST = 1
const ACTIVE = DPCI_SCHED | DPCI_RUN | DPCI_QUEUED
/** What an arrival turns on, and the state that a run usually finds. */
const ARRIVED = DPCI_SCHED | DPCI_QUEUED | DPCI_MASKED

export function scheduleDpci(dpci: Ref<'HvmPirqDpci'>): void {
  const before = fetchOr(dpci + STATE, ARRIVED)                                                // P1, P2
  if ((before & DPCI_SCHED) === 0) getKnownAliveDomain(dpciDomain(dpci))                       // P2
  if ((before & DPCI_QUEUED) === 0) linkAndRaise(dpci)                                         // P1
}

/** HVM_DPCI_SOFTIRQ: serve every record on this CPU's list. */
export function dpciSoftirq(_nr: number): void {
  let dpci = takeList()
  while (dpci > LAST) {            // 0: the list was empty
    const next = ld(dpci + NEXT)                                                               // P5
    st(dpci + NEXT, 0)                                                                         // P5
    serve(dpci)
    dpci = next
  }
}

export function dpciActive(dpci: Ref<'HvmPirqDpci'>): boolean {
  return (load(dpci + STATE) & ACTIVE) !== 0                                                   // DP-6
}

export function dpciReset(dpci: Ref<'HvmPirqDpci'>): void {
  const before = fetchAnd(dpci + STATE, ~(DPCI_SCHED | DPCI_MASKED))                           // P2
  if ((before & DPCI_SCHED) !== 0) putDomain(dpciDomain(dpci))                                 // P2
}

/** Whatever was left here when the CPU died was moved then. */
export function protocolCpuPrepare(cpu: number): void {
  assert(ld(cpuArea(cpu, DpciList) + HEAD) === 0, 'a CPU comes up with records on its list', 'I5')
}

export function protocolCpuDead(cpu: number): void {
  irqDisable()                                                                                 // P6
  const dead = cpuArea(cpu, DpciList)
  if (ld(dead + HEAD) !== 0) adoptList(dead)                                                   // P1
  irqEnable()
}

/** A record of zeros is on no list and has nothing scheduled. */
export function initRecord(dpci: Ref<'HvmPirqDpci'>): void {
  if (debugChecks()) assert(!dpciActive(dpci) && ld(dpci + NEXT) === 0, 'a new dpci record is not at rest', 'I6')
}

// One look at the state decides; it changes meanwhile only by an arrival or a cancel, and then we look again.
function serve(dpci: Ref<'HvmPirqDpci'>): void {
  let before: number = ARRIVED
  for (;;) {
    if ((before & DPCI_RUN) !== 0) return putBack(dpci)                                        // P3
    const found = cmpxchg(dpci + STATE, before, (before & DPCI_MASKED) | DPCI_RUN)             // P1, P3
    if (found === before) break
    before = found
  }
  if ((before & DPCI_SCHED) !== 0) {
    hvmDirqAssist(dpci)
    putDomain(dpciDomain(dpci))                                                                // P2
  }
  const last = fetchAnd(dpci + STATE, ~DPCI_RUN)                                               // P3
  if ((last & DPCI_RUN) === 0) bug('a CPU has left a record that another one was inside', 'I3')
}

// Another CPU is inside. QUEUED was not turned off, so nobody else has linked the record (P1). The next turn of the
// softirq loop waits for that CPU in all but name, hence the relax.
function putBack(dpci: Ref<'HvmPirqDpci'>): void {
  irqDisable()                                                                                 // P6
  linkAndRaise(dpci)                                                                           // P1
  irqEnable()
  cpuRelax()
}

// Context: IF = 0, and QUEUED is ours to link for.
function linkAndRaise(dpci: Ref<'HvmPirqDpci'>): void {
  const list = thisCpu(DpciList)
  if (debugChecks()) checkNotLinked(dpci)
  const tail = ld(list + TAIL)
  st(dpci + NEXT, LAST)
  st(list + TAIL, dpci)
  if (tail !== 0) return st(tail + NEXT, dpci)                                                 // P4: raised by the first
  st(list + HEAD, dpci)
  raiseSoftirq(ld(list + NR) as SoftirqNr)                                                     // P4
}

function checkNotLinked(dpci: Ref<'HvmPirqDpci'>): void {
  assert(ld(dpci + NEXT) === 0, 'a dpci record is linked twice', 'I5')
}

/** Take the whole list of this CPU; returns its first record, or 0. */
function takeList(): Ref<'HvmPirqDpci'> {
  irqDisable()                                                                                 // P6
  const list = thisCpu(DpciList)
  const first = ld(list + HEAD)
  st(list + HEAD, 0)
  st(list + TAIL, 0)
  irqEnable()
  return first
}

// The records keep QUEUED: they are on a list all the time (DP-13). IF = 0.
function adoptList(dead: number): void {
  const list = thisCpu(DpciList)
  const tail = ld(list + TAIL)
  if (tail === 0) st(list + HEAD, ld(dead + HEAD))                                             // P1
  else st(tail + NEXT, ld(dead + HEAD))
  st(list + TAIL, ld(dead + TAIL))
  st(dead + HEAD, 0)
  st(dead + TAIL, 0)
  raiseSoftirq(ld(list + NR) as SoftirqNr)                                                     // P4
}

const dpciSoftirqHandler = handler('dpciSoftirq', dpciSoftirq)

export function setupProtocol(nr: SoftirqNr): void {
  extend(HvmPirqDpci, 'protocol', DpciLink)
  for (let cpu = 0; cpu < cpuCount(); cpu++) st(cpuArea(cpu, DpciList) + NR, nr)
  openSoftirq(nr, dpciSoftirqHandler)
}

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare,
  protocolCpuDead,
}
