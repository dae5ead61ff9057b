// SPDX-License-Identifier: MIT
/**
 * DP-14 to the letter, QUEUED, RUN and SCHED changed one after the other and MASKED apart, with switches that alter one
 * line: a twin for each scenario, and orders that no removal of a line gives (production's lines are switched off by
 * `bottomhalf protocol mutants`). With no switch on it is a correct form of its own.
 */
import { assert, type Ref, type SoftirqNr } from '@bottomhalf/base'
import { getKnownAliveDomain, putDomain } from '@bottomhalf/domain'
import {
  cpuRelax, fetchAnd, fetchOr, global, handler, irqDisable, irqEnable, ld, load, perCpu, st, thisCpu, word,
} from '@bottomhalf/machine'
import { openSoftirq, raiseSoftirq } from '@bottomhalf/softirq'
import { hvmDirqAssist } from '../src/assist.js'
import {
  DPCI_MASKED, DPCI_QUEUED, DPCI_RUN, DPCI_SCHED, dpciDomain, HvmPirqDpci,
} from '../src/records.js'
import type { DpciProtocol } from '../src/protocol.js'

export const NO_MUTANT = 0
/** R7: link only if SCHED was found off. */
export const LINK_TIED_TO_SCHED = 1
/** U1: cancel forgets that the record is linked, and does not call it active. */
export const CANCEL_FORGETS_LINK = 2
/** I4: cancel turns SCHED off and keeps the reference. */
export const CANCEL_KEEPS_REFERENCE = 3
/** QUEUED goes off before the unlink. */
export const QUEUED_OFF_EARLY = 4
/** Put back is forgotten. */
export const NO_PUT_BACK = 5
/** SCHED goes off after the assist instead of before it. */
export const SCHED_OFF_LATE = 6

const Mutant = global('testMutant', { which: word, softirqNr: word })
const List = perCpu('testMutantList', { head: word, tail: word })

const STATE = HvmPirqDpci.state
const NEXT = HvmPirqDpci.protocol
const LAST = 1

const PROTOCOL_NAME = 'literal'

export function chooseMutant(which: number): void {
  st(Mutant.base + Mutant.which, which)
}

function is(which: number): boolean {
  return ld(Mutant.base + Mutant.which) === which
}

function scheduleDpci(dpci: Ref<'HvmPirqDpci'>): void {
  fetchOr(dpci + STATE, DPCI_MASKED)
  const before = fetchOr(dpci + STATE, DPCI_SCHED | DPCI_QUEUED)
  if ((before & DPCI_SCHED) === 0) getKnownAliveDomain(dpciDomain(dpci))
  if ((before & (is(LINK_TIED_TO_SCHED) ? DPCI_SCHED : DPCI_QUEUED)) === 0) link(dpci)
}

function dpciSoftirq(_nr: number): void {
  irqDisable()
  const list = thisCpu(List)
  let dpci = ld(list + List.head)
  st(list + List.head, 0)
  st(list + List.tail, 0)
  irqEnable()
  while (dpci !== 0) {
    if (is(QUEUED_OFF_EARLY)) fetchAnd(dpci + STATE, ~DPCI_QUEUED)
    const next = ld(dpci + NEXT)
    st(dpci + NEXT, 0)
    serve(dpci)
    dpci = next === LAST ? 0 : next
  }
}

function serve(dpci: Ref<'HvmPirqDpci'>): void {
  if (!is(QUEUED_OFF_EARLY)) fetchAnd(dpci + STATE, ~DPCI_QUEUED)
  if ((fetchOr(dpci + STATE, DPCI_RUN) & DPCI_RUN) !== 0) return putBack(dpci)
  const wanted = is(SCHED_OFF_LATE) ? load(dpci + STATE) : fetchAnd(dpci + STATE, ~DPCI_SCHED)
  if ((wanted & DPCI_SCHED) !== 0) {
    hvmDirqAssist(dpci)
    if (is(SCHED_OFF_LATE)) fetchAnd(dpci + STATE, ~DPCI_SCHED)
    putDomain(dpciDomain(dpci))
  }
  fetchAnd(dpci + STATE, ~DPCI_RUN)
}

function putBack(dpci: Ref<'HvmPirqDpci'>): void {
  if (is(NO_PUT_BACK)) return
  irqDisable()
  if ((fetchOr(dpci + STATE, DPCI_QUEUED) & DPCI_QUEUED) === 0) link(dpci)
  irqEnable()
  cpuRelax()
}

function link(dpci: Ref<'HvmPirqDpci'>): void {
  const list = thisCpu(List)
  assert(ld(dpci + NEXT) === 0, 'a dpci record is linked twice', 'I5')
  const tail = ld(list + List.tail)
  st(dpci + NEXT, LAST)
  st(list + List.tail, dpci)
  st(tail === 0 ? list + List.head : tail + NEXT, dpci)
  raiseSoftirq(ld(Mutant.base + Mutant.softirqNr) as SoftirqNr)
}

function dpciActive(dpci: Ref<'HvmPirqDpci'>): boolean {
  return (load(dpci + STATE) & (DPCI_SCHED | DPCI_RUN | DPCI_QUEUED)) !== 0
}

function dpciReset(dpci: Ref<'HvmPirqDpci'>): void {
  const linked = is(CANCEL_FORGETS_LINK) ? DPCI_QUEUED : 0
  const before = fetchAnd(dpci + STATE, ~(DPCI_SCHED | DPCI_MASKED | linked))
  if ((before & DPCI_SCHED) !== 0 && !is(CANCEL_KEEPS_REFERENCE)) putDomain(dpciDomain(dpci))
}

function protocolCpuPrepare(_cpu: number): void { /* no CPU comes up here */ }

function protocolCpuDead(_cpu: number): void { /* no CPU dies here */ }

function initRecord(_dpci: Ref<'HvmPirqDpci'>): void { /* zeros */ }

const softirqHandler = handler('testMutantSoftirq', dpciSoftirq)

function setupProtocol(nr: SoftirqNr): void {
  st(Mutant.base + Mutant.softirqNr, nr)
  openSoftirq(nr, softirqHandler)
}

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare,
  protocolCpuDead,
}

export {
  dpciActive, dpciReset, initRecord, PROTOCOL_NAME, protocolCpuDead, protocolCpuPrepare, scheduleDpci, setupProtocol,
}
