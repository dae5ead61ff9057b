// SPDX-License-Identifier: MIT
/**
 * The periodic timer of a vCPU (SCH-5): ticks while the vCPU runs, on the pCPU that runs it.
 *
 * @xen xen/common/schedule.c (vcpu_periodic_timer_work)
 * Contexts  vcpuSetPeriodicTimer: the vCPU itself. periodicStart, periodicStop: the switch, schedule lock held. The tick:
 *           timer softirq.
 * Locks     none here: all words belong to the pCPU that runs the vCPU; timers locks inside the schedule lock.
 *
 * Y1  The timer is stopped while the vCPU does not run: it wakes no vCPU. A tick that fell due meanwhile comes once, when
 *     the vCPU runs again.
 */
import { EINVAL, type Errno, type Ref } from '@bottomhalf/base'
import { vcpuRunnable } from '@bottomhalf/domain'
import {
  callHandler, currentCpu, handler, ld, ldTime, load, nowNs, st, stTime, type HandlerRef,
} from '@bottomhalf/machine'
import { initTimer, killTimer, migrateTimer, setTimer, stopTimer, Timer } from '@bottomhalf/timer'
import { currentVcpu, SchedNumbers, SchedVcpu, VCPU_SCHED } from './records.js'

/** Shortest and longest period: 1000 Hz and 100 Hz. */
export const PERIOD_MIN_NS = 1e6
export const PERIOD_MAX_NS = 10e6

const TIMER = VCPU_SCHED + SchedVcpu.periodicTimer
const PERIOD = VCPU_SCHED + SchedVcpu.periodNs
const DUE = VCPU_SCHED + SchedVcpu.periodicDueNs

/** Tick with a period from now on, 0: no more. -EINVAL: not between 1 and 10 ms, or `v` is not the current vCPU. */
export function vcpuSetPeriodicTimer(v: Ref<'Vcpu'>, periodNs: number): Errno {
  const valid = periodNs === 0 || (periodNs >= PERIOD_MIN_NS && periodNs <= PERIOD_MAX_NS)
  if (!valid || v !== currentVcpu()) return -EINVAL
  stTime(v + PERIOD, periodNs)
  stTime(v + DUE, nowNs() + periodNs)
  if (periodNs === 0) stopTimer(v + TIMER)
  else periodicStart(v)
  return 0
}

/** The vCPU begins to run here. */
export function periodicStart(v: Ref<'Vcpu'>): void {
  if (ldTime(v + PERIOD) === 0) return
  if (load(v + TIMER + Timer.cpu) !== currentCpu()) migrateTimer(v + TIMER, currentCpu())
  setTimer(v + TIMER, ldTime(v + DUE))
}

/** The vCPU stops running (Y1). */
export function periodicStop(v: Ref<'Vcpu'>): void {
  if (ldTime(v + PERIOD) !== 0) stopTimer(v + TIMER)
}

const periodicHandler = handler('vcpuPeriodic', periodic)

function periodic(v: Ref<'Vcpu'>): void {
  // it has blocked since, or its pCPU went down and others serve what was left of its timers
  if (v !== currentVcpu() || !vcpuRunnable(v)) return                 // Y1
  const fn = ld(SchedNumbers.base + SchedNumbers.periodicTick)
  // a period from now, not from when it was due: what was missed is not made up for
  stTime(v + DUE, nowNs() + ldTime(v + PERIOD))
  setTimer(v + TIMER, ldTime(v + DUE))
  if (fn !== 0) callHandler(fn, v)
}

/** Have `tick` (argument: the vCPU) called at each tick of a periodic timer, in softirq context, no lock held. Boot. */
export function setPeriodicTick(tick: HandlerRef): void {
  st(SchedNumbers.base + SchedNumbers.periodicTick, tick.id)
}

export function periodicInit(v: Ref<'Vcpu'>): void {
  initTimer(v + TIMER, periodicHandler, v, 0)
}

export function periodicDestroy(v: Ref<'Vcpu'>): void {
  killTimer(v + TIMER)
}
