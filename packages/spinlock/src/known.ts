// SPDX-License-Identifier: MIT
/**
 * The spinlocks that were made while profiling was on, for reports and for the check that none is held at rest (I7).
 *
 * Contexts  listing: whoever makes a lock.  Reading: at rest.
 *
 * KN1  A lock's place is drawn atomically and filled by its maker alone; the list only grows. A lock whose memory was given
 *      back stays listed: its record's owner reads no list after that.
 */
import { fetchAdd, global, ld, load, st, word, words } from '@bottomhalf/machine'
import type { LockClass } from './lockClass.js'
import { classNameAt } from './lockClass.js'

/** Locks that the list holds; those beyond are counted only. */
const MAX_KNOWN = 2048

const Known = global('knownLocks', {
  // atomic:
  count: word,
  // written by the maker of the lock: address of the lock, address of its class
  locks: words(2 * MAX_KNOWN),
})

/** List a lock that is made. */
export function listLock(lock: number, lockClass: LockClass): void {
  const place = fetchAdd(Known.base + Known.count, 1)                  // KN1
  if (place >= MAX_KNOWN) return
  st(Known.base + Known.locks + 2 * place, lock)
  st(Known.base + Known.locks + 2 * place + 1, lockClass.area.base)
}

export interface KnownLock { readonly lock: number, readonly className: string }

/** All listed locks, in the order in which they were made. At rest. */
export function knownLocks(): KnownLock[] {
  const found: KnownLock[] = []
  for (let place = 0; place < Math.min(load(Known.base + Known.count), MAX_KNOWN); place++) {
    const entry = Known.base + Known.locks + 2 * place
    found.push({ lock: ld(entry), className: classNameAt(ld(entry + 1)) })
  }
  return found
}
