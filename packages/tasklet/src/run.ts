// SPDX-License-Identifier: MIT
/**
 * Running tasklets: one at a time, the lock dropped meanwhile.
 *
 * @xen xen/common/tasklet.c
 * Contexts  taskletAction: softirq.  doTaskletWork: the idle vCPU.  scheduleTaskletWork: the scheduler, own CPU.
 * Locks     the lock of this CPU's lists, never while a function runs.
 *
 * T3, T4: see `schedule.ts`.
 * T5  A list that is not empty is served: whoever leaves one behind raises anew.
 *
 * TL-4, TL-7, TL-8.
 */
import { assert } from '@bottomhalf/base'
import {
  callHandler, cpuArea, currentCpu, debugChecks, ld, load, NO_CPU, st, store, testAndClearBit, testAndSetBit, thisCpu,
} from '@bottomhalf/machine'
import { thisCpuOnline } from '@bottomhalf/cpu'
import { containerOf, listDel, listEmpty, listFirst } from '@bottomhalf/list'
import { raiseSoftirq } from '@bottomhalf/softirq'
import { beginAwaited, endAwaited, spinLockIrq, spinUnlockIrq } from '@bottomhalf/spinlock'
import {
  idleRunClass, listLock, lockPair, oneLock, setGuardianLocked, softirqRunClass, unlockPair,
} from './locks.js'
import { acceptingOr, enqueueLocked } from './schedule.js'
import {
  scheduleNr, Tasklet, Tasklets, taskletSoftirqNr, WORK_BOTH, WORK_ENQUEUED, WORK_SCHEDULED,
} from './state.js'
import type { LockClass } from '@bottomhalf/spinlock'
import type { TaskletRef } from './state.js'

/** The tasklet softirq: run one tasklet, and come back if there are more. */
export function taskletAction(): void {
  const cpu = currentCpu()
  const list = thisCpu(Tasklets) + Tasklets.softirqList
  const lock = listLock(cpu)
  spinLockIrq(lock)
  runFirstLocked(cpu, list, lock, softirqRunClass)
  const more = !listEmpty(list)
  spinUnlockIrq(lock)
  if (more) raiseSoftirq(taskletSoftirqNr())                 // T5
}

/**
 * Run one tasklet of this CPU's idle vCPU, if there is work and the scheduler has given way to it (TL-7). The idle loop
 * calls this, over and over.
 */
export function doTaskletWork(): void {
  const cpu = currentCpu()
  if (!taskletWorkToDo(cpu)) return
  const mine = thisCpu(Tasklets)
  const lock = listLock(cpu)
  spinLockIrq(lock)
  runFirstLocked(cpu, mine + Tasklets.idleList, lock, idleRunClass)
  if (listEmpty(mine + Tasklets.idleList)) {
    testAndClearBit(WORK_ENQUEUED, mine + Tasklets.work)     // TL-7, under the lock: see enqueueForIdle
    raiseSoftirq(scheduleNr())
  }
  spinUnlockIrq(lock)
}

/** Whether the idle vCPU of a CPU has work and may do it: then the CPU does not sleep. */
export function taskletWorkToDo(cpu: number): boolean {
  return load(cpuArea(cpu, Tasklets) + Tasklets.work) === WORK_BOTH
}

/**
 * For the scheduler, at each decision of this CPU: whether its idle vCPU goes before all guests, because it has work.
 * Sets and clears "scheduled" (TL-7).
 */
export function scheduleTaskletWork(): boolean {
  const work = thisCpu(Tasklets) + Tasklets.work
  const flags = load(work)
  const enqueued = (flags & (1 << WORK_ENQUEUED)) !== 0
  const scheduled = (flags & (1 << WORK_SCHEDULED)) !== 0
  if (enqueued && !scheduled) testAndSetBit(WORK_SCHEDULED, work)
  if (!enqueued && scheduled) testAndClearBit(WORK_SCHEDULED, work)
  return enqueued
}

/** Detach the first of the list, run it with the lock dropped; the lock is held again on return. */
function runFirstLocked(cpu: number, list: number, lock: number, run: LockClass): void {
  const node = listFirst(list)
  if (node === 0 || !thisCpuOnline()) return                 // TL-8
  const t = containerOf(node, Tasklet.node)
  if (debugChecks()) assert(ld(t + Tasklet.runningOn) === NO_CPU, 'a running tasklet is on a list', 'I5')   // T2
  listDel(node)
  st(t + Tasklet.scheduledOn, NO_CPU)
  st(t + Tasklet.runningOn, cpu)                             // T3
  spinUnlockIrq(lock)
  beginAwaited(run)
  callHandler(ld(t + Tasklet.handler), ld(t + Tasklet.data))
  endAwaited(run)
  spinLockIrq(lock)
  endRunLocked(t, cpu, lock)
}

function endRunLocked(t: TaskletRef, cpu: number, lock: number): void {
  const next = ld(t + Tasklet.scheduledOn)
  if (next !== NO_CPU && next !== cpu && !oneLock()) return endRunElsewhere(t, cpu, lock)
  st(t + Tasklet.runningOn, NO_CPU)
  if (next !== NO_CPU) requeueLocked(t, acceptingOr(next, cpu))
  else if (ld(t + Tasklet.isDead) !== 0) store(t + Tasklet.atRest, 1)   // T4
}

/**
 * One lock per CPU: the run has ended and the tasklet goes to another CPU's list, whose lock is needed too. This CPU's is
 * dropped for the right order; the tasklet counts as running meanwhile, and where it goes is looked at again.
 */
function endRunElsewhere(t: TaskletRef, cpu: number, lock: number): void {
  for (let done = false; !done;) {
    const next = ld(t + Tasklet.scheduledOn)
    const other = next === NO_CPU ? cpu : next
    spinUnlockIrq(lock)
    const flags = lockPair(cpu, other)
    done = ld(t + Tasklet.scheduledOn) === next
    if (done) endRunPair(t, next, cpu)
    unlockPair(cpu, other, flags)
    spinLockIrq(lock)
  }
}

function endRunPair(t: TaskletRef, next: number, cpu: number): void {
  st(t + Tasklet.runningOn, NO_CPU)
  if (next === NO_CPU) return store(t + Tasklet.atRest, 1)   // T4: only a kill takes the wish back
  const target = acceptingOr(next, cpu)
  if (target !== cpu) setGuardianLocked(t, target)
  requeueLocked(t, target)
}

function requeueLocked(t: TaskletRef, cpu: number): void {
  st(t + Tasklet.scheduledOn, cpu)
  enqueueLocked(t, cpu)
}
