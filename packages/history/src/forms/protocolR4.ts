// SPDX-License-Identifier: MIT
/** Rejected idea R4: a cancel leaves `masked` on. With the assist of its time, which took what is no MSI for a line. */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import { handler } from '@bottomhalf/machine'
import type { DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { adoptList, forgetList, setupList } from './linkedList.js'
import { cancel, isActive, putBack, schedule, serveList } from './published.js'

export const PROTOCOL_NAME = 'R4'

type Record = Ref<'HvmPirqDpci'>

export function scheduleDpci(dpci: Record): void {
  schedule(dpci)
}

export function dpciActive(dpci: Record): boolean {
  return isActive(dpci)
}

export function dpciReset(dpci: Record): void {
  cancel(dpci)                                                                                  // R4
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

const dpciSoftirqHandler = handler('dpciSoftirq', (_nr: number): void => { serveList(putBack) })

export function setupProtocol(nr: SoftirqNr): void {
  setupList(nr, dpciSoftirqHandler)
}

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
