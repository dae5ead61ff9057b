// SPDX-License-Identifier: MIT
/**
 * A sparse index: a radix tree from a number to a word that is not 0, with "next n from k" lookup.
 *
 *     index.root -> node(shift 5) -> node(shift 0) -> value        key = ... | 5 bits | 5 bits
 *
 * A node of shift s covers keys below 2^(s+5); the slot of a key in it is (key >> s) & 31.
 *
 * @xen xen/common/radix-tree.c
 * Contexts  any.
 * Locks     writers: one at a time, under the caller's lock.  Readers: none, if nodes are freed through RCU
 *           (`sparseInitDeferred`); a reader then runs inside a read section.
 *
 * X1  A node is complete before one atomic store makes it reachable; `shift` never changes after that.
 * X2  A failed insert leaves the index and the heap as they were: nodes are allocated first, linked last.
 * X3  A node is unreachable from the root before it is handed to be freed.
 */
import { EEXIST, EINVAL, ENOMEM } from '@bottomhalf/base'
import type { Errno, Ref } from '@bottomhalf/base'
import { callHandler, handlerId, ld, load, ref, st, store, struct, word, words, xfree, xzalloc } from '@bottomhalf/machine'
import type { HandlerRef, Susp } from '@bottomhalf/machine'

const SLOT_BITS = 5
const SLOTS = 1 << SLOT_BITS

/** The largest key of an index. */
export const SPARSE_MAX_KEY = (1 << 30) - 1

export const SparseIndex = struct('SparseIndex', {
  // written under the writers' lock, read without it:
  root: ref('SparseNode'),
  // written at init, constant after:
  freeNode: handlerId,
})

export const SparseNode = struct('SparseNode', {
  // of whoever frees the node, first in it: for instance an `RcuHead`
  deferred: words(8),
  // writers' lock:
  parent: ref('SparseNode'), used: word,
  // written before the node is reachable, constant after:
  shift: word,
  // written under the writers' lock, read without it:
  slots: words(SLOTS),
})

type Index = Ref<'SparseIndex'>
type Node = Ref<'SparseNode'>

/** What a walk calls for each pair; true ends the walk. */
export type SparseVisitor = Susp<(key: number, value: number) => boolean> | Susp<(key: number, value: number) => void>

/** Make an empty index whose nodes are freed at once: readers hold the writers' lock too. */
export function sparseInit(index: Index): void {
  initialise(index, 0)
}

/**
 * Make an empty index whose nodes are given to `freeNode` (argument: the node), which frees them by `xfree` when no
 * reader can be inside any more. `deferred`, at the start of the node, is its to use.
 */
export function sparseInitDeferred(index: Index, freeNode: HandlerRef): void {
  initialise(index, freeNode.id)
}

function initialise(index: Index, freeNode: number): void {
  store(index + SparseIndex.root, 0)
  st(index + SparseIndex.freeNode, freeNode)
}

// ---- readers

/** The value of `key`; 0 if it has none. */
export function sparseLookup(index: Index, key: number): number {
  let node = load(index + SparseIndex.root)
  if (node === 0) return 0
  let shift = ld(node + SparseNode.shift)
  if (key >>> shift >= SLOTS) return 0
  for (; shift > 0; shift -= SLOT_BITS) {
    node = load(slotOf(node, key, shift))
    if (node === 0) return 0
  }
  return load(slotOf(node, key, 0))
}

/**
 * Write up to `max` pairs (key, value) at `out`, in order of key, from the first key that is not below `from`. Returns
 * their number; fewer than `max` means: there are no more. Without the lock a key that comes or goes meanwhile may be
 * in or not; one that stays is in.
 */
export function sparseNextBatch(index: Index, from: number, max: number, out: number): number {
  let count = 0
  sparseForEach(index, from, (key, value) => {
    st(out + 2 * count, key)
    st(out + 2 * count + 1, value)
    count++
    return count === max
  })
  return count
}

