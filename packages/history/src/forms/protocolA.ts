// SPDX-License-Identifier: MIT
/**
 * Form A: before the change. A tasklet per record, killed by the unbind under eventLock, which the tasklet takes (U12).
 *
 * @xen xen/drivers/passthrough/io.c before 4.5
 */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import { fetchAnd, fetchOr, handler } from '@bottomhalf/machine'
import { DPCI_MASKED, hvmDirqAssist, HvmPirqDpci, type DpciProtocol } from '@bottomhalf/passthrough-io/variant'
import { softirqTaskletInit, taskletIsActive, taskletKill, taskletSchedule } from '@bottomhalf/tasklet'

export const PROTOCOL_NAME = 'A'

type Record = Ref<'HvmPirqDpci'>

const TASKLET = HvmPirqDpci.protocol

export function scheduleDpci(dpci: Record): void {
  fetchOr(dpci + HvmPirqDpci.state, DPCI_MASKED)
  taskletSchedule(dpci + TASKLET)
}

export function dpciActive(dpci: Record): boolean {
  return taskletIsActive(dpci + TASKLET)
}

export function dpciReset(dpci: Record): void {
  fetchAnd(dpci + HvmPirqDpci.state, ~DPCI_MASKED)
  taskletKill(dpci + TASKLET)                                                                   // U12
  initRecord(dpci)
}

export function protocolCpuPrepare(_cpu: number): void {
  // the lists are the tasklets'
}

export function protocolCpuDead(_cpu: number): void {
  // the tasklets move by themselves (TL-6)
}

export function initRecord(dpci: Record): void {
  softirqTaskletInit(dpci + TASKLET, dpciTaskletHandler, dpci)
}

const dpciTaskletHandler = handler('dpciTasklet', hvmDirqAssist)

export function setupProtocol(_nr: SoftirqNr): void {
  // nothing: the tasklets' softirq serves
}

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare, protocolCpuDead,
}
