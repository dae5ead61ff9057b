// SPDX-License-Identifier: MIT
/**
 * What the scheduler keeps: per vCPU in the vCPU's extension, per pCPU in an area of its own.
 *
 * Lock      the schedule lock of a pCPU guards its queue, who is current there, and the runstates of the vCPUs whose
 *           `processor` it is. Taken with interrupts off: vCPUs are woken in interrupt context.
 */
import { SCHED_VCPU_WORDS, Vcpu, checkExtension } from '@bottomhalf/domain'
import { ListHead } from '@bottomhalf/list'
import { cpuArea, embed, global, ld, load, perCpu, ref, struct, thisCpu, time, word } from '@bottomhalf/machine'
import { lockClass, SpinLock } from '@bottomhalf/spinlock'
import { Timer } from '@bottomhalf/timer'
import type { Ref } from '@bottomhalf/base'

/** Runstates (SCH-1). A guest computes steal as runnable + offline. */
export const RUNSTATE_RUNNING = 0
export const RUNSTATE_RUNNABLE = 1
export const RUNSTATE_BLOCKED = 2
export const RUNSTATE_OFFLINE = 3

/** A vCPU's runstate and the time spent in each, up to `sinceNs`. */
export const RunstateInfo = struct('RunstateInfo', {
  sinceNs: time, runningNs: time, runnableNs: time, blockedNs: time, offlineNs: time,
  // of runningNs: hypervisor work that ran in the vCPU's slices, eaten from it (SCH-3)
  hypervisorNs: time,
  state: word,
})

export const SchedVcpu = struct('SchedVcpu', {
  // schedule lock:
  runstate: embed(RunstateInfo),
  queueNode: embed(ListHead),
})

/** A vCPU's words of the scheduler lie at `v + VCPU_SCHED`. */
export const VCPU_SCHED = Vcpu.sched

export const Sched = perCpu('sched', {
  lock: embed(SpinLock),
  // schedule lock: runnable vCPUs that wait, next one first
  queue: embed(ListHead),
  // schedule lock; written by the pCPU itself, which may read it without
  current: ref('Vcpu'), sliceEndNs: time,
  // owned by the pCPU; see account.ts
  hypervisorDepth: word, hypervisorSinceNs: time, eatenNs: time,
  // rearmed at each switch to a guest
  sliceTimer: embed(Timer),
  idle: embed(Vcpu),
})

/** Numbers handed out at boot, constant after. */
export const SchedNumbers = global('schedNumbers', { scheduleSoftirq: word, vcpuKickSoftirq: word })

export const scheduleLockClass = lockClass('schedule', { order: 'byAddress' })

/** The vCPU that this pCPU runs; its idle vCPU if none of a guest. Never 0 on a CPU that was set up. */
export function currentVcpu(): Ref<'Vcpu'> {
  return ld(thisCpu(Sched) + Sched.current)
}

/** The idle vCPU of a pCPU. */
export function idleVcpu(cpu: number): Ref<'Vcpu'> {
  return cpuArea(cpu, Sched) + Sched.idle
}

/** The schedule lock's area of the pCPU that `v` belongs to now. Stable only under that lock. */
export function areaOf(v: Ref<'Vcpu'>): number {
  return cpuArea(load(v + Vcpu.processor), Sched)
}

/** Check, at boot, that a vCPU has room for the scheduler. */
export function checkRoom(): void {
  checkExtension(SchedVcpu, SCHED_VCPU_WORDS)
}
