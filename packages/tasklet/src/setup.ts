// SPDX-License-Identifier: MIT
/**
 * Boot, and CPUs that come and go (TL-6).
 *
 * @xen xen/common/tasklet.c (migrate_tasklets_from_cpu, tasklet_subsys_init)
 */
import {
  CPU_DEAD, CPU_UP_CANCELED, CPU_UP_PREPARE, CpuEvent, cpuOnline, registerCpuNotifier,
} from '@bottomhalf/cpu'
import { containerOf, listDel, listFirst, listInit } from '@bottomhalf/list'
import {
  cpuArea, cpuCount, currentCpu, handler, ld, st, store,
} from '@bottomhalf/machine'
import { openSoftirq } from '@bottomhalf/softirq'
import { spinLockInit, spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { listLock, lockPair, oneLock, setGuardianLocked, taskletLockClass, unlockPair } from './locks.js'
import { taskletAction } from './run.js'
import { enqueueLocked } from './schedule.js'
import { Tasklet, TaskletGlobals, Tasklets } from './state.js'
import type { SoftirqNr } from '@bottomhalf/base'
import type { CpuEventRef } from '@bottomhalf/cpu'

export interface TaskletOptions {
  /** The softirq that runs tasklets. */
  readonly softirqNr: SoftirqNr
  /** The softirq that asks the scheduler for a decision. */
  readonly scheduleNr: SoftirqNr
  /** TASKLET_LOCK_GLOBAL or TASKLET_LOCK_PER_CPU. */
  readonly lock: number
}

/** Let this CPU take over all tasklets of one that has parked for good. Any tasklet scheduled there later comes here. */
export function taskletCpuDead(cpu: number): void {
  const me = currentCpu()
  if (oneLock()) {
    const flags = spinLockIrqsave(listLock(me))
    takeOverLocked(cpu, me)
    spinUnlockIrqrestore(listLock(me), flags)
  } else {
    const flags = lockPair(cpu, me)
    takeOverLocked(cpu, me)
    unlockPair(cpu, me, flags)
  }
}

function takeOverLocked(cpu: number, me: number): void {
  const theirs = cpuArea(cpu, Tasklets)
  st(theirs + Tasklets.accepting, 0)
  moveAllLocked(theirs + Tasklets.softirqList, me)
  moveAllLocked(theirs + Tasklets.idleList, me)
  store(theirs + Tasklets.work, 0)
}

function moveAllLocked(list: number, me: number): void {
  for (let node = listFirst(list); node !== 0; node = listFirst(list)) {
    const t = containerOf(node, Tasklet.node)
    listDel(node)
    st(t + Tasklet.scheduledOn, me)
    if (!oneLock()) setGuardianLocked(t, me)
    enqueueLocked(t, me)
  }
}

function openLists(cpu: number): void {
  const flags = spinLockIrqsave(listLock(cpu))
  st(cpuArea(cpu, Tasklets) + Tasklets.accepting, 1)
  spinUnlockIrqrestore(listLock(cpu), flags)
}

function cpuNotifier(event: CpuEventRef): number {
  const action = ld(event + CpuEvent.action)
  const cpu = ld(event + CpuEvent.cpu)
  if (action === CPU_UP_PREPARE) openLists(cpu)
  if (action === CPU_UP_CANCELED || action === CPU_DEAD) taskletCpuDead(cpu)
  return 0
}

function initCpu(cpu: number): void {
  const theirs = cpuArea(cpu, Tasklets)
  spinLockInit(theirs + Tasklets.lock, taskletLockClass)
  listInit(theirs + Tasklets.softirqList)
  listInit(theirs + Tasklets.idleList)
  st(theirs + Tasklets.accepting, cpuOnline(cpu) ? 1 : 0)
  store(theirs + Tasklets.work, 0)
}

const notifier = handler('taskletCpuNotifier', cpuNotifier)
const action = handler('taskletAction', taskletAction)

/** Boot, after `setupSoftirqs`. */
export function setupTasklets(options: TaskletOptions): void {
  st(TaskletGlobals.base + TaskletGlobals.lockKind, options.lock)
  st(TaskletGlobals.base + TaskletGlobals.softirqNr, options.softirqNr)
  st(TaskletGlobals.base + TaskletGlobals.scheduleNr, options.scheduleNr)
  spinLockInit(TaskletGlobals.base + TaskletGlobals.lock, taskletLockClass)
  for (let cpu = 0; cpu < cpuCount(); cpu++) initCpu(cpu)
  openSoftirq(options.softirqNr, action)
  registerCpuNotifier(notifier, 0)
}
