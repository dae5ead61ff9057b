// SPDX-License-Identifier: MIT
/**
 * Boot, the interrupt of the deadline, and CPUs that come and go (TM-3).
 *
 * @xen xen/common/timer.c (migrate_timers_from_cpu, timer_init)
 */
import {
  CPU_DEAD, CPU_DYING, CPU_UP_CANCELED, CPU_UP_PREPARE, CpuEvent, cpuOnline, registerCpuNotifier, setVector,
} from '@bottomhalf/cpu'
import {
  cpuArea, cpuCount, currentCpu, handler, ld, LOCAL_TIMER_VECTOR, setDeadline, st, store,
} from '@bottomhalf/machine'
import { openSoftirq, raiseSoftirq } from '@bottomhalf/softirq'
import { spinLockInit, spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { lockPair, timersLock, timersLockClass, unlockPair } from './locks.js'
import { TimerGlobals, Timers } from './state.js'
import { moveLocked, timerAction } from './timer.js'
import type { SoftirqNr } from '@bottomhalf/base'
import type { CpuEventRef } from '@bottomhalf/cpu'

/** Let this CPU call all timers of one that has parked for good. Those set there later move when they are set. */
export function timerCpuDead(cpu: number): void {
  const me = currentCpu()
  const theirs = cpuArea(cpu, Timers)
  const flags = lockPair(cpu, me)
  st(theirs + Timers.accepting, 0)
  for (let t = ld(theirs + Timers.root); t !== 0; t = ld(theirs + Timers.root)) moveLocked(t, cpu, me)
  unlockPair(cpu, me, flags)
}

function openHeap(cpu: number): void {
  const flags = spinLockIrqsave(timersLock(cpu))
  st(cpuArea(cpu, Timers) + Timers.accepting, 1)
  spinUnlockIrqrestore(timersLock(cpu), flags)
}

function cpuNotifier(event: CpuEventRef): number {
  const action = ld(event + CpuEvent.action)
  const cpu = ld(event + CpuEvent.cpu)
  if (action === CPU_UP_PREPARE) openHeap(cpu)
  if (action === CPU_DYING) setDeadline(0)
  if (action === CPU_UP_CANCELED || action === CPU_DEAD) timerCpuDead(cpu)
  return 0
}

/** The interrupt of this CPU's deadline. */
function localTimer(): void {
  raiseSoftirq(ld(TimerGlobals.base + TimerGlobals.softirqNr) as SoftirqNr)
}

const notifier = handler('timerCpuNotifier', cpuNotifier)
const localTimerHandler = handler('localTimer', localTimer)
const action = handler('timerAction', timerAction)

/** Boot, after `setupSoftirqs`. */
export function setupTimers(softirqNr: SoftirqNr): void {
  st(TimerGlobals.base + TimerGlobals.softirqNr, softirqNr)
  for (let cpu = 0; cpu < cpuCount(); cpu++) {
    const theirs = cpuArea(cpu, Timers)
    spinLockInit(timersLock(cpu), timersLockClass)
    st(theirs + Timers.root, 0)
    st(theirs + Timers.accepting, cpuOnline(cpu) ? 1 : 0)
    store(theirs + Timers.running, 0)
  }
  openSoftirq(softirqNr, action)
  setVector(LOCAL_TIMER_VECTOR, localTimerHandler)
  registerCpuNotifier(notifier, 0)
}
