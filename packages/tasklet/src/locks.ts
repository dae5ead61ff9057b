// SPDX-License-Identifier: MIT
/**
 * Which lock guards a tasklet: the machine's one, or that of its guardian, chosen at boot.
 *
 * One lock for everything is the point of comparison (TL-2). With a lock per CPU a tasklet remembers its guardian: the
 * CPU whose list it is on, that runs it, or that had it last. Both locks are held where it changes, in order of CPU.
 *
 * Contexts  any.
 * Locks     tasklet locks, IF = 0.
 *
 * T1  The guardian changes only under its own lock and the next guardian's; it is the running CPU while a run lasts.
 */
import { cpuArea, ld, load, store } from '@bottomhalf/machine'
import { lockClass, spinLock, spinLockIrqsave, spinUnlock, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { Tasklet, TaskletGlobals, Tasklets } from './state.js'
import type { TaskletRef } from './state.js'

/** One lock for all lists and tasklets of the machine. */
export const TASKLET_LOCK_GLOBAL = 0
/** A lock per CPU: the baseline that has a list per CPU and no lock in common. */
export const TASKLET_LOCK_PER_CPU = 1

export const taskletLockClass = lockClass('tasklet', { order: 'byAddress' })

/** What is awaited when a tasklet is killed: a run in softirq context, a run of the idle vCPU (LK-5). */
export const softirqRunClass = lockClass('taskletSoftirqRun')
export const idleRunClass = lockClass('taskletIdleRun')

/** Whether one lock guards everything. */
export function oneLock(): boolean {
  return ld(TaskletGlobals.base + TaskletGlobals.lockKind) === TASKLET_LOCK_GLOBAL
}

/** The lock that guards the lists of a CPU. */
export function listLock(cpu: number): number {
  return oneLock() ? TaskletGlobals.base + TaskletGlobals.lock : lockOf(cpu)
}

/** Lock a tasklet wherever it is; returns flags for `unlockTasklet`. */
export function lockTasklet(t: TaskletRef): number {
  for (;;) {
    const guardian = load(t + Tasklet.guardian)
    const flags = spinLockIrqsave(listLock(guardian))
    if (load(t + Tasklet.guardian) === guardian) return flags   // T1: it stays now
    spinUnlockIrqrestore(listLock(guardian), flags)
  }
}

export function unlockTasklet(t: TaskletRef, flags: number): void {
  spinUnlockIrqrestore(listLock(load(t + Tasklet.guardian)), flags)
}

/** One lock per CPU: lock the lists of two CPUs, which may be the same, lower id first. */
export function lockPair(a: number, b: number): number {
  const flags = spinLockIrqsave(lockOf(Math.min(a, b)))
  if (a !== b) spinLock(lockOf(Math.max(a, b)))
  return flags
}

export function unlockPair(a: number, b: number, flags: number): void {
  if (a !== b) spinUnlock(lockOf(Math.max(a, b)))
  spinUnlockIrqrestore(lockOf(Math.min(a, b)), flags)
}

/** Make `cpu` the guardian. Both locks held. */
export function setGuardianLocked(t: TaskletRef, cpu: number): void {
  store(t + Tasklet.guardian, cpu)                           // T1
}

function lockOf(cpu: number): number {
  return cpuArea(cpu, Tasklets) + Tasklets.lock
}
