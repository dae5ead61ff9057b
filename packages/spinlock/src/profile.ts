// SPDX-License-Identifier: MIT
/**
 * The profile of a lock (LK-3): kept by its holders, so that it needs no atomics of its own.
 *
 * Its words stand in the lock: a profiled lock is slower than a plain one, most of all when its hold times are taken,
 * which reads the clock twice per acquisition.
 */
import { ld, ldTime, nowNs, st, stTime } from '@bottomhalf/machine'
import { HOLDS_TIMED, LockMeta, LockProfileWords as Words } from './meta.js'

/** What was measured of a lock. Times are 0 where they were not asked for. */
export interface LockProfile {
  readonly acquisitions: number
  /** Acquisitions that had to wait. */
  readonly contended: number
  readonly waitedNs: number
  readonly longestWaitNs: number
  readonly heldNs: number
  readonly longestHeldNs: number
}

/** The profile of the lock with that meta. At rest, or with the lock held. */
export function readProfile(meta: number): LockProfile {
  const words = meta + LockMeta.profile
  return {
    acquisitions: ld(words + Words.acquisitions) >>> 0,
    contended: ld(words + Words.contended) >>> 0,
    waitedNs: ldTime(words + Words.waitedNs),
    longestWaitNs: ldTime(words + Words.longestWaitNs),
    heldNs: ldTime(words + Words.heldNs),
    longestHeldNs: ldTime(words + Words.longestHeldNs),
  }
}

/** The lock was acquired after `waitedNs`; less than 0: at once. */
export function profileAcquired(meta: number, flags: number, waitedNs: number): void {
  const words = meta + LockMeta.profile
  st(words + Words.acquisitions, ld(words + Words.acquisitions) + 1)
  if (waitedNs >= 0) {
    st(words + Words.contended, ld(words + Words.contended) + 1)
    addTime(words + Words.waitedNs, words + Words.longestWaitNs, waitedNs)
  }
  if ((flags & HOLDS_TIMED) !== 0) stTime(words + Words.acquiredAtNs, nowNs())
}

/** The lock is about to be released. */
export function profileReleased(meta: number, flags: number): void {
  if ((flags & HOLDS_TIMED) === 0) return
  const words = meta + LockMeta.profile
  addTime(words + Words.heldNs, words + Words.longestHeldNs, nowNs() - ldTime(words + Words.acquiredAtNs))
}

function addTime(sum: number, longest: number, ns: number): void {
  stTime(sum, ldTime(sum) + ns)
  if (ns > ldTime(longest)) stTime(longest, ns)
}
