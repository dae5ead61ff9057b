// SPDX-License-Identifier: MIT
/** Programs on sparse indexes and counts, in both builds; and broken forms that the tests must find. */
import { EEXIST } from '@bottomhalf/base'
import { fetchAdd, global, handler, ld, load, store, word, xfree, xzalloc } from '@bottomhalf/machine'
import type { HandlerRef } from '@bottomhalf/machine'
import {
  sparseDelete, sparseDestroy, sparseForEach, SparseIndex, sparseInit, sparseInitDeferred, sparseInsert,
  sparseNextBatch, SparseNode,
} from '../src/index.js'

const Probe = global('sparseProbe', { index: word, freed: word, reachable: word })

/** Free nothing, and count: how many nodes, and how many of them a reader could still reach (X3). */
export const probe: HandlerRef = handler('sparseTestProbe', (node) => {
  fetchAdd(Probe.base + Probe.freed, 1)
  const root = load(load(Probe.base + Probe.index) + SparseIndex.root)
  if (root !== 0 && reaches(root, node)) fetchAdd(Probe.base + Probe.reachable, 1)
})

export function probed(): { freed: number, reachable: number } {
  return { freed: load(Probe.base + Probe.freed), reachable: load(Probe.base + Probe.reachable) }
}

function reaches(from: number, node: number): boolean {
  if (from === node) return true
  if (ld(from + SparseNode.shift) === 0) return false
  for (let slot = from + SparseNode.slots; slot < from + SparseNode.sizeWords; slot++) {
    const below = load(slot)
    if (below !== 0 && reaches(below, node)) return true
  }
  return false
}

/** An index; its nodes are freed at once, or only counted. */
export function newIndex(deferred: boolean): number {
  const index = xzalloc(SparseIndex.sizeWords, SparseIndex.tag)
  if (deferred) sparseInitDeferred(index, probe)
  else sparseInit(index)
  store(Probe.base + Probe.index, index)
  return index
}

/** Give each key the value key + 1. True if all were new. */
export function insertKeys(index: number, keys: readonly number[]): boolean {
  for (const key of keys) {
    const result = sparseInsert(index, key, key + 1)
    if (result === -EEXIST) return false
  }
  return true
}

/** All pairs from `from`, read in batches of `size` as users do: the next batch starts behind the last key. */
export function readBatches(index: number, from: number, size: number): [number, number][] {
  const out = xzalloc(2 * size, 0)
  const pairs: [number, number][] = []
  let next = from
  for (let count = size; count === size;) {
    count = sparseNextBatch(index, next, size, out)
    for (let i = 0; i < count; i++) {
      next = ld(out + 2 * i) + 1
      pairs.push([ld(out + 2 * i), ld(out + 2 * i + 1)])
    }
  }
  xfree(out)
  return pairs
}

export function destroyAll(index: number): [number, number][] {
  const pairs: [number, number][] = []
  sparseDestroy(index, (key, value) => { pairs.push([key, value]) })
  return pairs
}

/** The first key from `from` that is `limit` or more. */
export function firstFrom(index: number, from: number, limit: number): number {
  return sparseForEach(index, from, (key) => key >= limit)
}

// ---- a reader beside a writer

/** Make the tree higher, then as it was. */
export function churn(index: number, key: number): void {
  const result = sparseInsert(index, key, 7)
  if (result === 0) sparseDelete(index, key)
}

/** The keys that one batch finds. */
export function readKeys(index: number, out: number): number[] {
  const count = sparseNextBatch(index, 0, 4, out)
  const keys: number[] = []
  for (let i = 0; i < count; i++) keys.push(ld(out + 2 * i))
  return keys
}

// ---- counts in two steps instead of one

/** `refPut`: of two, both may be the last, or neither. */
export function putBroken(count: number): boolean {
  const old = load(count)
  store(count, old - 1)
  return old === 1
}

/** `refGetUnlessZero`: it may bring the dead back. */
export function getBroken(count: number): boolean {
  const old = load(count)
  if (old !== 0) store(count, old + 1)
  return old !== 0
}

export function newWords(n: number): number {
  return xzalloc(n, 0)
}
