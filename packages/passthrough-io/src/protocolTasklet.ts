// SPDX-License-Identifier: MIT
/**
 * Form A of the protocol, as it was before the change: a softirq tasklet per record. The baseline that is measured.
 *
 * Every schedule and every run takes the tasklet lock, the machine's one or one per CPU, as chosen at boot. What the
 * production form does by state bits is the tasklet's own: one list (TL-3), one CPU at a time (TL-3), CPU death (TL-6).
 *
 * Where the published form killed the tasklet under eventLock, which the tasklet's function takes (U12), this one cancels
 * by MASKED and lets the run come: it finds nothing to do. A fresh bind waits for it (DP-10), and so do the freeing of the
 * record and the domain's teardown (DP-16); that is why a run needs no reference to the domain.
 *
 * @xen xen/drivers/passthrough/io.c before 4.5
 * Contexts  scheduleDpci: interrupt, IF = 0, irqDesc.lock.  dpciTasklet: softirq.  dpciReset: eventLock.
 * Locks     the tasklet's.
 */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import { extend, fetchAnd, fetchOr, handler } from '@bottomhalf/machine'
import { softirqTaskletInit, Tasklet, taskletIsActive, taskletSchedule } from '@bottomhalf/tasklet'
import { hvmDirqAssist } from './assist.js'
import type { DpciProtocol } from './protocol.js'
import { DPCI_MASKED, HvmPirqDpci } from './records.js'

export const PROTOCOL_NAME = 'tasklet'

export function scheduleDpci(dpci: Ref<'HvmPirqDpci'>): void {
  fetchOr(dpci + HvmPirqDpci.state, DPCI_MASKED)
  taskletSchedule(taskletOf(dpci))
}

export function dpciActive(dpci: Ref<'HvmPirqDpci'>): boolean {
  return taskletIsActive(taskletOf(dpci))
}

/** A run that comes after this does nothing. It is not waited for: it waits for eventLock, which the caller holds (U12). */
export function dpciReset(dpci: Ref<'HvmPirqDpci'>): void {
  fetchAnd(dpci + HvmPirqDpci.state, ~DPCI_MASKED)
}

/** Nothing: the lists are the tasklets'. */
export function protocolCpuPrepare(_cpu: number): void {
  // see above
}

/** Nothing: the tasklets of a dead CPU move with its lists (TL-6). */
export function protocolCpuDead(_cpu: number): void {
  // see above
}

export function initRecord(dpci: Ref<'HvmPirqDpci'>): void {
  softirqTaskletInit(taskletOf(dpci), dpciTaskletHandler, dpci)
}

function taskletOf(dpci: Ref<'HvmPirqDpci'>): Ref<'Tasklet'> {
  return dpci + HvmPirqDpci.protocol
}

const dpciTaskletHandler = handler('dpciTasklet', hvmDirqAssist)

export function setupProtocol(_nr: SoftirqNr): void {
  extend(HvmPirqDpci, 'protocol', Tasklet)
}

export const protocol: DpciProtocol = {
  PROTOCOL_NAME, setupProtocol, initRecord, scheduleDpci, dpciActive, dpciReset, protocolCpuPrepare,
  protocolCpuDead,
}
