// SPDX-License-Identifier: MIT
/**
 * Timers: a function to be called at a time, on a CPU. Per CPU a heap of deadlines, served by the timer softirq.
 *
 * @xen xen/common/timer.c
 * Contexts  initTimer, setTimer, stopTimer, migrateTimer, timerIsActive: any CPU, any context.  killTimer: outside
 *           interrupts, no lock held that the timer's function takes.  A timer's function: softirq, IF = 1.
 * Locks     the timers lock of the timer's CPU; two of them in order of CPU.  None while a function runs.
 *
 * W1  A timer is in a heap while it is ACTIVE and at no other time, and in that of `cpu`.
 * W2  A due timer is INACTIVE before its function runs, so that the function may set it again.
 * W3  `running` is set under the lock that made the timer INACTIVE: whoever finds a killed timer in no heap finds it
 *     running, or it runs no more.
 * W4  The CPU's deadline is never later than its earliest timer and the slop: who makes a timer the earliest sees to it.
 *
 * TM-1, TM-2.
 */
import { assert, bug } from '@bottomhalf/base'
import {
  AWAIT_NE, awaitWord, callHandler, cpuArea, cpuCount, currentCpu, inIrq, ld, ldTime, load, nowNs, setDeadline, st,
  store, stTime, thisCpu,
} from '@bottomhalf/machine'
import { cpuRaiseSoftirq, raiseSoftirq } from '@bottomhalf/softirq'
import { beginAwaited, endAwaited, mightWaitFor, spinLockIrq, spinUnlockIrq } from '@bottomhalf/spinlock'
import { heapInsert, heapRemove } from './heap.js'
import { lockPair, lockTimer, timerRunClass, unlockPair, unlockTimer } from './locks.js'
import { Timer, TIMER_ACTIVE, TIMER_INACTIVE, TIMER_KILLED, TimerGlobals, Timers } from './state.js'
import type { SoftirqNr } from '@bottomhalf/base'
import type { HandlerRef } from '@bottomhalf/machine'
import type { TimerRef } from './state.js'

/** A CPU asks for its next interrupt no sooner than this, so that timers close together share one. */
export const TIMER_SLOP_NS = 50_000

/** Make a timer that calls `action(data)` on `cpu`. Its memory belongs to no timer, or to a killed one. */
export function initTimer(t: TimerRef, action: HandlerRef, data: number, cpu: number): void {
  assert(cpu >= 0 && cpu < cpuCount(), 'a timer is made on no CPU', 'TM-1')
  st(t + Timer.handler, action.id)
  st(t + Timer.data, data)
  st(t + Timer.status, TIMER_INACTIVE)
  store(t + Timer.cpu, cpu)
}

/**
 * Call the timer's function at `expiresNs` since boot, or as soon as may be. An active timer moves; a killed one stays
 * silent. A timer whose CPU has gone moves to this CPU.
 */
export function setTimer(t: TimerRef, expiresNs: number): void {
  const flags = lockTimer(t)
  const cpu = load(t + Timer.cpu)
  const stranded = ld(cpuArea(cpu, Timers) + Timers.accepting) === 0
  if (!stranded) setLocked(t, cpu, expiresNs)
  unlockTimer(t, flags)
  if (stranded) setStranded(t, expiresNs)
}

function setStranded(t: TimerRef, expiresNs: number): void {
  migrateTimer(t, currentCpu())
  setTimer(t, expiresNs)
}

function setLocked(t: TimerRef, cpu: number, expiresNs: number): void {
  const status = statusOf(t)
  if (status === TIMER_KILLED) return
  if (status === TIMER_ACTIVE) removeLocked(t, cpu)
  stTime(t + Timer.expiresNs, expiresNs)
  insertLocked(t, cpu)
}

/** Take back what `setTimer` asked for. The function may be running meanwhile, and it may set the timer again. */
export function stopTimer(t: TimerRef): void {
  const flags = lockTimer(t)
  if (statusOf(t) === TIMER_ACTIVE) deactivateLocked(t)
  unlockTimer(t, flags)
}

/** Whether the timer's function is yet to be called. Old already, unless the caller keeps others from the timer. */
export function timerIsActive(t: TimerRef): boolean {
  const flags = lockTimer(t)
  const active = statusOf(t) === TIMER_ACTIVE
  unlockTimer(t, flags)
  return active
}

/** Let another CPU call the timer's function from now on; a CPU that is not there stands for this one. */
export function migrateTimer(t: TimerRef, cpu: number): void {
  let target = cpu
  for (let done = false; !done;) {
    const from = load(t + Timer.cpu)
    const flags = lockPair(from, target)
    const open = ld(cpuArea(target, Timers) + Timers.accepting) !== 0
    done = open && load(t + Timer.cpu) === from
    if (done) moveLocked(t, from, target)
    unlockPair(from, target, flags)
    if (!open) target = currentCpu()
  }
}

