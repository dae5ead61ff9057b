// SPDX-License-Identifier: MIT
/**
 * Intrusive doubly linked circular lists: the links stand in the records, nothing is allocated.
 *
 *        head            record          record
 *     +--------+       +--------+      +--------+
 *     |  next -+-----> |  next -+----> |  next -+--> head
 *     | -prev  | <-----+- prev  | <----+- prev  |
 *     +--------+       +--------+      +--------+
 *
 * An empty head, and a node that `listInit` or `listDelInit` left, points to itself.
 *
 * @xen xen/include/xen/list.h
 * Contexts  any; the caller owns the list: its lock is held, or it belongs to this CPU and interrupts are off.
 * Locks     none; every access is plain.
 *
 * I5  A node is on at most one list. With debug checks a link that its neighbour does not answer, a node taken off
 *     twice and a node added between strangers are BUGs.
 */
import { bug } from '@bottomhalf/base'
import type { Ref } from '@bottomhalf/base'
import { debugChecks, ld, ref, st, struct } from '@bottomhalf/machine'
import type { Susp } from '@bottomhalf/machine'

export const ListHead = struct('ListHead', {
  // lock of the list that the node is on:
  next: ref('ListHead'), prev: ref('ListHead'),
})

// Module constants, so that the compiler folds them: measured 1.25x against the fields of `ListHead`.
const NEXT = ListHead.next
const PREV = ListHead.prev

type Head = Ref<'ListHead'>
type Node = Ref<'ListHead'>

/** What a walk calls for each node; true ends the walk. */
export type ListVisitor = Susp<(node: Node) => boolean> | Susp<(node: Node) => void>

/** What `listDel` leaves in `next` and `prev`. Both lie in the null page: whoever follows one touches no record. */
export const LIST_POISON_NEXT = 0x11
export const LIST_POISON_PREV = 0x22

/** The record that has `node` at `offset`. */
export function containerOf(node: Node, offset: number): number {
  return node - offset
}

/** Make `head` an empty list, or `node` one that is on no list. */
export function listInit(head: Head): void {
  st(head + NEXT, head)
  st(head + PREV, head)
}

// ---- adding

/** Add `node` as the first of the list: a stack. */
export function listAdd(node: Node, head: Head): void {
  const next = ld(head + NEXT)
  if (debugChecks()) checkGap(node, head, next)
  st(next + PREV, node)
  st(node + NEXT, next)
  st(node + PREV, head)
  st(head + NEXT, node)
}

/** Add `node` as the last of the list: a queue. */
export function listAddTail(node: Node, head: Head): void {
  const prev = ld(head + PREV)
  if (debugChecks()) checkGap(node, prev, head)
  st(head + PREV, node)
  st(node + NEXT, head)
  st(node + PREV, prev)
  st(prev + NEXT, node)
}

// ---- removing

/** Take `node` off its list and poison its links: it must be added or initialised before anything else. */
export function listDel(node: Node): void {
  unlink(node)
  st(node + NEXT, LIST_POISON_NEXT)
  st(node + PREV, LIST_POISON_PREV)
}

/** Take `node` off its list, if it is on one, and leave it initialised: `listIsQueued` says no. */
export function listDelInit(node: Node): void {
  unlink(node)
  listInit(node)
}

/** Take the first node off the list, initialised; 0 if the list is empty. */
export function listPop(head: Head): Node {
  const first = ld(head + NEXT)
  if (first === head) return 0
  listDelInit(first)
  return first
}

/** Take `node` off its list and add it as the first of `head`'s; it may be the same list. */
export function listMove(node: Node, head: Head): void {
  unlink(node)
  listAdd(node, head)
}

/** Take `node` off its list and add it as the last of `head`'s; it may be the same list. */
export function listMoveTail(node: Node, head: Head): void {
  unlink(node)
  listAddTail(node, head)
}

/** Move the nodes `first` to `last`, neighbours in that order on one list, behind all others of `head`'s. */
export function listBulkMoveTail(head: Head, first: Node, last: Node): void {
  const before = ld(first + PREV)
  const behind = ld(last + NEXT)
  join(before, behind)
  join(ld(head + PREV), first)
  join(last, head)
}

/**
 * Put `fresh` in the place of `old`; an empty head leaves `fresh` empty too. `old` keeps stale links: it must be
 * initialised or added before anything else.
 */
export function listReplace(old: Node, fresh: Node): void {
  if (debugChecks()) checkNode(old)
  const next = ld(old + NEXT)
  st(fresh + NEXT, next)
  st(next + PREV, fresh)
  const prev = ld(old + PREV)            // `fresh` itself if `old` was empty: the last line closes it
  st(fresh + PREV, prev)
  st(prev + NEXT, fresh)
}

/** Put `fresh` in the place of `old` and initialise `old`. Of a head: `fresh` takes the whole list over. */
export function listReplaceInit(old: Node, fresh: Node): void {
  listReplace(old, fresh)
  listInit(old)
}

/** Let two nodes that are on lists change places; neighbours and nodes of different lists too. */
export function listSwap(a: Node, b: Node): void {
  const before = ld(b + PREV)
  listDelInit(b)
  listReplace(a, b)
  listAdd(a, before === a ? b : before)
}

/** Make the first node the last. */
export function listRotateLeft(head: Head): void {
  const first = ld(head + NEXT)
  if (first !== head) listMoveTail(first, head)
}

// ---- joining and cutting

