// SPDX-License-Identifier: MIT
/** Random programs on two lists and some nodes, beside the same on plain arrays: what the property tests of both builds run. */
import * as fc from 'fast-check'

/** A step: the operation's name, and two numbers that choose lists and nodes. */
export interface Step { readonly op: OpName, readonly a: number, readonly b: number }

/** The lists as arrays of node numbers. A node stands on at most one list. */
export type Arrays = [number[], number[]]

export const NODES = 6

/** What each operation does to arrays. Returns the arguments for the real one, or undefined if it may not be called now. */
const reference = {
  listAdd: (lists: Arrays, a: number, b: number) => {
    const node = freeNode(lists, a)
    if (node === undefined) return undefined
    lists[b % 2]?.unshift(node)
    return { node, list: b % 2 }
  },
  listAddTail: (lists: Arrays, a: number, b: number) => {
    const node = freeNode(lists, a)
    if (node === undefined) return undefined
    lists[b % 2]?.push(node)
    return { node, list: b % 2 }
  },
  listDel: (lists: Arrays, a: number) => remove(lists, a),
  listDelInit: (lists: Arrays, a: number) => remove(lists, a),
  listPop: (lists: Arrays, _a: number, b: number) => {
    lists[b % 2]?.shift()
    return { list: b % 2 }
  },
  listMove: (lists: Arrays, a: number, b: number) => {
    const moved = remove(lists, a)
    if (moved === undefined) return undefined
    lists[b % 2]?.unshift(moved.node)
    return { ...moved, list: b % 2 }
  },
  listMoveTail: (lists: Arrays, a: number, b: number) => {
    const moved = remove(lists, a)
    if (moved === undefined) return undefined
    lists[b % 2]?.push(moved.node)
    return { ...moved, list: b % 2 }
  },
  listReplace: (lists: Arrays, a: number, b: number) => replace(lists, a, b),
  listReplaceInit: (lists: Arrays, a: number, b: number) => replace(lists, a, b),
  listSwap: (lists: Arrays, a: number, b: number) => {
    const [x, y] = [queuedNode(lists, a), queuedNode(lists, b)]
    if (x === undefined || y === undefined) return undefined
    for (const list of lists) list.splice(0, Infinity, ...list.map((n) => (n === x ? y : n === y ? x : n)))
    return { node: x, other: y }
  },
  listRotateLeft: (lists: Arrays, _a: number, b: number) => {
    const list = lists[b % 2] ?? []
    list.push(...list.splice(0, 1))
    return { list: b % 2 }
  },
  listSpliceInit: (lists: Arrays, _a: number, b: number) => {
    const [from, to] = pair(lists, b)
    to.unshift(...from.splice(0))
    return { list: b % 2 }
  },
  listSpliceTailInit: (lists: Arrays, _a: number, b: number) => {
    const [from, to] = pair(lists, b)
    to.push(...from.splice(0))
    return { list: b % 2 }
  },
  listSplice: (lists: Arrays, _a: number, b: number) => reference.listSpliceInit(lists, _a, b),
  listSpliceTail: (lists: Arrays, _a: number, b: number) => reference.listSpliceTailInit(lists, _a, b),
  listCutPosition: (lists: Arrays, a: number, b: number) => cut(lists, a, b, 1),
  listCutBefore: (lists: Arrays, a: number, b: number) => cut(lists, a, b, 0),
  listBulkMoveTail: (lists: Arrays, a: number, b: number) => {
    const node = queuedNode(lists, a)
    const list = lists.find((candidate) => node !== undefined && candidate.includes(node))
    if (node === undefined || list === undefined) return undefined
    const first = list.indexOf(node)
    const moved = list.splice(first, 1 + Math.floor(b / 2) % 3)
    lists[b % 2]?.push(...moved)
    return { node, other: moved.at(-1) ?? node, list: b % 2 }
  },
}

export type OpName = keyof typeof reference
export interface Arguments { readonly node?: number, readonly other?: number, readonly list?: number }

/** Do a step to the arrays. Undefined, and nothing done, if the operation may not be called now. */
export function stepArrays(lists: Arrays, { op, a, b }: Step): Arguments | undefined {
  return reference[op](lists, a, b)
}

/** Any programs of up to 60 steps. */
export const programs: fc.Arbitrary<Step[]> = fc.array(fc.record({
  op: fc.constantFrom(...Object.keys(reference) as OpName[]), a: fc.nat(99), b: fc.nat(99),
}), { maxLength: 60 })

function freeNode(lists: Arrays, a: number): number | undefined {
  const free = Array.from({ length: NODES }, (_, n) => n).filter((n) => !lists.flat().includes(n))
  return free[a % Math.max(1, free.length)]
}

function queuedNode(lists: Arrays, a: number): number | undefined {
  const queued = lists.flat()
  return queued[a % Math.max(1, queued.length)]
}

function remove(lists: Arrays, a: number): { node: number } | undefined {
  const node = queuedNode(lists, a)
  if (node === undefined) return undefined
  for (const list of lists) if (list.includes(node)) list.splice(list.indexOf(node), 1)
  return { node }
}

function replace(lists: Arrays, a: number, b: number): { node: number, other: number } | undefined {
  const [old, fresh] = [queuedNode(lists, a), freeNode(lists, b)]
  if (old === undefined || fresh === undefined) return undefined
  for (const list of lists) if (list.includes(old)) list.splice(list.indexOf(old), 1, fresh)
  return { node: old, other: fresh }
}

function pair(lists: Arrays, b: number): [number[], number[]] {
  return b % 2 === 0 ? [lists[0], lists[1]] : [lists[1], lists[0]]
}

/** Cut list b to the other one, which must be empty: its nodes would be lost. */
function cut(lists: Arrays, a: number, b: number, withNode: number): Arguments | undefined {
  const [from, to] = pair(lists, b)
  if (to.length > 0 || from.length === 0) return undefined
  const at = a % from.length
  const node = from[at] ?? 0
  to.push(...from.splice(0, at + withNode))
  return { node, list: b % 2 }
}
