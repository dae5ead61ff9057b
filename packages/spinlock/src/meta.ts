// SPDX-License-Identifier: MIT
/**
 * What every lock carries beside its lock word: flags that say how it is taken, and words of checks and profile.
 *
 * A lock whose flags are one of the plain values takes the fast path; checks and profiling are bits more.
 */
import { bug } from '@bottomhalf/base'
import { debugChecks, embed, global, ld, st, stTime, struct, time, word } from '@bottomhalf/machine'
import { classIndex, type LockClass } from './lockClass.js'

/** Kinds of a spinlock. Test-and-set: unfair, the default on threads. Ticket: first come, first served. */
export const LOCK_TAS = 0
export const LOCK_TICKET = 1
export type LockKind = 0 | 1

/** What is measured (LK-3): nothing; acquisitions, contention and waits; the time held too (reads the clock twice). */
export const PROFILE_OFF = 0
export const PROFILE_WAITS = 1
export const PROFILE_HOLDS = 2
export type ProfileLevel = 0 | 1 | 2

/** Bits of `LockMeta.flags`. The class index stands above them. */
const INITIALISED = 1
export const TICKET = 2
export const PROFILED = 4
export const HOLDS_TIMED = 8
export const CHECKED = 16
export const BY_ADDRESS = 32
export const CLASS_SHIFT = 8
const ANY_FLAGS = (64 << CLASS_SHIFT) - 1

/** Flags of a lock without checks and profile. */
export const PLAIN_TAS = INITIALISED
export const PLAIN_TICKET = INITIALISED | TICKET

export const LockProfileWords = struct('LockProfile', {
  // the lock itself:
  acquisitions: word, contended: word,
  waitedNs: time, longestWaitNs: time, heldNs: time, longestHeldNs: time, acquiredAtNs: time,
})

export const LockMeta = struct('LockMeta', {
  // written at init, constant after; `lockClass`: the address of its class
  flags: word, lockClass: word,
  // atomic: how IF stood when the lock was taken first, see `lockdep.ts`
  irqUse: word,
  // atomic: written by the holder, read by whoever unlocks
  holder: word,
  profile: embed(LockProfileWords),
})

export const Spinlocks = global('spinlocks', {
  // written at boot, constant after:
  defaultKind: word, profileLevel: word, checksOff: word,
})

/** The kind of a lock that does not say its own. */
export function defaultLockKind(): LockKind {
  return ld(Spinlocks.base + Spinlocks.defaultKind) === LOCK_TICKET ? LOCK_TICKET : LOCK_TAS
}

/** Whether locks made now are checked (LK-2). */
export function lockChecks(): boolean {
  return debugChecks() && ld(Spinlocks.base + Spinlocks.checksOff) === 0
}

export function metaInit(meta: number, lockClass: LockClass, kind: LockKind): void {
  const level = ld(Spinlocks.base + Spinlocks.profileLevel)
  let flags = kind === LOCK_TICKET ? PLAIN_TICKET : PLAIN_TAS
  if (level !== PROFILE_OFF) flags |= PROFILED
  if (level === PROFILE_HOLDS) flags |= HOLDS_TIMED
  if (lockChecks()) flags |= CHECKED | (lockClass.byAddress ? BY_ADDRESS : 0) | classIndex(lockClass) << CLASS_SHIFT
  st(meta + LockMeta.flags, flags)
  st(meta + LockMeta.lockClass, lockClass.area.base)
  st(meta + LockMeta.irqUse, 0)
  st(meta + LockMeta.holder, 0)
  if (level !== PROFILE_OFF) clearProfile(meta + LockMeta.profile)
}

function clearProfile(profile: number): void {
  st(profile + LockProfileWords.acquisitions, 0)
  st(profile + LockProfileWords.contended, 0)
  stTime(profile + LockProfileWords.waitedNs, 0)
  stTime(profile + LockProfileWords.longestWaitNs, 0)
  stTime(profile + LockProfileWords.heldNs, 0)
  stTime(profile + LockProfileWords.longestHeldNs, 0)
}

/** A lock that was never made, or whose memory was given back, is a BUG on every path but the plain ones. */
export function checkMade(flags: number): void {
  if (!isMade(flags)) bug('a lock that was never initialised is used', 'LK-1')
}

export function isMade(flags: number): boolean {
  return (flags & INITIALISED) !== 0 && (flags & ~ANY_FLAGS) === 0
}
