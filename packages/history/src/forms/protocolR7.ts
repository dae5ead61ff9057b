// SPDX-License-Identifier: MIT
/** Rejected idea R7: DP-14 to the letter, but the record is linked only by who turned SCHED on, whatever QUEUED was. */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import { getKnownAliveDomain, putDomain } from '@bottomhalf/domain'
import { fetchAnd, fetchOr, handler, load } from '@bottomhalf/machine'
import {
  DPCI_MASKED, DPCI_QUEUED, DPCI_RUN, DPCI_SCHED, dpciDomain, hvmDirqAssist, HvmPirqDpci, type DpciProtocol,
} from '@bottomhalf/passthrough-io/variant'
import {
  adoptList as protocolCpuDead, initRecord, linkAndRaise, protocolCpuPrepare, setupList, takeList, unlink,
} from './linkedList.js'
import { putBack } from './published.js'

export const PROTOCOL_NAME = 'R7'

type Record = Ref<'HvmPirqDpci'>

const STATE = HvmPirqDpci.state

export function scheduleDpci(dpci: Record): void {
  const before = fetchOr(dpci + STATE, DPCI_SCHED | DPCI_QUEUED | DPCI_MASKED)
  if ((before & DPCI_SCHED) !== 0) return
  getKnownAliveDomain(dpciDomain(dpci))
  if ((before & DPCI_QUEUED) === 0) linkAndRaise(dpci)                                          // R7
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
  fetchAnd(dpci + STATE, ~DPCI_QUEUED)
  if ((fetchOr(dpci + STATE, DPCI_RUN) & DPCI_RUN) !== 0) {
    fetchOr(dpci + STATE, DPCI_QUEUED)
    return putBack(dpci)
  }
  if ((fetchAnd(dpci + STATE, ~DPCI_SCHED) & DPCI_SCHED) !== 0) {
    hvmDirqAssist(dpci)
    putDomain(dpciDomain(dpci))
  }
  fetchAnd(dpci + STATE, ~DPCI_RUN)
}

export function dpciActive(dpci: Record): boolean {
  return (load(dpci + STATE) & (DPCI_SCHED | DPCI_RUN | DPCI_QUEUED)) !== 0
}

export function dpciReset(dpci: Record): void {
  const before = fetchAnd(dpci + STATE, ~(DPCI_SCHED | DPCI_MASKED))
  if ((before & DPCI_SCHED) !== 0) putDomain(dpciDomain(dpci))
}

const dpciSoftirqHandler = handler('dpciSoftirq', dpciSoftirq)

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export { initRecord, protocolCpuDead, protocolCpuPrepare }

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