/** Both timers locks held. */
export function moveLocked(t: TimerRef, from: number, to: number): void {
  const active = statusOf(t) === TIMER_ACTIVE
  if (active) removeLocked(t, from)
  store(t + Timer.cpu, to)
  if (active) insertLocked(t, to)
}

/**
 * Let the timer's function never be called again; returns when no CPU runs it, and the timer may be freed or initialised
 * anew. Obeys LK-5. A BUG from under its own function, which would never end.
 */
export function killTimer(t: TimerRef): void {
  if (inIrq()) bug('a timer is killed in an interrupt', 'LK-5')
  if (load(thisCpu(Timers) + Timers.running) === t) bug('a timer is killed from under its own function', 'TM-1')
  mightWaitFor(timerRunClass)
  const flags = lockTimer(t)
  if (statusOf(t) === TIMER_ACTIVE) deactivateLocked(t)
  st(t + Timer.status, TIMER_KILLED)
  unlockTimer(t, flags)
  // W3: it may have moved while it ran, so its own CPU is not the only one to look at
  for (let cpu = 0; cpu < cpuCount(); cpu++) awaitWord(cpuArea(cpu, Timers) + Timers.running, AWAIT_NE, t)
}

/**
 * The timer softirq: call what is due, then ask for the interrupt of the next. Within a timer's function (which may
 * serve softirqs) it does nothing: the run outside goes on with whatever is due.
 */
export function timerAction(): void {
  const mine = thisCpu(Timers)
  if (load(mine + Timers.running) !== 0) return              // W3: one word, one timer
  const now = nowNs()
  spinLockIrq(mine + Timers.lock)
  for (let t = dueLocked(mine, now); t !== 0; t = dueLocked(mine, now)) runLocked(mine, t)
  programLocked(mine)
  spinUnlockIrq(mine + Timers.lock)
}

/** The earliest timer if it is due, else 0. */
function dueLocked(mine: number, now: number): TimerRef {
  const root = ld(mine + Timers.root)
  return root !== 0 && ldTime(root + Timer.expiresNs) <= now ? root : 0
}

function runLocked(mine: number, t: TimerRef): void {
  deactivateLocked(t)                                        // W2
  store(mine + Timers.running, t)                            // W3
  const action = ld(t + Timer.handler)
  const data = ld(t + Timer.data)
  spinUnlockIrq(mine + Timers.lock)
  beginAwaited(timerRunClass)
  callHandler(action, data)
  endAwaited(timerRunClass)
  spinLockIrq(mine + Timers.lock)
  store(mine + Timers.running, 0)
}

/** Ask for this CPU's interrupt at its earliest deadline, which may have passed, but give the slop its time (W4). */
function programLocked(mine: number): void {
  const root = ld(mine + Timers.root)
  if (root === 0) setDeadline(0)
  else setDeadline(Math.max(ldTime(root + Timer.expiresNs), nowNs() + TIMER_SLOP_NS))
}

function insertLocked(t: TimerRef, cpu: number): void {
  const theirs = cpuArea(cpu, Timers)
  const root = heapInsert(ld(theirs + Timers.root), t)
  st(theirs + Timers.root, root)
  st(t + Timer.status, TIMER_ACTIVE)                         // W1
  if (root === t) becameEarliest(t, cpu)
}

/** See to it that the CPU looks in time (W4). */
function becameEarliest(t: TimerRef, cpu: number): void {
  if (cpu !== currentCpu()) return cpuRaiseSoftirq(cpu, softirqNr())   // W4
  const expiresNs = ldTime(t + Timer.expiresNs)
  const now = nowNs()
  if (expiresNs <= now) raiseSoftirq(softirqNr())
  else setDeadline(Math.max(expiresNs, now + TIMER_SLOP_NS))
}

function removeLocked(t: TimerRef, cpu: number): void {
  const theirs = cpuArea(cpu, Timers)
  st(theirs + Timers.root, heapRemove(ld(theirs + Timers.root), t))
}

function deactivateLocked(t: TimerRef): void {
  removeLocked(t, load(t + Timer.cpu))
  st(t + Timer.status, TIMER_INACTIVE)                       // W1
}

function statusOf(t: TimerRef): number {
  const status = ld(t + Timer.status)
  if (status < TIMER_INACTIVE || status > TIMER_KILLED) bug('a timer was never initialised', 'TM-1')
  return status
}

function softirqNr(): SoftirqNr {
  return ld(TimerGlobals.base + TimerGlobals.softirqNr) as SoftirqNr
}