/** The first key from `from` on that has a value; -1 if none. */
export function sparseNext(index: Index, from: number): number {
  return sparseForEach(index, from, () => true)
}

/**
 * Call `fn` for each pair in order of key, from the first key that is not below `from`, until it returns true. Returns
 * the key it stopped at, or -1. `fn` may take the key it was given out of an index whose nodes are freed through RCU.
 */
export function sparseForEach(index: Index, from: number, fn: SparseVisitor): number {
  let key = from < 0 ? 0 : from
  for (;;) {
    let node = load(index + SparseIndex.root)
    if (node === 0 || key > SPARSE_MAX_KEY) return -1
    let shift = ld(node + SparseNode.shift)
    if (key >>> shift >= SLOTS) return -1
    // down towards `key`; an empty slot moves it to the next one's beginning, the end of a node sends it to the root
    for (;;) {
      const found = load(slotOf(node, key, shift))
      if (found !== 0 && shift > 0) {
        node = found
        shift -= SLOT_BITS
        continue
      }
      if (found !== 0 && fn(key, found) === true) return key
      key = ((key >>> shift) + 1) << shift
      if ((key >>> shift & (SLOTS - 1)) === 0) break
    }
  }
}

export function sparseIsEmpty(index: Index): boolean {
  return load(index + SparseIndex.root) === 0
}

// ---- writers: the caller's lock is held

/** Give `key` a value that is not 0. -EINVAL: key or value out of range; -EEXIST: it has one; -ENOMEM: unchanged. */
export function sparseInsert(index: Index, key: number, value: number): Errno {
  if (key < 0 || key > SPARSE_MAX_KEY || value === 0) return -EINVAL
  const root = load(index + SparseIndex.root)
  if (root === 0) return plantRoot(index, key, value)
  const shift = ld(root + SparseNode.shift)
  if (key >>> shift >= SLOTS) return raiseRoot(index, root, key, value)
  return insertBelow(root, shift, key, value)
}

/** Take the value of `key` away and return it; 0 if it had none. Nodes that became empty are freed (X3). */
export function sparseDelete(index: Index, key: number): number {
  let node = load(index + SparseIndex.root)
  if (node === 0) return 0
  let shift = ld(node + SparseNode.shift)
  if (key >>> shift >= SLOTS) return 0
  for (; shift > 0; shift -= SLOT_BITS) {
    node = load(slotOf(node, key, shift))
    if (node === 0) return 0
  }
  const old = load(slotOf(node, key, 0))
  if (old === 0) return 0
  emptySlot(index, node, key, 0)
  lowerRoot(index)
  return old
}

/** Take every value away, in order of key, and give each to `fn`. */
export function sparseDestroy(index: Index, fn: Susp<(key: number, value: number) => void>): void {
  for (let key = sparseNext(index, 0); key >= 0; key = sparseNext(index, key)) {
    const value = sparseDelete(index, key)
    fn(key, value)
  }
}

// ---- growing

function plantRoot(index: Index, key: number, value: number): Errno {
  const root = branch(key, shiftFor(key), 0, value)
  if (root === 0) return -ENOMEM
  store(index + SparseIndex.root, root)          // X1
  return 0
}

// Put the old root under a new one that covers `key`: at its slot 0, through as many nodes as the new one is higher.
function raiseRoot(index: Index, old: Node, key: number, value: number): Errno {
  const oldShift = ld(old + SparseNode.shift)
  const shift = shiftFor(key)
  const left = branch(0, shift - SLOT_BITS, oldShift + SLOT_BITS, old)
  if (left === 0) return -ENOMEM
  const root = branch(key, shift, 0, value)
  if (root === 0) {
    fell(left, 0, shift - SLOT_BITS, oldShift + SLOT_BITS)
    return -ENOMEM
  }
  st(root + SparseNode.slots, left)
  st(root + SparseNode.used, 2)
  st(left + SparseNode.parent, root)
  if (left !== old) st(old + SparseNode.parent, bottomOf(left, shift - SLOT_BITS, oldShift + SLOT_BITS))
  store(index + SparseIndex.root, root)          // X1
  return 0
}

