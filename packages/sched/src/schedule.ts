// SPDX-License-Identifier: MIT
/**
 * The scheduler: SCHEDULE softirq, sleep and wake of vCPUs, the kick.
 *
 * @xen xen/common/schedule.c, xen/arch/x86/domain.c (vcpu_kick)
 * Contexts  schedule: softirq. vcpuWake, vcpuUnblock, vcpuKick: any. vcpuBlock: the vCPU itself, no lock held. vcpuUp,
 *           vcpuDown: control operations.
 * Locks     schedule lock.
 *
 * V1  A vCPU that blocks sets BLOCKED before it looks for events; whoever has an event for it makes it visible before it
 *     clears BLOCKED: one of the two sees the other, no wake-up is lost.
 * V2  A kick reads `isRunning` before it unblocks (GV-8), and a pCPU sets it before it looks for what to inject: what was
 *     made pending before the kick is found at the entry, or forces a new look.
 * V3  `isRunning` is on for exactly the vCPUs that are current on a pCPU.
 */
import { bug, EINVAL, type Errno, type Ref, type SoftirqNr } from '@bottomhalf/base'
import { isIdleVcpu, Vcpu, VPF_BLOCKED, VPF_DOWN } from '@bottomhalf/domain'
import {
  AWAIT_EQ, awaitWord, currentCpu, handler, inIrq, ld, ldTime, load, nowNs, st, store, testAndClearBit, testAndSetBit,
  thisCpu, type Susp,
} from '@bottomhalf/machine'
import { cpuRaiseSoftirq, raiseSoftirq } from '@bottomhalf/softirq'
import { mightWaitFor, spinLockIrq, spinUnlockIrq } from '@bottomhalf/spinlock'
import { scheduleTaskletWork } from '@bottomhalf/tasklet'
import { setTimer, stopTimer } from '@bottomhalf/timer'
import { chargeHypervisorLocked } from './account.js'
import { vcpuMove } from './affinity.js'
import { TICK_NS } from './credit.js'
import { lockVcpu, unlockVcpu } from './lock.js'
import { periodicStart, periodicStop } from './periodic.js'
import { policyMayRunOn, policyPick, policyPutBack } from './policyCredit.js'
import { areaOf, currentVcpu, RUNSTATE_RUNNING, Sched, scheduleLockClass, SchedNumbers } from './records.js'
import { runstateChangeLocked } from './runstate.js'
import { raiseSchedule, sleepLocked, stateOfStopped, tell, tellIdler, wakeLocked } from './wake.js'

// ---- the softirq

/** Pick the vCPU that this pCPU runs next. SCHEDULE softirq. */
function schedule(): void {
  const my = thisCpu(Sched)
  const idleWork = scheduleTaskletWork()                              // TL-7
  spinLockIrq(my + Sched.lock)
  const prev = ld(my + Sched.current)
  scheduleLocked(my, prev, idleWork)
  const mustMove = mustLeave(my, prev)
  spinUnlockIrq(my + Sched.lock)
  // what this decision leaves waiting may run where there is nothing to do
  tellIdler(my)
  if (mustMove) vcpuMove(prev)                                        // X2 of affinity.ts
}

function scheduleLocked(my: number, prev: Ref<'Vcpu'>, idleWork: boolean): void {
  const atNs = nowNs()
  const next = idleWork ? pickIdle(my, prev, atNs) : policyPick(my, prev, atNs)
  chargeHypervisorLocked(my, prev, atNs)
  if (next !== prev) switchLocked(my, prev, next, atNs)
  setTimersLocked(my, prev, next, atNs)
}

function pickIdle(my: number, prev: Ref<'Vcpu'>, atNs: number): Ref<'Vcpu'> {
  policyPutBack(my, prev, atNs)
  return my + Sched.idle
}

function setTimersLocked(my: number, prev: Ref<'Vcpu'>, next: Ref<'Vcpu'>, atNs: number): void {
  if (isIdleVcpu(next)) stopTimer(my + Sched.sliceTimer)
  else setTimer(my + Sched.sliceTimer, ldTime(my + Sched.decideNs))
  if (isIdleVcpu(next) === isIdleVcpu(prev)) return
  if (isIdleVcpu(next)) stopTimer(my + Sched.tickTimer)
  else setTimer(my + Sched.tickTimer, atNs + TICK_NS)
}

/** Make `next` the current vCPU of the pCPU `my` in place of `prev`. Context: schedule lock held; `next` is in no queue. */
export function switchLocked(my: number, prev: Ref<'Vcpu'>, next: Ref<'Vcpu'>, atNs: number): void {
  periodicStop(prev)
  runstateChangeLocked(prev, stateOfStopped(prev), atNs)
  runstateChangeLocked(next, RUNSTATE_RUNNING, atNs)
  store(next + Vcpu.isRunning, 1)                                     // V2, V3
  st(my + Sched.current, next)
  store(prev + Vcpu.isRunning, 0)
  periodicStart(next)
}

