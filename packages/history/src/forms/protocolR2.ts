// SPDX-License-Identifier: MIT
/** Rejected idea R2: an interrupt spins while RUN is on, so that no record is ever put back. Its own CPU may be the one that runs. */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import { AWAIT_ALL_CLEAR, awaitWord, handler } from '@bottomhalf/machine'
import { DPCI_RUN, HvmPirqDpci, type DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { adoptList as protocolCpuDead, initRecord, protocolCpuPrepare, setupList } from './linkedList.js'
import { busyIsBug, cancelMasked as dpciReset, dpciActive, scheduleDpci as schedule, serveList } from './published.js'

export const PROTOCOL_NAME = 'R2'

export function scheduleDpci(dpci: Ref<'HvmPirqDpci'>): void {
  awaitWord(dpci + HvmPirqDpci.state, AWAIT_ALL_CLEAR, DPCI_RUN)                                // R2
  schedule(dpci)
}

const dpciSoftirqHandler = handler('dpciSoftirq', (_nr: number): void => { serveList(busyIsBug) })

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export { dpciActive, dpciReset, initRecord, protocolCpuDead, protocolCpuPrepare }

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
