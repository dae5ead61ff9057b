// SPDX-License-Identifier: MIT
import { formatMemory, ld, st, xzalloc } from '@bottomhalf/machine'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  containerOf, LIST_POISON_NEXT, LIST_POISON_PREV, listAdd, listAddTail, listBulkMoveTail, listCutBefore,
  listCutPosition, listDel, listDelInit, listEmpty, listFirst, listForEach, listForEachReverse, ListHead, listInit,
  listIsFirst, listIsLast, listIsQueued, listIsSingular, listLast, listLength, listMove, listMoveTail, listNext,
  listPop, listPrev, listReplace, listReplaceInit, listRotateLeft, listSplice, listSpliceInit, listSpliceTail,
  listSpliceTailInit, listSwap,
} from '../src/index.js'

let head = 0
let other = 0
let nodes: number[] = []
const [A, B, C, D] = [0, 1, 2, 3] as const

function start(debug: boolean): void {
  formatMemory({ cpus: 1, debug })
  const base = xzalloc(16, 0)
  head = base
  other = base + 2
  nodes = Array.from({ length: 4 }, (_, n) => base + 4 + 2 * n)
  listInit(head)
  listInit(other)
}

const node = (n: number): number => nodes[n] ?? 0
const fill = (...which: number[]): void => { for (const n of which) listAddTail(node(n), head) }

/** Node numbers forth; the walk back must find the same. */
function content(list = head): number[] {
  const forth: number[] = []
  const back: number[] = []
  listForEach(list, (n) => { forth.push(nodes.indexOf(n)) })
  listForEachReverse(list, (n) => { back.unshift(nodes.indexOf(n)) })
  expect(back).toEqual(forth)
  return forth
}

beforeEach(() => { start(true) })

describe('adding and removing', () => {
  test('listAdd makes a stack, listAddTail a queue', () => {
    listAdd(node(A), head)
    listAdd(node(B), head)
    listAddTail(node(C), head)
    expect(content()).toEqual([B, A, C])
  })

  test('listDel poisons both links with distinct values that are not null', () => {
    fill(A, B, C)
    listDel(node(B))
    expect(content()).toEqual([A, C])
    expect([ld(node(B) + ListHead.next), ld(node(B) + ListHead.prev)]).toEqual([LIST_POISON_NEXT, LIST_POISON_PREV])
    expect(LIST_POISON_NEXT).not.toBe(LIST_POISON_PREV)
    expect(Math.min(LIST_POISON_NEXT, LIST_POISON_PREV)).toBeGreaterThan(0)
  })

  test('poisoned links lead into the null page: a walk that follows one touches no record', () => {
    expect(Math.max(LIST_POISON_NEXT, LIST_POISON_PREV) + 1).toBeLessThan(64)
  })

  test('listDelInit leaves a node that is on no list, and may be asked of such a one again', () => {
    fill(A, B)
    expect(listIsQueued(node(A))).toBe(true)
    listDelInit(node(A))
    expect(listIsQueued(node(A))).toBe(false)
    listDelInit(node(A))
    expect(content()).toEqual([B])
  })

  test('listPop takes the first, initialised; 0 of an empty list', () => {
    fill(A, B)
    expect(listPop(head)).toBe(node(A))
    expect(listIsQueued(node(A))).toBe(false)
    expect(listPop(head)).toBe(node(B))
    expect(listPop(head)).toBe(0)
  })

  test('listMove and listMoveTail go to either end of any list', () => {
    fill(A, B, C)
    listMove(node(C), head)
    expect(content()).toEqual([C, A, B])
    listMoveTail(node(C), head)
    expect(content()).toEqual([A, B, C])
    listMove(node(B), other)
    listMoveTail(node(A), other)
    expect([content(), content(other)]).toEqual([[C], [B, A]])
  })

  test('listBulkMoveTail moves neighbours in their order', () => {
    fill(A, B, C, D)
    listBulkMoveTail(head, node(A), node(B))
    expect(content()).toEqual([C, D, A, B])
    listBulkMoveTail(head, node(D), node(B))
    expect(content()).toEqual([C, D, A, B])
    listBulkMoveTail(other, node(D), node(A))
    expect([content(), content(other)]).toEqual([[C, B], [D, A]])
  })
})

describe('replacing', () => {
  test('listReplace puts the fresh node in the same place', () => {
    fill(A, B, C)
    listReplace(node(B), node(D))
    expect(content()).toEqual([A, D, C])
  })

  test('listReplaceInit of a head takes the list over, an empty one too', () => {
    fill(A, B)
    listReplaceInit(head, other)
    expect([content(), content(other)]).toEqual([[], [A, B]])
    listReplaceInit(head, node(D))
    expect([listEmpty(head), listEmpty(node(D))]).toEqual([true, true])
  })

  test('listSwap: neighbours either way, nodes apart, nodes of two lists', () => {
    fill(A, B, C)
    listSwap(node(A), node(B))
    expect(content()).toEqual([B, A, C])
    listSwap(node(A), node(B))
    expect(content()).toEqual([A, B, C])
    listSwap(node(A), node(C))
    expect(content()).toEqual([C, B, A])
    listAdd(node(D), other)
    listSwap(node(D), node(B))
    expect([content(), content(other)]).toEqual([[C, D, A], [B]])
  })

  test('listRotateLeft makes the first the last', () => {
    listRotateLeft(head)
    fill(A, B, C)
    listRotateLeft(head)
    expect(content()).toEqual([B, C, A])
  })
})