/** Put all of `list` before the first of `head`. The head `list` is stale afterwards: initialise it before use. */
export function listSplice(list: Head, head: Head): void {
  if (listEmpty(list)) return
  const next = ld(head + NEXT)
  spliceBetween(list, head, next)
}

/** Put all of `list` behind the last of `head`. The head `list` is stale afterwards: initialise it before use. */
export function listSpliceTail(list: Head, head: Head): void {
  if (listEmpty(list)) return
  const prev = ld(head + PREV)
  spliceBetween(list, prev, head)
}

/** `listSplice`, and `list` is empty afterwards. */
export function listSpliceInit(list: Head, head: Head): void {
  if (listEmpty(list)) return
  const next = ld(head + NEXT)
  spliceBetween(list, head, next)
  listInit(list)
}

/** `listSpliceTail`, and `list` is empty afterwards. */
export function listSpliceTailInit(list: Head, head: Head): void {
  if (listEmpty(list)) return
  const prev = ld(head + PREV)
  spliceBetween(list, prev, head)
  listInit(list)
}

/** Move the nodes from the first up to and with `node` from `head` to `list`. What `list` had before is forgotten. */
export function listCutPosition(list: Head, head: Head, node: Node): void {
  if (node === head) return listInit(list)
  const first = ld(head + NEXT)
  const behind = ld(node + NEXT)
  join(head, behind)
  join(list, first)
  join(node, list)
}

/** Move the nodes from the first up to, but without, `node` from `head` to `list`, whose content is forgotten. */
export function listCutBefore(list: Head, head: Head, node: Node): void {
  listCutPosition(list, head, ld(node + PREV))
}

// ---- looking

export function listEmpty(head: Head): boolean {
  return ld(head + NEXT) === head
}

/** Whether a node that is initialised whenever it is on no list (`listDelInit`) is on one. */
export function listIsQueued(node: Node): boolean {
  return ld(node + NEXT) !== node
}

/** Whether the list has exactly one node. */
export function listIsSingular(head: Head): boolean {
  const first = ld(head + NEXT)
  return first !== head && first === ld(head + PREV)
}

export function listIsFirst(node: Node, head: Head): boolean {
  return ld(node + PREV) === head
}

export function listIsLast(node: Node, head: Head): boolean {
  return ld(node + NEXT) === head
}

/** The first node; 0 if the list is empty. */
export function listFirst(head: Head): Node {
  const first = ld(head + NEXT)
  return first === head ? 0 : first
}

/** The last node; 0 if the list is empty. */
export function listLast(head: Head): Node {
  const last = ld(head + PREV)
  return last === head ? 0 : last
}

/** The node behind `node`; 0 if it is the last. */
export function listNext(node: Node, head: Head): Node {
  const next = ld(node + NEXT)
  return next === head ? 0 : next
}

/** The node before `node`; 0 if it is the first. */
export function listPrev(node: Node, head: Head): Node {
  const prev = ld(node + PREV)
  return prev === head ? 0 : prev
}

/** Number of nodes; walks the list. */
export function listLength(head: Head): number {
  let length = 0
  for (let node = ld(head + NEXT); node !== head; node = ld(node + NEXT)) length++
  return length
}

/**
 * Call `fn` for each node from the first to the last, until it returns true. Returns the node it stopped at, or 0.
 * `fn` may take the node it was given off the list, free it, or add behind it; the node after it must stay.
 */
export function listForEach(head: Head, fn: ListVisitor): Node {
  let node = ld(head + NEXT)
  while (node !== head) {
    const next = ld(node + NEXT)
    if (fn(node) === true) return node
    node = next
  }
  return 0
}

/** `listForEach` from the last to the first; the node before the given one must stay. */
export function listForEachReverse(head: Head, fn: ListVisitor): Node {
  let node = ld(head + PREV)
  while (node !== head) {
    const prev = ld(node + PREV)
    if (fn(node) === true) return node
    node = prev
  }
  return 0
}

// ---- links

function unlink(node: Node): void {
  if (debugChecks()) checkNode(node)
  const next = ld(node + NEXT)
  const prev = ld(node + PREV)
  st(next + PREV, prev)
  st(prev + NEXT, next)
}

function join(prev: Node, next: Node): void {
  st(prev + NEXT, next)
  st(next + PREV, prev)
}

function spliceBetween(list: Head, prev: Node, next: Node): void {
  if (debugChecks()) checkNode(list)
  const first = ld(list + NEXT)
  const last = ld(list + PREV)
  join(prev, first)
  join(last, next)
}

// ---- debug checks (I5)

function checkGap(node: Node, prev: Node, next: Node): void {
  if (node === prev || node === next) bug('a node is added next to itself: it is on this list already', 'I5')
  if (ld(prev + NEXT) !== next) bug('a list is broken: prev.next is not next', 'I5')
  if (ld(next + PREV) !== prev) bug('a list is broken: next.prev is not prev', 'I5')
}

function checkNode(node: Node): void {
  const next = ld(node + NEXT)
  const prev = ld(node + PREV)
  if (next === LIST_POISON_NEXT || prev === LIST_POISON_PREV) bug('a node is taken off a list twice', 'I5')
  if (next === 0 || prev === 0) bug('a node that was never on a list is taken off', 'I5')
  if (ld(prev + NEXT) !== node) bug('a list is broken: prev.next is not the node', 'I5')
  if (ld(next + PREV) !== node) bug('a list is broken: next.prev is not the node', 'I5')
}
