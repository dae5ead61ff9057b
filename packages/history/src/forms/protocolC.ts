// SPDX-License-Identifier: MIT
/** Form C: with `masked` (November 2014). */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import { handler } from '@bottomhalf/machine'
import type { DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { assertListIsEmpty, forgetList, setupList } from './linkedList.js'
import { busyIsBug, cancelMasked, isActive, schedule, serveList } from './published.js'

export const PROTOCOL_NAME = 'C'

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

export function protocolCpuPrepare(cpu: number): void {
  forgetList(cpu)
}

export function protocolCpuDead(cpu: number): void {
  assertListIsEmpty(cpu)
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
