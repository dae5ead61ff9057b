// SPDX-License-Identifier: MIT
/**
 * What a pause flag that went on or off means for the queues and the runstate.
 *
 * @xen xen/common/schedule.c (vcpu_sleep_nosync, vcpu_wake)
 * Locks     the schedule lock of the vCPU's processor, `area`.
 *
 * F4  A pCPU is told to come for work when the lock that it will try is dropped.
 */
import type { Ref, SoftirqNr } from '@bottomhalf/base'
import { Vcpu, vcpuRunnable, VPF_BLOCKED } from '@bottomhalf/domain'
import { ld, load, NO_CPU, nowNs } from '@bottomhalf/machine'
import { cpuRaiseSoftirq } from '@bottomhalf/softirq'
import { spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import {
  FIND_IDLER, policyIdlerFor, policyIdlerForWaiting, policyMayHelp, policySleep, policyWake,
} from './policyCredit.js'
import {
  RUNSTATE_BLOCKED, RUNSTATE_OFFLINE, RUNSTATE_RUNNABLE, Sched, SchedNumbers,
} from './records.js'
import { runstateChangeLocked, runstateLocked } from './runstate.js'

/**
 * A flag went off: wait for a turn, if none is left. `boost`: it slept and has an event. Returns the pCPU that is to decide
 * anew, FIND_IDLER or NO_CPU: for `tell` when the lock is dropped.
 */
export function wakeLocked(v: Ref<'Vcpu'>, area: number, boost: boolean): number {
  // a current vCPU stays where it is: its pCPU has not scheduled since, and will find it runnable
  if (ld(area + Sched.current) === v) return NO_CPU
  if (!vcpuRunnable(v)) return stopBlockedLocked(v)
  if (runstateLocked(v) !== RUNSTATE_RUNNABLE) runstateChangeLocked(v, RUNSTATE_RUNNABLE, nowNs())
  return policyWake(area, v, boost)
}

/** A flag went on: stop waiting, or have the pCPU decide anew. */
export function sleepLocked(v: Ref<'Vcpu'>, area: number): void {
  if (vcpuRunnable(v)) return
  if (ld(area + Sched.current) === v) return raiseSchedule(load(v + Vcpu.processor))
  policySleep(area, v)
  stopBlockedLocked(v)
}

// Unblocked while down: its time counts as offline from here on.
function stopBlockedLocked(v: Ref<'Vcpu'>): number {
  const state = stateOfStopped(v)
  if (state !== runstateLocked(v)) runstateChangeLocked(v, state, nowNs())
  return NO_CPU
}

/** The runstate of a vCPU that does not run. An idle vCPU is never paused. */
export function stateOfStopped(v: Ref<'Vcpu'>): number {
  const flags = load(v + Vcpu.pauseFlags)
  if (flags === 0) return RUNSTATE_RUNNABLE
  return (flags & 1 << VPF_BLOCKED) !== 0 ? RUNSTATE_BLOCKED : RUNSTATE_OFFLINE
}

/** Do what `wakeLocked` of `v` returned. Context: its lock is dropped (F3 of policyCredit.ts, F4). */
export function tell(v: Ref<'Vcpu'>, who: number): void {
  raiseSchedule(who === FIND_IDLER ? policyIdlerFor(v) : who)
}

/** Have an idle pCPU come for what waits on the pCPU `area`. Context: its lock is not held (F3 of policyCredit.ts, F4). */
export function tellIdler(area: number): void {
  if (!policyMayHelp(area)) return
  const flags = spinLockIrqsave(area + Sched.lock)
  const idler = policyIdlerForWaiting(area)
  spinUnlockIrqrestore(area + Sched.lock, flags)
  raiseSchedule(idler)
}

/** Have a pCPU decide anew; NO_CPU: none. */
export function raiseSchedule(cpu: number): void {
  if (cpu !== NO_CPU) cpuRaiseSoftirq(cpu, ld(SchedNumbers.base + SchedNumbers.scheduleSoftirq) as SoftirqNr)
}
