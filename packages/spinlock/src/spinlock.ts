// SPDX-License-Identifier: MIT
/**
 * Spinlocks: test-and-set or ticket, plain and interrupt forms, and a recursive form.
 *
 * @xen xen/common/spinlock.c
 * Contexts  plain forms: locks that no interrupt handler takes.  Irq forms: from IF = 1.  Irqsave forms: any.
 * Locks     this file is the locks; waiting is one operation (M2).
 *
 * S1  The lock word is changed by an atomic operation of exactly one taker, and given back by one atomic store.
 * S2  A ticket lock serves in the order in which the tickets were drawn (fair); a test-and-set lock promises no order.
 * S3  A try never waits and draws no ticket that is not served at once.
 * S4  LK-6: who waits for a test-and-set lock in an irq form waits with IF as it was; tickets are waited for with IF = 0.
 */
import { bug } from '@bottomhalf/base'
import type { Ref } from '@bottomhalf/base'
import {
  AWAIT_EQ, AWAIT_NE, awaitWord, cmpxchg, currentCpu, debugChecks, embed, fetchAdd, irqDisable, irqEnable, irqRestore,
  irqSave, irqsEnabled, ld, load, nowNs, st, store, struct, word,
} from '@bottomhalf/machine'
import { listedLocks, listLock, type KnownLock } from './known.js'
import type { LockClass } from './lockClass.js'
import { checkBeforeBarrier, checkBeforeTry, checkBeforeWait, noteAcquired, noteReleased } from './lockdep.js'
import {
  CHECKED, checkMade, defaultLockKind, LockMeta, metaInit, PLAIN_TAS, PLAIN_TICKET, PROFILED, TICKET, type LockKind,
} from './meta.js'
import { profileAcquired, profileReleased, readProfile, type LockProfile } from './profile.js'

export const SpinLock = struct('SpinLock', {
  // atomic. Test-and-set: 0 free, 1 held. Ticket: the next ticket to draw
  state: word,
  // atomic; ticket only, written by the holder: the ticket that is served
  serving: word,
  meta: embed(LockMeta),
  // recursive form only. Atomic: 0, or 2 + the CPU that holds the lock
  owner: word,
  // lock itself: how many times its owner took it
  depth: word,
})

type Lock = Ref<'SpinLock'>

// Module constants, so that the compiler folds them.
const STATE = SpinLock.state
const SERVING = SpinLock.serving
const FLAGS = SpinLock.meta + LockMeta.flags

/** `irqFlags` of a wait that leaves IF as it is. */
const AS_IT_IS = 0

/** Make a lock, free. `kind`: that of `setupSpinlocks` if left out. Before the lock is shared. */
export function spinLockInit(lock: Lock, lockClass: LockClass, kind?: LockKind): void {
  st(lock + STATE, 0)
  st(lock + SERVING, 0)
  st(lock + SpinLock.owner, 0)
  st(lock + SpinLock.depth, 0)
  metaInit(lock + SpinLock.meta, lockClass, kind === undefined ? defaultLockKind() : kind)
  if ((ld(lock + FLAGS) & PROFILED) !== 0) listLock(lock + SpinLock.meta)
}

// ---- taking

/** Take a lock that no interrupt handler takes. */
export function spinLock(lock: Lock): void {
  const flags = ld(lock + FLAGS)
  if (flags !== PLAIN_TAS) return takeOther(lock, flags, AS_IT_IS)
  if (cmpxchg(lock + STATE, 0, 1) !== 0) waitAndTake(lock)
}

function waitAndTake(lock: Lock): void {
  do awaitWord(lock + STATE, AWAIT_EQ, 0)
  while (cmpxchg(lock + STATE, 0, 1) !== 0)
}

/** Turn interrupts off, which were on, and take the lock. */
export function spinLockIrq(lock: Lock): void {
  if (debugChecks() && !irqsEnabled()) bug('spinLockIrq with IF = 0: its unlock would turn it on', 'LK-1')
  irqDisable()
  const flags = ld(lock + FLAGS)
  if (flags !== PLAIN_TAS) return takeOther(lock, flags, 1)
  while (cmpxchg(lock + STATE, 0, 1) !== 0) waitFree(lock, 1)
}

