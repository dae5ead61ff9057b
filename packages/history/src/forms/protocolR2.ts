// SPDX-License-Identifier: MIT
/** Rejected idea R2: an interrupt spins while RUN is on, so that no record is ever put back. Its own CPU may be the one that runs. */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import { handler, AWAIT_ALL_CLEAR, awaitWord } from '@bottomhalf/machine'
import { DPCI_RUN, HvmPirqDpci, type DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { adoptList, forgetList, setupList } from './linkedList.js'
import { busyIsBug, cancelMasked, isActive, schedule, serveList } from './published.js'

export const PROTOCOL_NAME = 'R2'

type Record = Ref<'HvmPirqDpci'>

export function scheduleDpci(dpci: Record): void {
  awaitWord(dpci + HvmPirqDpci.state, AWAIT_ALL_CLEAR, DPCI_RUN)                                // R2
  schedule(dpci)
}

export function dpciActive(dpci: Record): boolean {
  return isActive(dpci)
}

export function dpciReset(dpci: Record): void {
  cancelMasked(dpci)
}

export function protocolCpuPrepare(cpu: number): void {
  forgetList(cpu)
}

export function protocolCpuDead(cpu: number): void {
  adoptList(cpu)
}

export function initRecord(_dpci: Record): void {
  // a record of zeros is on no list
}

const dpciSoftirqHandler = handler('dpciSoftirq', (_nr: number): void => { serveList(busyIsBug) })

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
