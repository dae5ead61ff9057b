// SPDX-License-Identifier: MIT
/**
 * The scheduler: SCHEDULE softirq, sleep and wake of vCPUs, the kick.
 *
 * @xen xen/common/schedule.c, xen/arch/x86/domain.c (vcpu_kick)
 * Contexts  schedule: softirq. vcpuWake, vcpuUnblock, vcpuKick: any. vcpuBlock: the vCPU itself, no lock held. vcpuUp,
 *           vcpuDown, vcpuPin: control operations.
 * Locks     schedule lock.
 *
 * V1  A vCPU that blocks sets BLOCKED before it looks for events; whoever has an event for it makes it visible before it
 *     clears BLOCKED: one of the two sees the other, no wake-up is lost.
 * V2  A kick reads `isRunning` before it unblocks (GV-8), and a pCPU sets it before it looks for what to inject: what was
 *     made pending before the kick is found at the entry, or forces a new look.
 * V3  `isRunning` is on for exactly the vCPUs that are current on a pCPU.
 */
import { assert, bug, EBUSY, EINVAL, type Errno, type Ref, type SoftirqNr } from '@bottomhalf/base'
import { cpuOnline } from '@bottomhalf/cpu'
import { isIdleVcpu, registerDomainPart, Vcpu, vcpuInit, vcpuRunnable, VPF_BLOCKED, VPF_DOWN } from '@bottomhalf/domain'
import { listInit } from '@bottomhalf/list'
import {
  AWAIT_EQ, awaitWord, cpuArea, cpuCount, handler, inIrq, ld, ldTime, load, nowNs, st, store, testAndClearBit,
  testAndSetBit, thisCpu, type Susp,
} from '@bottomhalf/machine'
import { cpuRaiseSoftirq, openSoftirq, raiseSoftirq } from '@bottomhalf/softirq'
import { mightWaitFor, spinLockInit, spinLockIrq, spinUnlockIrq, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { scheduleTaskletWork } from '@bottomhalf/tasklet'
import { initTimer, setTimer, stopTimer } from '@bottomhalf/timer'
import { chargeHypervisorLocked } from './account.js'
import { lockVcpu, unlockVcpu } from './lock.js'
import { policyIsQueued, policyPick, policyPutBack, policySleep, policyWake } from './policyFifo.js'
import {
  areaOf, checkRoom, currentVcpu, RUNSTATE_BLOCKED, RUNSTATE_OFFLINE, RUNSTATE_RUNNABLE, RUNSTATE_RUNNING, Sched,
  scheduleLockClass, SchedNumbers, SchedVcpu, VCPU_SCHED,
} from './records.js'
import { runstateChangeLocked, runstateInit, runstateLocked } from './runstate.js'

// ---- the softirq

/** Pick the vCPU that this pCPU runs next. SCHEDULE softirq. */
function schedule(): void {
  const my = thisCpu(Sched)
  const idleWork = scheduleTaskletWork()                              // TL-7
  spinLockIrq(my + Sched.lock)
  scheduleLocked(my, idleWork)
  spinUnlockIrq(my + Sched.lock)
}

function scheduleLocked(my: number, idleWork: boolean): void {
  const prev = ld(my + Sched.current)
  const atNs = nowNs()
  const next = idleWork ? pickIdle(my, prev) : policyPick(my, prev, atNs)
  chargeHypervisorLocked(my, prev, atNs)
  if (next !== prev) switchLocked(my, prev, next, atNs)
  if (isIdleVcpu(next)) stopTimer(my + Sched.sliceTimer)
  else setTimer(my + Sched.sliceTimer, ldTime(my + Sched.sliceEndNs))
}

function pickIdle(my: number, prev: Ref<'Vcpu'>): Ref<'Vcpu'> {
  policyPutBack(my, prev)
  return my + Sched.idle
}

function switchLocked(my: number, prev: Ref<'Vcpu'>, next: Ref<'Vcpu'>, atNs: number): void {
  runstateChangeLocked(prev, stateOfStopped(prev), atNs)
  runstateChangeLocked(next, RUNSTATE_RUNNING, atNs)
  store(next + Vcpu.isRunning, 1)                                     // V2, V3
  st(my + Sched.current, next)
  store(prev + Vcpu.isRunning, 0)
}

// An idle vCPU is never paused.
function stateOfStopped(v: Ref<'Vcpu'>): number {
  const flags = load(v + Vcpu.pauseFlags)
  if (flags === 0) return RUNSTATE_RUNNABLE
  return (flags & 1 << VPF_BLOCKED) !== 0 ? RUNSTATE_BLOCKED : RUNSTATE_OFFLINE
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
  const flags = lockVcpu(v)
  wakeLocked(v, areaOf(v))
  unlockVcpu(v, flags)
}

function wakeLocked(v: Ref<'Vcpu'>, area: number): void {
  // a current vCPU stays where it is: its pCPU has not scheduled since, and will find it runnable
  if (ld(area + Sched.current) === v) return
  if (!vcpuRunnable(v)) return stopBlockedLocked(v)
  if (runstateLocked(v) !== RUNSTATE_RUNNABLE) runstateChangeLocked(v, RUNSTATE_RUNNABLE, nowNs())
  if (policyWake(area, v)) raiseSchedule(v)
}

// Unblocked while down: its time counts as offline from here on.
function stopBlockedLocked(v: Ref<'Vcpu'>): void {
  const state = stateOfStopped(v)
  if (state !== runstateLocked(v)) runstateChangeLocked(v, state, nowNs())
}

/** End the block of `v`, if it blocks. An event for it was made visible before (V1). */
export function vcpuUnblock(v: Ref<'Vcpu'>): void {
  // most are awake: a look is cheaper than a write to a line that others read
  if ((load(v + Vcpu.pauseFlags) & 1 << VPF_BLOCKED) === 0) return
  if (testAndClearBit(VPF_BLOCKED, v + Vcpu.pauseFlags) !== 0) vcpuWake(v)
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
  const flags = lockVcpu(v)
  sleepLocked(v, areaOf(v))
  unlockVcpu(v, flags)
  return 0
}

function sleepLocked(v: Ref<'Vcpu'>, area: number): void {
  if (vcpuRunnable(v)) return
  if (ld(area + Sched.current) === v) return raiseSchedule(v)
  policySleep(v)
  stopBlockedLocked(v)
}

/** Wait until a vCPU that was taken down runs nowhere. Context: not on its own pCPU while it is current, no lock held. */
export function vcpuAwaitStopped(v: Ref<'Vcpu'>): void {
  if (v === currentVcpu()) bug('a vCPU waits for itself to stop', 'LK-5')
  mightWaitFor(scheduleLockClass)
  awaitWord(v + Vcpu.isRunning, AWAIT_EQ, 0)
}

/** Tie a vCPU that is down to a pCPU. -EINVAL if that pCPU is not online, -EBUSY if the vCPU is up or still running. */
export function vcpuPin(v: Ref<'Vcpu'>, cpu: number): Errno {
  if (cpu < 0 || cpu >= cpuCount() || !cpuOnline(cpu)) return -EINVAL
  const flags = lockVcpu(v)
  const old = areaOf(v)
  const result = pinLocked(v, old, cpu)
  spinUnlockIrqrestore(old + Sched.lock, flags)
  return result
}

function pinLocked(v: Ref<'Vcpu'>, old: number, cpu: number): Errno {
  const isDown = (load(v + Vcpu.pauseFlags) & 1 << VPF_DOWN) !== 0
  if (!isDown || ld(old + Sched.current) === v || policyIsQueued(v)) return -EBUSY
  // whoever waits for the old lock looks at `processor` again
  store(v + Vcpu.processor, cpu)
  return 0
}

function raiseSchedule(v: Ref<'Vcpu'>): void {
  cpuRaiseSoftirq(load(v + Vcpu.processor), scheduleNr())
}

// ---- parts of a domain

const schedVcpuInitHandler = handler('schedVcpuInit', schedVcpuInit)
const schedVcpuDestroyHandler = handler('schedVcpuDestroy', schedVcpuDestroy)

function schedVcpuInit(v: Ref<'Vcpu'>): Errno {
  listInit(v + VCPU_SCHED + SchedVcpu.queueNode)
  runstateInit(v, RUNSTATE_OFFLINE, nowNs())
  store(v + Vcpu.processor, 0)
  return 0
}

function schedVcpuDestroy(v: Ref<'Vcpu'>): void {
  assert(load(v + Vcpu.isRunning) === 0, 'a vCPU is destroyed while it runs', 'DOM-2')
  assert(!policyIsQueued(v), 'a vCPU is destroyed while it waits to run', 'DOM-2')
}

// ---- boot

const scheduleHandler = handler('schedule', schedule)
const vcpuKickHandler = handler('vcpuKick', vcpuKicked)
const sliceOverHandler = handler('sliceOver', sliceOver)

/** VCPU_KICK softirq: empty. That it runs is its job: it forces a new look at what is pending (GV-8). */
function vcpuKicked(): void { /* GV-8 */ }

function sliceOver(): void {
  raiseSoftirq(scheduleNr())
}

/** Softirqs of the scheduler. */
export interface SchedConfig { readonly scheduleNr: SoftirqNr, readonly vcpuKickNr: SoftirqNr }

function scheduleNr(): SoftirqNr {
  return ld(SchedNumbers.base + SchedNumbers.scheduleSoftirq) as SoftirqNr
}

function vcpuKickNr(): SoftirqNr {
  return ld(SchedNumbers.base + SchedNumbers.vcpuKickSoftirq) as SoftirqNr
}

/** Called once by the boot CPU. */
export function setupSched(config: SchedConfig): void {
  checkRoom()
  st(SchedNumbers.base + SchedNumbers.scheduleSoftirq, config.scheduleNr)
  st(SchedNumbers.base + SchedNumbers.vcpuKickSoftirq, config.vcpuKickNr)
  openSoftirq(config.scheduleNr, scheduleHandler)
  openSoftirq(config.vcpuKickNr, vcpuKickHandler)
  registerDomainPart({ vcpuInit: schedVcpuInitHandler, vcpuDestroy: schedVcpuDestroyHandler })
}

/** Called once for each pCPU before it goes online: its idle vCPU runs, in the hypervisor. */
export function setupSchedCpu(cpu: number): void {
  const area = cpuArea(cpu, Sched)
  const idle = area + Sched.idle
  spinLockInit(area + Sched.lock, scheduleLockClass)
  listInit(area + Sched.queue)
  initTimer(area + Sched.sliceTimer, sliceOverHandler, 0, cpu)
  vcpuInit(idle, 0, cpu, 0)
  runstateInit(idle, RUNSTATE_RUNNING, nowNs())
  store(idle + Vcpu.processor, cpu)
  store(idle + Vcpu.isRunning, 1)
  st(area + Sched.current, idle)
  st(area + Sched.hypervisorDepth, 1)
}