describe('joining and cutting', () => {
  beforeEach(() => {
    fill(A, B)
    listAddTail(node(C), other)
    listAddTail(node(D), other)
  })

  test('listSplice puts all before the first, listSpliceTail behind the last', () => {
    listSplice(head, other)
    expect(content(other)).toEqual([A, B, C, D])
    start(true)
    fill(A, B)
    listAdd(node(C), other)
    listSpliceTail(head, other)
    expect(content(other)).toEqual([C, A, B])
  })

  test('listSpliceInit and listSpliceTailInit leave the source empty', () => {
    listSpliceInit(head, other)
    expect([content(), content(other)]).toEqual([[], [A, B, C, D]])
    listSpliceTailInit(other, head)
    expect([content(), content(other)]).toEqual([[A, B, C, D], []])
  })

  test('an empty list splices nothing', () => {
    listSpliceInit(head, other)
    const before = content(other)
    for (const splice of [listSplice, listSpliceTail, listSpliceInit, listSpliceTailInit]) splice(head, other)
    expect(content(other)).toEqual(before)
  })

  test('listCutPosition cuts with the node, listCutBefore without it', () => {
    listSpliceInit(head, other)
    listCutPosition(head, other, node(B))
    expect([content(), content(other)]).toEqual([[A, B], [C, D]])
    listCutBefore(node(0), other, node(C))
    expect(content(other)).toEqual([C, D])
    listCutPosition(head, other, node(D))
    expect([content(), content(other)]).toEqual([[C, D], []])
    listCutPosition(head, other, other)
    expect([content(), content(other)]).toEqual([[], []])
  })
})

describe('looking', () => {
  test('first, last, next and prev end with 0', () => {
    expect([listFirst(head), listLast(head)]).toEqual([0, 0])
    fill(A, B)
    expect([listFirst(head), listLast(head)]).toEqual([node(A), node(B)])
    expect([listNext(node(A), head), listNext(node(B), head)]).toEqual([node(B), 0])
    expect([listPrev(node(B), head), listPrev(node(A), head)]).toEqual([node(A), 0])
  })

  test('empty, singular, is first, is last, length', () => {
    expect([listEmpty(head), listIsSingular(head), listLength(head)]).toEqual([true, false, 0])
    fill(A)
    expect([listEmpty(head), listIsSingular(head), listLength(head)]).toEqual([false, true, 1])
    fill(B)
    expect([listEmpty(head), listIsSingular(head), listLength(head)]).toEqual([false, false, 2])
    expect([listIsFirst(node(A), head), listIsLast(node(A), head)]).toEqual([true, false])
    expect([listIsFirst(node(B), head), listIsLast(node(B), head)]).toEqual([false, true])
  })

  test('a walk ends where the visitor returns true, and says where', () => {
    fill(A, B, C)
    const seen: number[] = []
    const stopAtB = (n: number): boolean => {
      seen.push(nodes.indexOf(n))
      return n === node(B)
    }
    expect([listForEach(head, stopAtB), listForEachReverse(head, stopAtB)]).toEqual([node(B), node(B)])
    expect(seen).toEqual([A, B, C, B])
    expect(listForEach(head, () => false)).toBe(0)
  })

  test('a walk is safe against removal of the node it is at', () => {
    fill(A, B, C)
    listForEach(head, (n) => { listDel(n) })
    expect(content()).toEqual([])
    fill(A, B, C)
    listForEachReverse(head, (n) => { listMoveTail(n, other) })
    expect([content(), content(other)]).toEqual([[], [C, B, A]])
  })

  test('containerOf finds the record of a node', () => {
    expect(containerOf(node(A) + 5, 5)).toBe(node(A))
  })
})

describe('I5: debug checks', () => {
  test('I5: taking a node off twice is a BUG', () => {
    fill(A)
    listDel(node(A))
    expect(() => { listDel(node(A)) }).toThrow('BUG: I5: a node is taken off a list twice')
    expect(() => { listDelInit(node(A)) }).toThrow('I5')
    expect(() => { listMove(node(A), head) }).toThrow('I5')
    expect(() => { listReplace(node(A), node(B)) }).toThrow('I5')
  })

  test('I5: taking a node off that was never on a list is a BUG', () => {
    expect(() => { listDel(node(A)) }).toThrow('BUG: I5: a node that was never on a list is taken off')
  })

  test('I5: adding a node next to itself is a BUG', () => {
    fill(A)
    expect(() => { listAddTail(node(A), head) }).toThrow('I5')
    expect(() => { listAdd(node(A), head) }).toThrow('I5')
  })

  test('I5: a node added to a second list breaks the first, and the next operation there is a BUG', () => {
    fill(A, B, C)
    listAddTail(node(B), other)
    expect(() => { listDel(node(A)) }).toThrow('BUG: I5: a list is broken: next.prev is not the node')
    expect(() => { listDel(node(C)) }).toThrow('BUG: I5: a list is broken: prev.next is not the node')
  })

  test('I5: a broken neighbour is a BUG of adding and of splicing', () => {
    fill(A, B)
    st(node(B) + ListHead.next, node(D))
    expect(() => { listAddTail(node(C), head) }).toThrow('BUG: I5: a list is broken: prev.next is not next')
    expect(() => { listSplice(head, other) }).toThrow('I5')
    st(node(A) + ListHead.prev, node(D))
    expect(() => { listAdd(node(C), head) }).toThrow('BUG: I5: a list is broken: next.prev is not prev')
  })

  test('I5: without debug checks nothing of it is looked for', () => {
    start(false)
    fill(A, B, C)
    listAddTail(node(B), other)
    listDel(node(A))
    listDel(node(A))
    expect(ld(node(A) + ListHead.next)).toBe(LIST_POISON_NEXT)
  })
})
