// SPDX-License-Identifier: MIT
/** Programs on real lists, in both builds: see `model.ts` for what they must do. */
import {
  AWAIT_EQ, awaitWord, cmpxchg, embed, global, handler, irqRestore, irqSave, raiseVector, store, word, words, xzalloc,
} from '@bottomhalf/machine'
import type { HandlerRef } from '@bottomhalf/machine'
import {
  listAdd, listAddTail, listBulkMoveTail, listCutBefore, listCutPosition, listDel, listDelInit, listForEach,
  listForEachReverse, ListHead, listInit, listMove, listMoveTail, listPop, listReplace, listReplaceInit,
  listRotateLeft, listSplice, listSpliceInit, listSpliceTail, listSpliceTailInit, listSwap,
} from '../src/index.js'
import { NODES } from './model.js'
import type { Arguments, OpName } from './model.js'

/** Lists and nodes lie in a row from `base`: two heads, then the nodes. */
const PROGRAM_WORDS = (2 + NODES) * ListHead.sizeWords

export function headOf(base: number, list: number): number {
  return base + list * ListHead.sizeWords
}

export function nodeOf(base: number, node: number): number {
  return base + (2 + node) * ListHead.sizeWords
}

/** Two empty lists, and the nodes. Returns their base. */
export function startProgram(): number {
  const base = xzalloc(PROGRAM_WORDS, 0)
  listInit(headOf(base, 0))
  listInit(headOf(base, 1))
  return base
}

/** A walk that does nothing at each node. */
export function walk(head: number): void {
  listForEach(head, () => false)
}

/** One operation, with the arguments that the reference found. */
export function perform(base: number, op: OpName, { node = 0, other = 0, list = 0 }: Arguments): void {
  const n = nodeOf(base, node)
  const o = nodeOf(base, other)
  const h = headOf(base, list)
  const g = headOf(base, 1 - list)
  switch (op) {
    case 'listAdd': listAdd(n, h); break
    case 'listAddTail': listAddTail(n, h); break
    case 'listDel': listDel(n); break
    case 'listDelInit': listDelInit(n); break
    case 'listPop': listPop(h); break
    case 'listMove': listMove(n, h); break
    case 'listMoveTail': listMoveTail(n, h); break
    case 'listReplace': listReplace(n, o); break
    case 'listReplaceInit': listReplaceInit(n, o); break
    case 'listSwap': listSwap(n, o); break
    case 'listRotateLeft': listRotateLeft(h); break
    case 'listSplice': listSplice(h, g); listInit(h); break
    case 'listSpliceTail': listSpliceTail(h, g); listInit(h); break
    case 'listSpliceInit': listSpliceInit(h, g); break
    case 'listSpliceTailInit': listSpliceTailInit(h, g); break
    case 'listCutPosition': listCutPosition(g, h, n); break
    case 'listCutBefore': listCutBefore(g, h, n); break
    case 'listBulkMoveTail': listBulkMoveTail(h, n, o); break
  }
}

/** Node numbers of a list, as a walk forth and a walk back find them. */
export function walks(base: number, list: number): { forth: number[], back: number[] } {
  const forth: number[] = []
  const back: number[] = []
  listForEach(headOf(base, list), (node) => { forth.push(numberOf(base, node)) })
  listForEachReverse(headOf(base, list), (node) => { back.unshift(numberOf(base, node)) })
  return { forth, back }
}

function numberOf(base: number, node: number): number {
  return (node - base) / ListHead.sizeWords - 2
}

// ---- who may touch a list: the contexts and locks of list.ts

const Shared = global('listTest', { head: embed(ListHead), nodes: words(4 * ListHead.sizeWords), lock: word })

export function sharedHead(): number {
  return Shared.base + Shared.head
}

export function sharedNode(n: number): number {
  return Shared.base + Shared.nodes + n * ListHead.sizeWords
}

/** Every interrupt adds node 0. */
export const addInInterrupt: HandlerRef = handler('listTestAddInInterrupt', () => {
  listAddTail(sharedNode(0), sharedHead())
})

export function interrupt(cpu: number): void {
  raiseVector(cpu, 0x40)
}

/** With nothing that keeps others out. */
export function addBare(n: number): void {
  listAddTail(sharedNode(n), sharedHead())
}

export function addLocked(n: number): void {
  const lock = Shared.base + Shared.lock
  while (cmpxchg(lock, 0, 1) !== 0) awaitWord(lock, AWAIT_EQ, 0)
  listAddTail(sharedNode(n), sharedHead())
  store(lock, 0)
}

export function addIrqsOff(n: number): void {
  const flags = irqSave()
  listAddTail(sharedNode(n), sharedHead())
  irqRestore(flags)
}
