// SPDX-License-Identifier: MIT
/** Rejected idea R5: a record is put back with IF = 1, and an interrupt links another one in between. */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import { handler, cpuRelax } from '@bottomhalf/machine'
import type { DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { adoptList, forgetList, linkAndRaise, setupList } from './linkedList.js'
import { cancelMasked, isActive, schedule, serveList } from './published.js'

export const PROTOCOL_NAME = 'R5'

type Record = Ref<'HvmPirqDpci'>

export function scheduleDpci(dpci: Record): void {
  schedule(dpci)
}

export function dpciActive(dpci: Record): boolean {
  return isActive(dpci)
}

export function dpciReset(dpci: Record): void {
  cancelMasked(dpci)
}

function putBackInterrupted(dpci: Record): void {
  linkAndRaise(dpci)                                                                            // R5
  cpuRelax()
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

const dpciSoftirqHandler = handler('dpciSoftirq', (_nr: number): void => { serveList(putBackInterrupted) })

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