// Whether `prev` has stopped on a pCPU where it may not run any more.
function mustLeave(my: number, prev: Ref<'Vcpu'>): boolean {
  return ld(my + Sched.current) !== prev && !isIdleVcpu(prev) && !policyMayRunOn(prev, currentCpu())
}

// ---- sleep and wake

/**
 * Block the current vCPU, unless it has an event: `hasEvents` looks for one after BLOCKED is on (V1). Context: the vCPU
 * itself, no lock held. The vCPU stops at its next VM exit. Returns whether it blocks.
 */
export function vcpuBlock(hasEvents: Susp<(v: Ref<'Vcpu'>) => boolean>): boolean {
  const v = currentVcpu()
  if (isIdleVcpu(v)) bug('an idle vCPU blocks', 'SCH-4')
  testAndSetBit(VPF_BLOCKED, v + Vcpu.pauseFlags)                     // V1
  if (hasEvents(v)) {
    testAndClearBit(VPF_BLOCKED, v + Vcpu.pauseFlags)
    return false
  }
  raiseSoftirq(scheduleNr())
  return true
}

/** Let `v` run if nothing keeps it from running. Called after a pause flag was cleared. */
export function vcpuWake(v: Ref<'Vcpu'>): void {
  wake(v, false)
}

function wake(v: Ref<'Vcpu'>, boost: boolean): void {
  const flags = lockVcpu(v)
  const cpu = wakeLocked(v, areaOf(v), boost)
  unlockVcpu(v, flags)
  tell(v, cpu)
}

/** End the block of `v`, if it blocks. An event for it was made visible before (V1). */
export function vcpuUnblock(v: Ref<'Vcpu'>): void {
  // most are awake: a look is cheaper than a write to a line that others read
  if ((load(v + Vcpu.pauseFlags) & 1 << VPF_BLOCKED) === 0) return
  if (testAndClearBit(VPF_BLOCKED, v + Vcpu.pauseFlags) !== 0) wake(v, true)
}

/** Make `v` look for events: wake it if it sleeps, force a VM exit if it runs on another pCPU (GV-6, GV-8). */
export function vcpuKick(v: Ref<'Vcpu'>): void {
  const running = load(v + Vcpu.isRunning) !== 0                      // V2: before the unblock
  vcpuUnblock(v)
  if (running && (v !== currentVcpu() || inIrq())) {
    cpuRaiseSoftirq(load(v + Vcpu.processor), vcpuKickNr())
  }
}

// ---- control operations

/** Bring a vCPU up: it runs when its turn comes. -EINVAL if it is up. */
export function vcpuUp(v: Ref<'Vcpu'>): Errno {
  if (testAndClearBit(VPF_DOWN, v + Vcpu.pauseFlags) === 0) return -EINVAL
  vcpuWake(v)
  return 0
}

/** Take a vCPU down. It stops at its next VM exit: `vcpuAwaitStopped` waits for that. -EINVAL if it is down. */
export function vcpuDown(v: Ref<'Vcpu'>): Errno {
  if (testAndSetBit(VPF_DOWN, v + Vcpu.pauseFlags) !== 0) return -EINVAL
  vcpuSleepNosync(v)
  return 0
}

/** Let `v` stop if something keeps it from running. Called after a pause flag was set. */
function vcpuSleepNosync(v: Ref<'Vcpu'>): void {
  const flags = lockVcpu(v)
  sleepLocked(v, areaOf(v))
  unlockVcpu(v, flags)
}

/** Wait until a vCPU that was taken down runs nowhere. Context: not on its own pCPU while it is current, no lock held. */
export function vcpuAwaitStopped(v: Ref<'Vcpu'>): void {
  if (v === currentVcpu()) bug('a vCPU waits for itself to stop', 'LK-5')
  mightWaitFor(scheduleLockClass)
  awaitWord(v + Vcpu.isRunning, AWAIT_EQ, 0)
}

// ---- softirqs and handlers

/** VCPU_KICK softirq: empty. That it runs is its job: it forces a new look at what is pending (GV-8). */
function vcpuKicked(): void { /* GV-8 */ }

function sliceOver(): void {
  raiseSchedule(currentCpu())
}

function scheduleNr(): SoftirqNr {
  return ld(SchedNumbers.base + SchedNumbers.scheduleSoftirq) as SoftirqNr
}

function vcpuKickNr(): SoftirqNr {
  return ld(SchedNumbers.base + SchedNumbers.vcpuKickSoftirq) as SoftirqNr
}

export const scheduleHandler = handler('schedule', schedule)
export const vcpuKickHandler = handler('vcpuKick', vcpuKicked)
export const sliceOverHandler = handler('sliceOver', sliceOver)
/** For the seam of `domain`: pauses. */
export const vcpuSleepHandler = handler('vcpuSleep', vcpuSleepNosync)
export const vcpuWakeHandler = handler('vcpuWake', vcpuWake)
export const vcpuAwaitStoppedHandler = handler('vcpuAwaitStopped', vcpuAwaitStopped)
export const currentVcpuHandler = handler('currentVcpu', currentVcpu)