/** Turn interrupts off and take the lock; returns the flags for `spinUnlockIrqrestore`. */
export function spinLockIrqsave(lock: Lock): number {
  const irqFlags = irqSave()
  const flags = ld(lock + FLAGS)
  if (flags !== PLAIN_TAS) takeOther(lock, flags, irqFlags)
  else while (cmpxchg(lock + STATE, 0, 1) !== 0) waitFree(lock, irqFlags)
  return irqFlags
}

/** Take the lock if it is free; whether it was. */
export function spinTrylock(lock: Lock): boolean {
  const flags = ld(lock + FLAGS)
  if (flags !== PLAIN_TAS) return tryOther(lock, flags)
  return cmpxchg(lock + STATE, 0, 1) === 0
}

/** Turn interrupts off and take the lock if it is free; if not, IF is as it was. From IF = 1. */
export function spinTrylockIrq(lock: Lock): boolean {
  irqDisable()
  const taken = spinTrylock(lock)
  if (!taken) irqEnable()
  return taken
}

/** Turn interrupts off and take the lock if it is free: flags for `spinUnlockIrqrestore`. Not: -1, IF as it was. */
export function spinTrylockIrqsave(lock: Lock): number {
  const irqFlags = irqSave()
  if (spinTrylock(lock)) return irqFlags
  irqRestore(irqFlags)
  return -1
}

// ---- giving back

export function spinUnlock(lock: Lock): void {
  const flags = ld(lock + FLAGS)
  if (flags !== PLAIN_TAS) return releaseOther(lock, flags)
  store(lock + STATE, 0)
}

/** Give the lock back and turn interrupts on. */
export function spinUnlockIrq(lock: Lock): void {
  spinUnlock(lock)
  irqEnable()
}

/** Give the lock back and leave IF as `spinLockIrqsave` found it. */
export function spinUnlockIrqrestore(lock: Lock, irqFlags: number): void {
  spinUnlock(lock)
  irqRestore(irqFlags)
}

// ---- looking

/** Whether anybody holds the lock: a moment's value, for assertions. */
export function spinIsLocked(lock: Lock): boolean {
  if ((ld(lock + FLAGS) & TICKET) === 0) return load(lock + STATE) !== 0
  return load(lock + SERVING) !== load(lock + STATE)
}

/** Wait until whoever holds the lock now has given it back. Others may have taken it since. */
export function spinBarrier(lock: Lock): void {
  const flags = ld(lock + FLAGS)
  if ((flags & CHECKED) !== 0) checkBeforeBarrier(lock + SpinLock.meta, flags)
  if ((flags & TICKET) === 0) awaitWord(lock + STATE, AWAIT_EQ, 0)
  else awaitTurnEnd(lock)
}

function awaitTurnEnd(lock: Lock): void {
  const serving = load(lock + SERVING)
  if (load(lock + STATE) !== serving) awaitWord(lock + SERVING, AWAIT_NE, serving)
}

/** What was measured of the lock, if it was made while `setupSpinlocks` asked for a profile. At rest, or held. */
export function spinLockProfile(lock: Lock): LockProfile {
  return readProfile(lock + SpinLock.meta)
}

/** All spinlocks made while `setupSpinlocks` asked for a profile, with the names of their classes. At rest. */
export function knownLocks(): KnownLock[] {
  return listedLocks(SpinLock.meta)
}

// ---- the recursive form: the CPU that holds the lock may take it again

/** Take the lock, or take it once more. IRQ-unsafe, as `spinLock`. */
export function spinLockRecursive(lock: Lock): void {
  const me = currentCpu() + 2
  if (load(lock + SpinLock.owner) !== me) {
    spinLock(lock)
    store(lock + SpinLock.owner, me)
  }
  st(lock + SpinLock.depth, ld(lock + SpinLock.depth) + 1)
}

