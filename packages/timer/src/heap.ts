// SPDX-License-Identifier: MIT
/**
 * A heap of timers by deadline: a pairing heap, its links in the timers themselves.
 *
 *        root                child: the first of a node's children
 *         |                  sibling: the next child of the same parent
 *         a -- b -- c        previous: the sibling before, or the parent of a first child
 *              |
 *              d -- e
 *
 * Adding never fails, because nothing is allocated. Adding costs a constant; removing costs O(log n) over many removals,
 * one may cost O(n).
 *
 * Contexts  any.
 * Locks     the lock of the heap, held by the caller; every access is plain.
 *
 * P1  No child expires before its parent, so the root is the earliest.
 * P2  The root has neither sibling nor previous.
 */
import { ld, ldTime, st } from '@bottomhalf/machine'
import { Timer } from './state.js'
import type { TimerRef } from './state.js'

/** Add a timer whose deadline is set; returns the root. */
export function heapInsert(root: TimerRef, t: TimerRef): TimerRef {
  st(t + Timer.child, 0)
  st(t + Timer.sibling, 0)
  st(t + Timer.previous, 0)
  return root === 0 ? t : meld(root, t)
}

/** Take a timer out; returns the root, 0 if it was the last. */
export function heapRemove(root: TimerRef, t: TimerRef): TimerRef {
  const orphans = mergeChildren(ld(t + Timer.child))
  if (root === t) return orphans
  cut(t)
  return orphans === 0 ? root : meld(root, orphans)
}

/** Join two heaps; of equal deadlines the first stays above. */
function meld(a: TimerRef, b: TimerRef): TimerRef {
  if (ldTime(b + Timer.expiresNs) < ldTime(a + Timer.expiresNs)) return adopt(b, a)
  return adopt(a, b)
}

/** Make `child` the first child of `parent`; returns `parent`. */
function adopt(parent: TimerRef, child: TimerRef): TimerRef {
  const first = ld(parent + Timer.child)
  st(child + Timer.sibling, first)
  if (first !== 0) st(first + Timer.previous, child)
  st(child + Timer.previous, parent)
  st(parent + Timer.child, child)
  return parent                                              // P1: the caller compared
}

/** Unlink a timer that is not the root from parent and siblings. */
function cut(t: TimerRef): void {
  const previous = ld(t + Timer.previous)
  const sibling = ld(t + Timer.sibling)
  if (ld(previous + Timer.child) === t) st(previous + Timer.child, sibling)
  else st(previous + Timer.sibling, sibling)
  if (sibling !== 0) st(sibling + Timer.previous, previous)
}

/** Make one heap of children that lost their parent: join neighbours in pairs, then the pairs from the last. */
function mergeChildren(first: TimerRef): TimerRef {
  let pairs = 0
  for (let a = first; a !== 0;) {
    const b = ld(a + Timer.sibling)
    const next = b === 0 ? 0 : ld(b + Timer.sibling)
    const pair = b === 0 ? a : meld(a, b)
    st(pair + Timer.sibling, pairs)
    pairs = pair
    a = next
  }
  return mergePairs(pairs)
}

function mergePairs(pairs: TimerRef): TimerRef {
  let root = 0
  for (let at = pairs; at !== 0;) {
    const next = ld(at + Timer.sibling)
    root = root === 0 ? at : meld(root, at)
    at = next
  }
  return root === 0 ? 0 : orphan(root)
}

function orphan(root: TimerRef): TimerRef {
  st(root + Timer.sibling, 0)                                // P2
  st(root + Timer.previous, 0)
  return root
}
