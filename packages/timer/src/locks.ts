// SPDX-License-Identifier: MIT
/**
 * The lock that guards a timer is that of its CPU, which may change until the lock is held.
 *
 * Contexts  any.
 * Locks     timers locks, IF = 0, pairs in order of CPU (LK-4).
 *
 * W5  A timer's `cpu` changes only under its own lock and the next one's.
 */
import { assert } from '@bottomhalf/base'
import { cpuArea, cpuCount, load } from '@bottomhalf/machine'
import { lockClass, spinLock, spinLockIrqsave, spinUnlock, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { Timer, Timers } from './state.js'
import type { TimerRef } from './state.js'

export const timersLockClass = lockClass('timers', { order: 'byAddress' })

/** What is awaited when a timer is killed: a timer's function (LK-5). */
export const timerRunClass = lockClass('timerRun')

export function timersLock(cpu: number): number {
  return cpuArea(cpu, Timers) + Timers.lock
}

/** Lock a timer wherever it is; returns flags for `unlockTimer`. */
export function lockTimer(t: TimerRef): number {
  for (;;) {
    const cpu = load(t + Timer.cpu)
    assert(cpu >= 0 && cpu < cpuCount(), 'a timer was never initialised', 'TM-1')
    const flags = spinLockIrqsave(timersLock(cpu))
    if (load(t + Timer.cpu) === cpu) return flags            // W5: it stays now
    spinUnlockIrqrestore(timersLock(cpu), flags)
  }
}

export function unlockTimer(t: TimerRef, flags: number): void {
  spinUnlockIrqrestore(timersLock(load(t + Timer.cpu)), flags)
}

/** Lock the heaps of two CPUs, which may be the same, lower id first. */
export function lockPair(a: number, b: number): number {
  const flags = spinLockIrqsave(timersLock(Math.min(a, b)))
  if (a !== b) spinLock(timersLock(Math.max(a, b)))
  return flags
}

export function unlockPair(a: number, b: number, flags: number): void {
  if (a !== b) spinUnlock(timersLock(Math.max(a, b)))
  spinUnlockIrqrestore(timersLock(Math.min(a, b)), flags)
}