/** `spinLockRecursive` if the lock is free or this CPU's own; whether it was. */
export function spinTrylockRecursive(lock: Lock): boolean {
  const me = currentCpu() + 2
  if (load(lock + SpinLock.owner) !== me) {
    if (!spinTrylock(lock)) return false
    store(lock + SpinLock.owner, me)
  }
  st(lock + SpinLock.depth, ld(lock + SpinLock.depth) + 1)
  return true
}

/** Give one taking back; the last one frees the lock. */
export function spinUnlockRecursive(lock: Lock): void {
  if (debugChecks() && load(lock + SpinLock.owner) !== currentCpu() + 2) {
    bug('a recursive lock is released by another CPU than its owner', 'LK-2')
  }
  const depth = ld(lock + SpinLock.depth) - 1
  st(lock + SpinLock.depth, depth)
  if (depth > 0) return
  store(lock + SpinLock.owner, 0)
  spinUnlock(lock)
}

// ---- ticket locks, and locks with checks or profile

function takeOther(lock: Lock, flags: number, irqFlags: number): void {
  if (flags === PLAIN_TICKET) return takeTicket(lock)
  checkMade(flags)
  const meta = lock + SpinLock.meta
  if ((flags & CHECKED) !== 0) checkBeforeWait(meta, flags)
  const waitedNs = takeTimed(lock, flags, irqFlags)
  if ((flags & CHECKED) !== 0) noteAcquired(meta, flags, true)
  if ((flags & PROFILED) !== 0) profileAcquired(meta, flags, waitedNs)
}

function tryOther(lock: Lock, flags: number): boolean {
  checkMade(flags)
  const meta = lock + SpinLock.meta
  if ((flags & CHECKED) !== 0) checkBeforeTry(meta)
  if (!takeIfFree(lock, flags)) return false
  if ((flags & CHECKED) !== 0) noteAcquired(meta, flags, true)
  if ((flags & PROFILED) !== 0) profileAcquired(meta, flags, -1)
  return true
}

function releaseOther(lock: Lock, flags: number): void {
  if (flags === PLAIN_TICKET) return serveNext(lock)
  checkMade(flags)
  const meta = lock + SpinLock.meta
  if ((flags & PROFILED) !== 0) profileReleased(meta, flags)
  if ((flags & CHECKED) !== 0) noteReleased(meta, true)
  if ((flags & TICKET) === 0) store(lock + STATE, 0)
  else serveNext(lock)
}

/** Take the lock; returns how long that took in ns, -1 if it was free. */
function takeTimed(lock: Lock, flags: number, irqFlags: number): number {
  if (takeIfFree(lock, flags)) return -1
  const startNs = nowNs()
  if ((flags & TICKET) !== 0) takeTicket(lock)
  else while (cmpxchg(lock + STATE, 0, 1) !== 0) waitFree(lock, irqFlags)
  return nowNs() - startNs
}

function takeIfFree(lock: Lock, flags: number): boolean {
  if ((flags & TICKET) === 0) return cmpxchg(lock + STATE, 0, 1) === 0
  // S3: the next ticket is the one that is served, or nothing is drawn
  const serving = load(lock + SERVING)
  return cmpxchg(lock + STATE, serving, (serving + 1) | 0) === serving
}

function takeTicket(lock: Lock): void {
  const ticket = fetchAdd(lock + STATE, 1)                                 // S2
  awaitWord(lock + SERVING, AWAIT_EQ, ticket)
}

// S1: the holder alone writes it
function serveNext(lock: Lock): void {
  store(lock + SERVING, (load(lock + SERVING) + 1) | 0)
}

/** S4: wait with IF as it was, and return with IF = 0 if it was turned off. */
function waitFree(lock: Lock, irqFlags: number): void {
  if (irqFlags !== 0) irqEnable()
  awaitWord(lock + STATE, AWAIT_EQ, 0)
  if (irqFlags !== 0) irqDisable()
}
