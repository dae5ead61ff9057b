// SPDX-License-Identifier: MIT
/**
 * Tasklets: a function to be run soon, on one CPU at a time, in softirq context or in that of the idle vCPU.
 *
 * @xen xen/common/tasklet.c
 * Contexts  taskletSchedule, taskletScheduleOnCpu: any CPU, any context.  taskletKill: outside interrupts, no lock held
 *           that the tasklet's function takes.
 * Locks     the tasklet lock, or each CPU's (`locks.ts`).
 *
 * T2  A tasklet that has `scheduledOn` and does not run is on that CPU's list; one that runs is on no list.
 * T3  At most one CPU runs a tasklet: it is detached under the lock, and queued again only when its run has ended.
 * T4  A dead tasklet is on no list and is queued no more; `atRest` is the last word written to it.
 *
 * TL-1, TL-3, TL-5, TL-7, TL-8.
 */
import { assert, bug } from '@bottomhalf/base'
import {
  AWAIT_EQ, awaitWord, cpuArea, currentCpu, inIrq, ld, load, NO_CPU, st, store, testAndSetBit,
} from '@bottomhalf/machine'
import { listAddTail, listDel, listEmpty } from '@bottomhalf/list'
import { cpuRaiseSoftirq } from '@bottomhalf/softirq'
import { mightWaitFor, spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import {
  idleRunClass, lockPair, lockTasklet, oneLock, setGuardianLocked, softirqRunClass, unlockPair, unlockTasklet,
} from './locks.js'
import { scheduleNr, Tasklet, TaskletGlobals, Tasklets, taskletSoftirqNr, WORK_ENQUEUED } from './state.js'
import type { HandlerRef } from '@bottomhalf/machine'
import type { TaskletRef } from './state.js'

/** Make a tasklet that calls `action(data)` in the context of the idle vCPU, while the guests of its CPU wait. */
export function taskletInit(t: TaskletRef, action: HandlerRef, data: number): void {
  init(t, action, data, 0)
}

/** Make a tasklet that calls `action(data)` in softirq context. */
export function softirqTaskletInit(t: TaskletRef, action: HandlerRef, data: number): void {
  init(t, action, data, 1)
}

function init(t: TaskletRef, action: HandlerRef, data: number, isSoftirq: number): void {
  st(t + Tasklet.scheduledOn, NO_CPU)
  st(t + Tasklet.runningOn, NO_CPU)
  st(t + Tasklet.isDead, 0)
  st(t + Tasklet.isSoftirq, isSoftirq)
  st(t + Tasklet.handler, action.id)
  st(t + Tasklet.data, data)
  store(t + Tasklet.guardian, 0)
  store(t + Tasklet.atRest, 0)
}

/** Run the tasklet soon on this CPU. See `taskletScheduleOnCpu`. */
export function taskletSchedule(t: TaskletRef): void {
  taskletScheduleOnCpu(t, currentCpu())
}

/**
 * Run the tasklet soon on `cpu`: nothing if it is dead; if it runs just now, once more when that run has ended. Calls
 * before a run has begun ask for that one run. A CPU that has died stands for this one (TL-6).
 */
export function taskletScheduleOnCpu(t: TaskletRef, cpu: number): void {
  assert(cpu >= 0, 'a tasklet is scheduled on no CPU', 'TL-3')
  if (!oneLock()) return schedulePerCpu(t, cpu)
  const lock = TaskletGlobals.base + TaskletGlobals.lock
  const flags = spinLockIrqsave(lock)
  scheduleLocked(t, acceptingOr(cpu, currentCpu()))
  spinUnlockIrqrestore(lock, flags)
}

function schedulePerCpu(t: TaskletRef, cpu: number): void {
  let target = cpu
  for (let done = false; !done;) {
    const guardian = load(t + Tasklet.guardian)
    const flags = lockPair(guardian, target)
    const open = acceptingOr(target, currentCpu())
    done = load(t + Tasklet.guardian) === guardian && open === target
    if (done) schedulePair(t, guardian, target)
    unlockPair(guardian, target, flags)
    target = open
  }
}

function schedulePair(t: TaskletRef, guardian: number, cpu: number): void {
  if (scheduleLocked(t, cpu) && guardian !== cpu) setGuardianLocked(t, cpu)
}

/** TL-3; returns whether the tasklet went to the list of `cpu`. The locks of its guardian and of `cpu` are held. */
function scheduleLocked(t: TaskletRef, cpu: number): boolean {
  if (ld(t + Tasklet.isDead) !== 0) return false             // T4
  const before = ld(t + Tasklet.scheduledOn)
  st(t + Tasklet.scheduledOn, cpu)
  if (ld(t + Tasklet.runningOn) !== NO_CPU) return false     // T3
  if (before !== NO_CPU) listDel(t + Tasklet.node)           // T2
  enqueueLocked(t, cpu)
  return true
}

/** Put a tasklet that is on no list on that of `cpu`, whose lock is held, and see that the list is served. */
export function enqueueLocked(t: TaskletRef, cpu: number): void {
  if (ld(t + Tasklet.isSoftirq) !== 0) enqueueForSoftirq(t, cpu)
  else enqueueForIdle(t, cpu)
}

function enqueueForSoftirq(t: TaskletRef, cpu: number): void {
  const list = cpuArea(cpu, Tasklets) + Tasklets.softirqList
  const wasEmpty = listEmpty(list)
  listAddTail(t + Tasklet.node, list)
  if (wasEmpty) cpuRaiseSoftirq(cpu, taskletSoftirqNr())     // TL-8
}

function enqueueForIdle(t: TaskletRef, cpu: number): void {
  const theirs = cpuArea(cpu, Tasklets)
  listAddTail(t + Tasklet.node, theirs + Tasklets.idleList)
  if (testAndSetBit(WORK_ENQUEUED, theirs + Tasklets.work) === 0) cpuRaiseSoftirq(cpu, scheduleNr())   // TL-7
}

/** `cpu` if its lists are open, else `other`. The lock of `cpu` is held. */
export function acceptingOr(cpu: number, other: number): number {
  return ld(cpuArea(cpu, Tasklets) + Tasklets.accepting) !== 0 ? cpu : other
}

/** Whether the tasklet is queued, or runs, on any CPU: a moment's answer, unless nobody can schedule it any more. */
export function taskletIsActive(t: TaskletRef): boolean {
  const flags = lockTasklet(t)
  const active = ld(t + Tasklet.scheduledOn) !== NO_CPU || ld(t + Tasklet.runningOn) !== NO_CPU
  unlockTasklet(t, flags)
  return active
}

/**
 * Let the tasklet never run again; returns when it runs nowhere and may be freed. Obeys LK-5. A BUG from under its own
 * run, which would never end.
 */
export function taskletKill(t: TaskletRef): void {
  if (inIrq()) bug('a tasklet is killed in an interrupt', 'LK-5')
  mightWaitFor(ld(t + Tasklet.isSoftirq) !== 0 ? softirqRunClass : idleRunClass)
  const flags = lockTasklet(t)
  if (ld(t + Tasklet.runningOn) === currentCpu()) bug('a tasklet is killed from under its own run', 'TL-8')
  killLocked(t)
  unlockTasklet(t, flags)
  awaitWord(t + Tasklet.atRest, AWAIT_EQ, 1)                 // T4
}

function killLocked(t: TaskletRef): void {
  const runs = ld(t + Tasklet.runningOn) !== NO_CPU
  if (!runs && ld(t + Tasklet.scheduledOn) !== NO_CPU) listDel(t + Tasklet.node)
  st(t + Tasklet.scheduledOn, NO_CPU)
  st(t + Tasklet.isDead, 1)
  if (!runs) store(t + Tasklet.atRest, 1)
}
