// SPDX-License-Identifier: MIT
/** Queues of callbacks, singly linked. The caller owns the queue; every access is plain. */
import { ld, st } from '@bottomhalf/machine'
import { RcuHead, RcuQueue } from './state.js'
import type { RcuHeadRef } from './state.js'

export function queueEmpty(queue: number): boolean {
  return ld(queue + RcuQueue.first) === 0
}

export function queueAdd(queue: number, head: RcuHeadRef): void {
  st(head + RcuHead.next, 0)
  if (queueEmpty(queue)) st(queue + RcuQueue.first, head)
  else st(ld(queue + RcuQueue.last) + RcuHead.next, head)
  st(queue + RcuQueue.last, head)
}

/** Take the first off; 0 if there is none. */
export function queueTake(queue: number): RcuHeadRef {
  const head = ld(queue + RcuQueue.first)
  if (head !== 0) st(queue + RcuQueue.first, ld(head + RcuHead.next))
  return head
}

/** Put all of `from` behind what `to` has. */
export function queueMove(from: number, to: number): void {
  const first = ld(from + RcuQueue.first)
  if (first === 0) return
  if (queueEmpty(to)) st(to + RcuQueue.first, first)
  else st(ld(to + RcuQueue.last) + RcuHead.next, first)
  st(to + RcuQueue.last, ld(from + RcuQueue.last))
  st(from + RcuQueue.first, 0)
}
