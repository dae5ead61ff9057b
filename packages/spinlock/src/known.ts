// SPDX-License-Identifier: MIT
/**
 * The spinlocks that are profiled, for reports and for the check that none is held at rest (I7).
 *
 * Contexts  listing: whoever makes a lock.  Reading: at rest.
 *
 * KN1  A place in the list is drawn atomically and filled by the maker of the lock alone; the list only grows.
 * KN2  A lock whose memory was given back is left out as soon as the words there are no lock any more; one made again
 *      in the same place keeps its place in the list.
 */
import { bug } from '@bottomhalf/base'
import type { Ref } from '@bottomhalf/base'
import { fetchAdd, global, ld, load, st, store, word, xzalloc } from '@bottomhalf/machine'
import { classNameAt } from './lockClass.js'
import { isMade, LockMeta } from './meta.js'

/** Locks that the list holds; those beyond are not listed. */
const MAX_KNOWN = 2048

const Known = global('knownLocks', {
  // atomic; may exceed MAX_KNOWN
  count: word,
  // written at boot, constant after: address of MAX_KNOWN words, each written once, by the maker of the lock
  metas: word,
})

export interface KnownLock { readonly lock: Ref<'SpinLock'>, readonly className: string }

/** List a lock that is made; `meta`: its LockMeta. */
export function listLock(meta: number): void {
  if (isListed(meta)) return                                           // KN2
  const place = fetchAdd(Known.base + Known.count, 1)                  // KN1
  if (place < MAX_KNOWN) store(ld(Known.base + Known.metas) + place, meta)
}

/** All listed locks, in the order in which they were made. `metaOffset`: of the LockMeta in the lock. */
export function listedLocks(metaOffset: number): KnownLock[] {
  const found: KnownLock[] = []
  for (let place = 0; place < listed(); place++) {
    const meta = load(ld(Known.base + Known.metas) + place)
    const className = isMade(ld(meta + LockMeta.flags)) ? classNameAt(ld(meta + LockMeta.lockClass)) : ''
    if (className !== '') found.push({ lock: meta - metaOffset, className })
  }
  return found
}

function isListed(meta: number): boolean {
  for (let place = 0; place < listed(); place++) {
    if (load(ld(Known.base + Known.metas) + place) === meta) return true
  }
  return false
}

function listed(): number {
  return Math.min(load(Known.base + Known.count), MAX_KNOWN)
}

/** Make an empty list. Boot. */
export function setupKnownLocks(): void {
  if (ld(Known.base + Known.metas) !== 0) return
  const metas = xzalloc(MAX_KNOWN, 0)
  if (metas === 0) bug('no memory for the list of profiled locks')
  st(Known.base + Known.metas, metas)
}
