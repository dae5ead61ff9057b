// SPDX-License-Identifier: MIT
/**
 * Read-copy-update: what readers may still look at is freed only when every CPU has been seen outside of read sections.
 *
 *     callRcu -> fresh --(no batch waits)--> waiting for grace period n --(n has ended)--> ready -> called, 10 a turn
 *
 * A grace period raises the RCU softirq on every CPU that is online and not asleep; the softirq runs at the start of a
 * turn of the softirq loop, and outside read sections that is the quiescent point (TM-4).
 *
 * @xen xen/common/rcupdate.c
 * Contexts  callRcu, read sections: any.  rcuAction, callbacks: softirq, IF = 1.
 * Locks     the rcu lock guards the grace period; a CPU's queues are its own.  None while a callback runs.
 *
 * R1  A batch waits for a grace period that starts after its last callback was queued: never for one that runs.
 * R2  A CPU leaves `holdouts` only in its own softirq outside read sections, or when it is dead.
 * R3  A CPU asleep is not waited for: `idle` is cleared before its first read section, and a period that found it set
 *     began before that section.
 * R4  The softirq inside a read section does nothing but ask to come again at the section's end.
 * R5  The callbacks that one CPU was given are called in that order, one after the other.
 *
 * TM-4.
 */
import { bug } from '@bottomhalf/base'
import {
  callHandler, currentCpu, ld, load, irqRestore, irqSave, st, store, thisCpu, cpuArea,
} from '@bottomhalf/machine'
import {
  maskClear, maskCopy, maskEmpty, maskFirst, maskNext, maskSet, maskTest, maskTestAndClear, maskZero,
} from '@bottomhalf/cpu'
import { cpumaskRaiseSoftirq, raiseSoftirq } from '@bottomhalf/softirq'
import { beginAwaited, endAwaited, lockClass, spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { queueAdd, queueEmpty, queueMove, queueTake } from './queue.js'
import { Rcu, RcuGlobals, RcuHead } from './state.js'
import type { SoftirqNr } from '@bottomhalf/base'
import type { HandlerRef } from '@bottomhalf/machine'
import type { RcuHeadRef } from './state.js'

/** What is awaited by a barrier, and by whoever waits for callbacks: read sections, and callbacks (LK-5). */
export const rcuReaderClass = lockClass('rcuReader')
export const rcuCallbackClass = lockClass('rcuCallback')

/** Callbacks that one turn of the softirq calls. */
export const RCU_BATCH = 10

/** Begin a read section: what is found inside stays until its end. Sections nest; no section sleeps. */
export function rcuReadLock(): void {
  const mine = thisCpu(Rcu)
  st(mine + Rcu.readDepth, ld(mine + Rcu.readDepth) + 1)
  if (load(mine + Rcu.idle) !== 0) store(mine + Rcu.idle, 0)   // R3: an interrupt that ends a sleep may read
  beginAwaited(rcuReaderClass)
}

export function rcuReadUnlock(): void {
  const mine = thisCpu(Rcu)
  const depth = ld(mine + Rcu.readDepth) - 1
  if (depth < 0) bug('a read section ends that never began', 'TM-4')
  endAwaited(rcuReaderClass)
  st(mine + Rcu.readDepth, depth)
  if (depth === 0 && ld(mine + Rcu.deferred) !== 0) comeAgain(mine)
}

function comeAgain(mine: number): void {
  st(mine + Rcu.deferred, 0)                                 // R4
  raiseSoftirq(softirqNr())
}

/** Whether this CPU is in a read section. */
export function rcuInReadSection(): boolean {
  return ld(thisCpu(Rcu) + Rcu.readDepth) !== 0
}

/**
 * Call `fn(head)` on this CPU, in softirq context, when no read section that is open now can be. `head` belongs to RCU
 * until then.
 */
export function callRcu(head: RcuHeadRef, fn: HandlerRef): void {
  const fresh = thisCpu(Rcu) + Rcu.fresh
  st(head + RcuHead.fn, fn.id)
  const flags = irqSave()
  queueAdd(fresh, head)
  irqRestore(flags)
  raiseSoftirq(softirqNr())
}

/** This CPU is about to sleep and opens no read section before `rcuIdleExit`, but for interrupts: not waited for (R3). */
export function rcuIdleEnter(): void {
  const mine = thisCpu(Rcu)
  if (ld(mine + Rcu.readDepth) !== 0) bug('a CPU sleeps in a read section', 'TM-4')
  store(mine + Rcu.idle, 1)
}

export function rcuIdleExit(): void {
  store(thisCpu(Rcu) + Rcu.idle, 0)
}

/** The RCU softirq. */
export function rcuAction(): void {
  const mine = thisCpu(Rcu)
  if (ld(mine + Rcu.readDepth) !== 0) return st(mine + Rcu.deferred, 1)   // R4
  passQuiescentPoint(currentCpu())
  harvest(mine)
  if (queueEmpty(mine + Rcu.waiting)) sow(mine)
  harvest(mine)
  callReady(mine)
}

/** This CPU reads nothing: the grace period need not wait for it any longer, and may end. */
function passQuiescentPoint(cpu: number): void {
  const holdouts = RcuGlobals.base + RcuGlobals.holdouts
  if (!maskTest(holdouts, cpu)) return
  spinLock(RcuGlobals.base + RcuGlobals.lock)
  leaveLocked(cpu)                                           // R2
  spinUnlock(RcuGlobals.base + RcuGlobals.lock)
}

/** Take a CPU off the holdouts; the last one ends the period. */
export function leaveLocked(cpu: number): void {
  const holdouts = RcuGlobals.base + RcuGlobals.holdouts
  if (maskTestAndClear(holdouts, cpu) && maskEmpty(holdouts)) endPeriodLocked()
}

/** If the period that the waiting batch waits for has ended, its callbacks are ready. */
function harvest(mine: number): void {
  if (queueEmpty(mine + Rcu.waiting)) return
  if (before(load(RcuGlobals.base + RcuGlobals.completed), ld(mine + Rcu.awaited))) return
  queueMove(mine + Rcu.waiting, mine + Rcu.ready)
}

/** Make the fresh callbacks the waiting batch and ask for a grace period. */
function sow(mine: number): void {
  const flags = irqSave()
  queueMove(mine + Rcu.fresh, mine + Rcu.waiting)
  irqRestore(flags)
  if (queueEmpty(mine + Rcu.waiting)) return
  spinLock(RcuGlobals.base + RcuGlobals.lock)
  st(mine + Rcu.awaited, ld(RcuGlobals.base + RcuGlobals.started) + 1 | 0)   // R1
  maskSet(RcuGlobals.base + RcuGlobals.wanting, currentCpu())
  if (maskEmpty(RcuGlobals.base + RcuGlobals.holdouts)) startPeriodLocked()
  spinUnlock(RcuGlobals.base + RcuGlobals.lock)
}

/** Start the next grace period, which ends at once if all other CPUs sleep. This CPU is in no read section. */
function startPeriodLocked(): void {
  const holdouts = RcuGlobals.base + RcuGlobals.holdouts
  st(RcuGlobals.base + RcuGlobals.started, ld(RcuGlobals.base + RcuGlobals.started) + 1 | 0)
  maskCopy(RcuGlobals.base + RcuGlobals.audience, RcuGlobals.base + RcuGlobals.wanting)
  maskZero(RcuGlobals.base + RcuGlobals.wanting)
  maskCopy(holdouts, RcuGlobals.base + RcuGlobals.readers)
  maskClear(holdouts, currentCpu())
  for (let cpu = maskFirst(holdouts); cpu >= 0; cpu = maskNext(holdouts, cpu)) {
    if (load(cpuArea(cpu, Rcu) + Rcu.idle) !== 0) maskClear(holdouts, cpu)   // R3
  }
  if (maskEmpty(holdouts)) endPeriodLocked()
  else cpumaskRaiseSoftirq(holdouts, softirqNr())
}

/** The running period has ended: tell who waits for it, and start the next if one is wanted. */
function endPeriodLocked(): void {
  store(RcuGlobals.base + RcuGlobals.completed, ld(RcuGlobals.base + RcuGlobals.started))
  cpumaskRaiseSoftirq(RcuGlobals.base + RcuGlobals.audience, softirqNr())
  if (!maskEmpty(RcuGlobals.base + RcuGlobals.wanting)) startPeriodLocked()
}

/**
 * Call what is ready, a batch at most, and come back for the rest. A callback may serve softirqs: what comes here then
 * leaves the rest to the batch outside, so that callbacks end in the order in which they began (R5).
 */
function callReady(mine: number): void {
  if (ld(mine + Rcu.calling) !== 0) return                   // R5
  st(mine + Rcu.calling, 1)
  for (let called = 0; called < RCU_BATCH; called++) {
    const head = queueTake(mine + Rcu.ready)
    if (head === 0) break
    beginAwaited(rcuCallbackClass)
    callHandler(ld(head + RcuHead.fn), head)
    endAwaited(rcuCallbackClass)
  }
  st(mine + Rcu.calling, 0)
  if (!queueEmpty(mine + Rcu.ready)) raiseSoftirq(softirqNr())
}

/** Whether grace period `a` came before `b`; numbers wrap. */
function before(a: number, b: number): boolean {
  return (a - b | 0) < 0
}

export function softirqNr(): SoftirqNr {
  return ld(RcuGlobals.base + RcuGlobals.softirqNr) as SoftirqNr
}
