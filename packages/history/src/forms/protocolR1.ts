// SPDX-License-Identifier: MIT
/**
 * Rejected idea R1: a cancel, and a time-out, mark a record that is on its way as ZOMBIE, and the softirq throws it away. What
 * arrived since goes with it.
 */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import { getKnownAliveDomain, putDomain } from '@bottomhalf/domain'
import { fetchAnd, fetchOr, handler, load } from '@bottomhalf/machine'
import {
  DPCI_MASKED, DPCI_RUN, DPCI_SCHED, dpciDomain, hvmDirqAssist, HvmPirqDpci, type DpciProtocol,
} from '@bottomhalf/passthrough-io/variant'
import {
  adoptList as protocolCpuDead, initRecord, linkAndRaise, protocolCpuPrepare, setupList, takeList, unlink,
} from './linkedList.js'
import { putBack } from './published.js'

export const PROTOCOL_NAME = 'R1'

type Record = Ref<'HvmPirqDpci'>

const STATE = HvmPirqDpci.state
/** The record is linked, and nobody wants the run that it is linked for. */
const ZOMBIE = 1 << 4

export function scheduleDpci(dpci: Record): void {
  const before = fetchOr(dpci + STATE, DPCI_SCHED | DPCI_MASKED)
  if ((before & DPCI_SCHED) !== 0) return
  getKnownAliveDomain(dpciDomain(dpci))
  if ((before & ZOMBIE) === 0) linkAndRaise(dpci)
}

function dpciSoftirq(_nr: number): void {
  let dpci = takeList()
  while (dpci !== 0) {
    const next = unlink(dpci)
    serve(dpci)
    dpci = next
  }
}

function serve(dpci: Record): void {
  if ((fetchOr(dpci + STATE, DPCI_RUN) & DPCI_RUN) !== 0) return putBack(dpci)
  const before = fetchAnd(dpci + STATE, ~(DPCI_SCHED | ZOMBIE))
  if ((before & DPCI_SCHED) !== 0) {
    if ((before & ZOMBIE) === 0) hvmDirqAssist(dpci)                                            // R1
    putDomain(dpciDomain(dpci))
  }
  fetchAnd(dpci + STATE, ~DPCI_RUN)
}

export function dpciActive(dpci: Record): boolean {
  return (load(dpci + STATE) & (DPCI_SCHED | DPCI_RUN)) !== 0
}

export function dpciReset(dpci: Record): void {
  if ((load(dpci + STATE) & DPCI_SCHED) === 0) return
  fetchOr(dpci + STATE, ZOMBIE)
  if ((fetchAnd(dpci + STATE, ~(DPCI_SCHED | DPCI_MASKED)) & DPCI_SCHED) !== 0) putDomain(dpciDomain(dpci))
}

const dpciSoftirqHandler = handler('dpciSoftirq', dpciSoftirq)

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export { initRecord, protocolCpuDead, protocolCpuPrepare }

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
