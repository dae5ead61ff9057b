// SPDX-License-Identifier: MIT
/** Rejected idea R5: a record is put back with IF = 1, and an interrupt links another one in between. */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import { cpuRelax, handler } from '@bottomhalf/machine'
import type { DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { adoptList as protocolCpuDead, initRecord, linkAndRaise, protocolCpuPrepare, setupList } from './linkedList.js'
import { cancelMasked as dpciReset, dpciActive, scheduleDpci, serveList } from './published.js'

export const PROTOCOL_NAME = 'R5'

function putBackInterrupted(dpci: Ref<'HvmPirqDpci'>): void {
  linkAndRaise(dpci)                                                                            // R5
  cpuRelax()
}

const dpciSoftirqHandler = handler('dpciSoftirq', (_nr: number): void => { serveList(putBackInterrupted) })

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export { dpciActive, dpciReset, initRecord, protocolCpuDead, protocolCpuPrepare, scheduleDpci }

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
