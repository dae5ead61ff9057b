// SPDX-License-Identifier: MIT
/**
 * Runstates: where a vCPU's time went (SCH-1).
 *
 * @xen xen/common/schedule.c (vcpu_runstate_change, vcpu_runstate_get)
 * Locks     the schedule lock of the vCPU's processor.
 *
 * T1  The four times of a vCPU sum to its age at every change: an interval is charged to exactly one state.
 */
import type { Ref } from '@bottomhalf/base'
import { ld, ldTime, nowNs, st, stTime } from '@bottomhalf/machine'
import { lockVcpu, unlockVcpu } from './lock.js'
import { RUNSTATE_OFFLINE, RUNSTATE_RUNNABLE, RUNSTATE_RUNNING, RunstateInfo, SchedVcpu, VCPU_SCHED } from './records.js'

const RUNSTATE = VCPU_SCHED + SchedVcpu.runstate

/** Begin to keep a vCPU's runstate. */
export function runstateInit(v: Ref<'Vcpu'>, state: number, atNs: number): void {
  st(v + RUNSTATE + RunstateInfo.state, state)
  stTime(v + RUNSTATE + RunstateInfo.sinceNs, atNs)
}

/** The runstate of a vCPU. Context: its schedule lock held. */
export function runstateLocked(v: Ref<'Vcpu'>): number {
  return ld(v + RUNSTATE + RunstateInfo.state)
}

/** Charge the time since the last change to the state that ends, and begin `state`. Context: schedule lock held. */
export function runstateChangeLocked(v: Ref<'Vcpu'>, state: number, atNs: number): void {
  chargeLocked(v + RUNSTATE, atNs)                                    // T1
  st(v + RUNSTATE + RunstateInfo.state, state)
}

/** Add hypervisor time to what was eaten from the vCPU's slices. Context: schedule lock held. */
export function runstateEatLocked(v: Ref<'Vcpu'>, eatenNs: number): void {
  const total = v + RUNSTATE + RunstateInfo.hypervisorNs
  stTime(total, ldTime(total) + eatenNs)
}

/**
 * Copy a vCPU's runstate to the `RunstateInfo` at `to`, the running interval charged. Context: any, no schedule lock
 * held. `hypervisorNs` is as of the last time the vCPU's pCPU scheduled: at most one slice ago.
 */
export function vcpuRunstateGet(v: Ref<'Vcpu'>, to: Ref<'RunstateInfo'>): void {
  const flags = lockVcpu(v)
  chargeLocked(v + RUNSTATE, nowNs())
  for (let i = 0; i < RunstateInfo.sizeWords; i++) st(to + i, ld(v + RUNSTATE + i))
  unlockVcpu(v, flags)
}

/** Steal as a guest computes it from a `RunstateInfo`: it wanted to run and did not. */
export function stealNs(info: Ref<'RunstateInfo'>): number {
  return ldTime(info + RunstateInfo.runnableNs) + ldTime(info + RunstateInfo.offlineNs)
}

function chargeLocked(info: number, atNs: number): void {
  const total = info + timeOf(ld(info + RunstateInfo.state))
  stTime(total, ldTime(total) + atNs - ldTime(info + RunstateInfo.sinceNs))
  stTime(info + RunstateInfo.sinceNs, atNs)
}

function timeOf(state: number): number {
  switch (state) {
    case RUNSTATE_RUNNING: return RunstateInfo.runningNs
    case RUNSTATE_RUNNABLE: return RunstateInfo.runnableNs
    case RUNSTATE_OFFLINE: return RunstateInfo.offlineNs
    default: return RunstateInfo.blockedNs
  }
}
