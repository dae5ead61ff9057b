// SPDX-License-Identifier: MIT
/**
 * What the scheduler keeps: per vCPU in the vCPU's extension, per pCPU in an area of its own.
 *
 * Locks     the schedule lock of a pCPU guards its queues, who is current there, and the runstates and credits of the
 *           vCPUs whose `processor` it is. Taken with interrupts off: vCPUs are woken in interrupt context. creditLock
 *           guards who is active.
 */
import { CpuMask } from '@bottomhalf/cpu'
import { Domain, Vcpu } from '@bottomhalf/domain'
import { ListHead } from '@bottomhalf/list'
import {
  cpuArea, embed, extend, global, handlerId, ld, load, perCpu, ref, struct, thisCpu, time, word, words,
} from '@bottomhalf/machine'
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
  priority: word, credit: word, burnedUntilNs: time,
  // schedule lock; the pCPUs on which the vCPU may run:
  affinity: embed(CpuMask),
  // creditLock; isActive is read without, so atomic
  activeNode: embed(ListHead), isActive: word,
  // the pCPU that runs the vCPU: see periodic.ts
  periodNs: time, periodicDueNs: time, periodicTimer: embed(Timer),
})

/** Priorities, the best one first. An idle vCPU has none of the queues. */
export const BOOST = 0
export const UNDER = 1
export const OVER = 2
export const IDLE = 3
const QUEUES = 3

export const SchedDomain = struct('SchedDomain', {
  // creditLock:
  weight: word, cap: word, activeVcpus: embed(ListHead), activeCount: word, activeNode: embed(ListHead),
  // creditLock, of one accounting: what the domain gets, -1 while that is open
  share: word,
})

/** A domain's words of the scheduler lie at `d + DOMAIN_SCHED`. */
export const DOMAIN_SCHED = Domain.sched

/** A vCPU's words of the scheduler lie at `v + VCPU_SCHED`. */
export const VCPU_SCHED = Vcpu.sched

export const Sched = perCpu('sched', {
  lock: embed(SpinLock),
  // schedule lock: runnable vCPUs that wait, a queue for each priority, next one first
  queues: words(QUEUES * ListHead.sizeWords),
  // written under the schedule lock, read without, so atomic: how many wait
  waiting: word,
  // constant after boot: the memory node of the pCPU
  node: word,
  // schedule lock; written by the pCPU itself, which may read it without
  current: ref('Vcpu'), sliceEndNs: time, ranSinceNs: time, decideNs: time,
  // owned by the pCPU; see account.ts
  hypervisorDepth: word, hypervisorSinceNs: time, eatenNs: time,
  // rearmed at each decision for a guest; and every TICK_NS while guests run
  sliceTimer: embed(Timer), tickTimer: embed(Timer),
  idle: embed(Vcpu),
})

/** What credits are handed out by. */
export const Credit = global('schedCredit', {
  // taken by accounting, ticks and control operations, the schedule locks inside:
  lock: embed(SpinLock),
  // creditLock:
  activeDomains: embed(ListHead), accountTimer: embed(Timer),
  // atomic: pCPUs with nothing to run, which come for work when they are told
  idlers: embed(CpuMask),
})

/** Numbers and handlers handed out at boot, constant after. */
export const SchedNumbers = global('schedNumbers', {
  scheduleSoftirq: word, vcpuKickSoftirq: word, periodicTick: handlerId,
})

export const scheduleLockClass = lockClass('schedule', { order: 'byAddress' })
/** Guards who is active and what is handed out. Outside of the schedule locks. */
export const creditLockClass = lockClass('schedCredit')

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

/** Check, at boot, that a vCPU and a domain have room for the scheduler. */
export function checkRoom(): void {
  extend(Domain, 'sched', SchedDomain)
  extend(Vcpu, 'sched', SchedVcpu)
}
