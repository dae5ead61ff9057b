// SPDX-License-Identifier: MIT
import { EEXIST, EINVAL, ENOMEM } from '@bottomhalf/base'
import { failAllocation, formatMemory, liveBlocks } from '@bottomhalf/machine'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  SPARSE_MAX_KEY, sparseDelete, sparseInsert, sparseIsEmpty, sparseLookup, sparseNext, sparseNextBatch, SparseNode,
} from '../src/index.js'
import { destroyAll, firstFrom, insertKeys, newIndex, newWords, probed, readBatches } from './sparse.model.js'

let index = 0

beforeEach(() => {
  formatMemory({ cpus: 1, debug: true })
  index = newIndex(false)
})

const nodes = (): number => liveBlocks().filter(({ tag }) => tag === SparseNode.tag).length
const edges = [0, 1, 31, 32, 33, 1023, 1024, 32767, 32768, 1 << 20, 1 << 25, SPARSE_MAX_KEY - 1, SPARSE_MAX_KEY]

describe('one index', () => {
  test('IRQ-10: keys at every edge of the tree are found, in order, and nothing else', () => {
    expect(insertKeys(index, [...edges].reverse())).toBe(true)
    expect(edges.map((key) => sparseLookup(index, key))).toEqual(edges.map((key) => key + 1))
    expect([2, 30, 34, 1022, 1025, 1 << 24].map((key) => sparseLookup(index, key))).toEqual([0, 0, 0, 0, 0, 0])
    expect(readBatches(index, 0, 8)).toEqual(edges.map((key) => [key, key + 1]))
  })

  test('a key that has a value keeps it: -EEXIST', () => {
    expect([sparseInsert(index, 5, 9), sparseInsert(index, 5, 8), sparseLookup(index, 5)]).toEqual([0, -EEXIST, 9])
  })

  test('a key out of range or the value 0: -EINVAL, and looking there finds nothing', () => {
    const results = [sparseInsert(index, -1, 1), sparseInsert(index, SPARSE_MAX_KEY + 1, 1), sparseInsert(index, 1, 0)]
    expect(results).toEqual([-EINVAL, -EINVAL, -EINVAL])
    expect(sparseIsEmpty(index)).toBe(true)
    insertKeys(index, [0, SPARSE_MAX_KEY])
    for (const key of [-1, -SPARSE_MAX_KEY, SPARSE_MAX_KEY + 1, 0x7fffffff]) {
      expect([sparseLookup(index, key), sparseDelete(index, key)]).toEqual([0, 0])
    }
    expect([sparseNext(index, -5), sparseNext(index, SPARSE_MAX_KEY + 1)]).toEqual([0, -1])
  })

  test('sparseDelete returns the value once, and 0 for a key that has none', () => {
    insertKeys(index, [3, 40])
    expect([sparseDelete(index, 40), sparseDelete(index, 40), sparseDelete(index, 41)]).toEqual([41, 0, 0])
    expect([sparseDelete(index, 3), sparseDelete(index, 3), sparseIsEmpty(index)]).toEqual([4, 0, true])
  })

  test('nodes that became empty are freed, and a root with one way down gives way', () => {
    insertKeys(index, [3])
    expect(nodes()).toBe(1)
    insertKeys(index, [1 << 20])
    expect(nodes()).toBe(9)
    sparseDelete(index, 1 << 20)
    expect(nodes()).toBe(1)
    expect(sparseLookup(index, 3)).toBe(4)
    sparseDelete(index, 3)
    expect(nodes()).toBe(0)
  })

  test('IRQ-10: "next n from k": at most n, from k on, fewer only at the end', () => {
    const out = newWords(16)
    insertKeys(index, [2, 3, 70, 71, 9000])
    expect([0, 3, 4, 9000, 9001].map((from) => sparseNextBatch(index, from, 3, out))).toEqual([3, 3, 3, 1, 0])
    expect([0, 3, 4, 72, 9001].map((from) => sparseNext(index, from))).toEqual([2, 3, 70, 9000, -1])
    expect([firstFrom(index, 0, 71), firstFrom(index, 0, 9001)]).toEqual([71, -1])
  })
})

describe('X2: no memory', () => {
  test.each([
    ['the first key', [], 40], ['a higher root', [3], 1 << 20], ['a branch', [1 << 20], 7], ['a leaf', [3, 1 << 20], 40],
    ['a root two higher', [40], 1 << 15],
  ])('X2: %s: whichever allocation fails, the index and the heap stay as they were', (_name, before, key) => {
    insertKeys(index, before)
    const blocks = liveBlocks()
    const content = readBatches(index, 0, 4)
    let failed = 0
    for (let n = 1; ; n++) {
      failAllocation(n)
      const result = sparseInsert(index, key, 99)
      failAllocation(0)
      if (result === 0) break
      failed++
      expect(result).toBe(-ENOMEM)
      expect(liveBlocks()).toEqual(blocks)
      expect(readBatches(index, 0, 4)).toEqual(content)
    }
    expect(failed).toBeGreaterThan(0)
    expect(failed).toBe(nodes() - blocks.filter(({ tag }) => tag === SparseNode.tag).length)
    expect(sparseLookup(index, key)).toBe(99)
  })
})

describe('beside a plain map', () => {
  const keys = fc.oneof(fc.nat(40), fc.nat(2000), fc.constantFrom(...edges), fc.nat(SPARSE_MAX_KEY))
  const step = fc.record({ insert: fc.boolean(), key: keys, value: fc.integer({ min: 1 }) })
  const steps = fc.array(step, { maxLength: 80 })

  test.each([
    ['freed at once', false], ['given to a handler', true],
  ])('nodes %s: any program ends as on a map', (_name, deferred) => {
    fc.assert(fc.property(steps, keys, fc.integer({ min: 1, max: 9 }), (program, from, size) => {
      formatMemory({ cpus: 1, debug: true })
      index = newIndex(deferred)
      const map = new Map<number, number>()
      for (const { insert, key, value } of program) {
        const old = map.get(key) ?? 0
        if (insert) {
          expect(sparseInsert(index, key, value)).toBe(old === 0 ? 0 : -EEXIST)
          if (old === 0) map.set(key, value)
        } else {
          expect(sparseDelete(index, key)).toBe(old)
          map.delete(key)
        }
        expect(sparseLookup(index, key)).toBe(map.get(key) ?? 0)
      }
      const sorted = [...map].sort(([a], [b]) => a - b)
      expect(readBatches(index, 0, size)).toEqual(sorted)
      expect(readBatches(index, from, size)).toEqual(sorted.filter(([key]) => key >= from))
      expect(destroyAll(index)).toEqual(sorted)
      expect(sparseIsEmpty(index)).toBe(true)
      if (deferred) expect(probed()).toEqual({ freed: nodes(), reachable: 0 })
      else expect(nodes()).toBe(0)
    }), { numRuns: 400 })
  })
})

test('X3: a node is unreachable when it is handed to be freed', () => {
  index = newIndex(true)
  insertKeys(index, [3, 40, 1 << 20, 1 << 25])
  destroyAll(index)
  expect(probed()).toEqual({ freed: nodes(), reachable: 0 })
  expect(nodes()).toBeGreaterThan(5)
})