function insertBelow(root: Node, rootShift: number, key: number, value: number): Errno {
  let node = root
  let shift = rootShift
  for (;;) {
    const slot = slotOf(node, key, shift)
    const next = load(slot)
    if (next === 0) return insertAt(node, slot, key, shift, value)
    if (shift === 0) return -EEXIST
    node = next
    shift -= SLOT_BITS
  }
}

function insertAt(node: Node, slot: number, key: number, shift: number, value: number): Errno {
  const fresh = branch(key, shift - SLOT_BITS, 0, value)
  if (fresh === 0) return -ENOMEM
  if (shift > 0) st(fresh + SparseNode.parent, node)
  st(node + SparseNode.used, ld(node + SparseNode.used) + 1)
  store(slot, fresh)                             // X1
  return 0
}

/**
 * Build a chain of nodes from shift `top` down to shift `bottom` along `key`, with `value` in the lowest slot. Returns
 * the top; `value` itself if there is no node between; 0 if memory is out, with nothing left behind.
 */
function branch(key: number, top: number, bottom: number, value: number): number {
  let below = value
  for (let shift = bottom; shift <= top; shift += SLOT_BITS) {
    const node = xzalloc(SparseNode.sizeWords, SparseNode.tag)
    if (node === 0) {
      fell(below, key, shift - SLOT_BITS, bottom)
      return 0
    }
    st(node + SparseNode.shift, shift)
    st(node + SparseNode.used, 1)
    st(slotOf(node, key, shift), below)
    if (shift > bottom) st(below + SparseNode.parent, node)
    below = node
  }
  return below
}

/** Free a chain that `branch` built and nobody has seen. */
function fell(node: Node, key: number, top: number, bottom: number): void {
  let at = node
  for (let shift = top; shift >= bottom; shift -= SLOT_BITS) {
    const below = ld(slotOf(at, key, shift))
    xfree(at)
    at = below
  }
}

function bottomOf(chain: Node, top: number, bottom: number): Node {
  let node = chain
  for (let shift = top; shift > bottom; shift -= SLOT_BITS) node = ld(node + SparseNode.slots)
  return node
}

/** The lowest shift whose node covers `key`. */
function shiftFor(key: number): number {
  let shift = 0
  while (key >>> shift >= SLOTS) shift += SLOT_BITS
  return shift
}

// ---- shrinking

// Empty a slot; a node that has no other goes too, and its slot in its parent.
function emptySlot(index: Index, leaf: Node, key: number, leafShift: number): void {
  let node = leaf
  let shift = leafShift
  let child = 0
  for (;;) {
    const used = ld(node + SparseNode.used) - 1
    const parent = ld(node + SparseNode.parent)
    st(node + SparseNode.used, used)
    store(slotOf(node, key, shift), 0)
    if (child !== 0) freeNode(index, child)      // X3
    if (used > 0) return
    child = node
    if (parent === 0) break
    node = parent
    shift += SLOT_BITS
  }
  store(index + SparseIndex.root, 0)
  freeNode(index, child)                         // X3
}

// A root with nothing but its slot 0 gives way to what is there. A reader inside the old root still finds all of it.
function lowerRoot(index: Index): void {
  for (;;) {
    const root = load(index + SparseIndex.root)
    if (root === 0 || ld(root + SparseNode.shift) === 0 || ld(root + SparseNode.used) > 1) return
    const child = load(root + SparseNode.slots)
    if (child === 0) return
    st(child + SparseNode.parent, 0)
    store(index + SparseIndex.root, child)
    freeNode(index, root)                        // X3
  }
}

function freeNode(index: Index, node: Node): void {
  const free = ld(index + SparseIndex.freeNode)
  if (free === 0) xfree(node)
  else callHandler(free, node)
}

function slotOf(node: Node, key: number, shift: number): number {
  return node + SparseNode.slots + (key >>> shift & (SLOTS - 1))
}
