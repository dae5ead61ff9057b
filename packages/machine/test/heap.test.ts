// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  boundMemory, failAllocation, formatMemory, heapEvidence, ld, liveBlocks, st, struct, word, xfree, xmalloc, xzalloc,
} from '../src/index.js'

const Thing = struct('Thing', { a: word, b: word, c: word })
const Other = struct('Other', { a: word })
const memory = new Int32Array(boundMemory().buffer)

describe.each([{ debug: false }, { debug: true }])('heap, debug $debug', ({ debug }) => {
  beforeEach(() => { formatMemory({ cpus: 1, debug }) })

  test('B1: any sequence of allocations and frees: blocks never overlap, keep their words, and are all accounted for', () => {
    const command = fc.record({ free: fc.boolean(), size: fc.integer({ min: 1, max: 300 }), pick: fc.nat() })
    fc.assert(fc.property(fc.array(command, { maxLength: 120, size: 'max' }), (commands) => {
      formatMemory({ cpus: 1, debug })
      const held = new Map<number, { size: number, stamp: number }>()
      commands.forEach(({ free, size, pick }, stamp) => {
        const victim = [...held.keys()][pick % Math.max(1, held.size)]
        if (free && victim !== undefined) {
          checkStamp(victim, held.get(victim))
          held.delete(victim)
          xfree(victim)
        } else {
          const address = xmalloc(size, stamp + 1)
          expect(address).toBeGreaterThan(0)
          expect(address % (size >= 32 ? 32 : 2)).toBe(0)
          memory.fill(stamp, address, address + size)
          held.set(address, { size, stamp })
        }
      })
      for (const [address, block] of held) checkStamp(address, block)
      const live = liveBlocks()
      expect(live.map(({ address }) => address)).toEqual([...held.keys()].sort((a, b) => a - b))
      for (const { address, words, tag } of live) {
        expect(words).toBeGreaterThanOrEqual(held.get(address)?.size ?? Infinity)
        expect(tag).toBe((held.get(address)?.stamp ?? NaN) + 1)
      }
    }), { numRuns: 60 })
  })

  test('xzalloc: all words are 0, also where others were before', () => {
    const first = xmalloc(20, Thing.tag)
    memory.fill(-1, first, first + 20)
    xfree(first)
    for (let i = 0; i < 3; i++) {
      const address = xzalloc(20, Thing.tag)
      expect(memory.slice(address, address + 20)).toEqual(new Int32Array(20))
    }
  })

  test('B1: giving back twice, what is no block, or null is a BUG', () => {
    const address = xmalloc(4, Thing.tag)
    xfree(address)
    expect(() => { xfree(address) }).toThrow('B1: xfree of a free block')
    formatMemory({ cpus: 1, debug })
    const other = xmalloc(4, Thing.tag)
    expect(() => { xfree(other + 1) }).toThrow('B1: xfree of an address that is no block')
    formatMemory({ cpus: 1, debug })
    expect(() => { xfree(0) }).toThrow('B1')
  })

  test('B2: a write behind the block is found when it is given back', () => {
    const address = xmalloc(4, Thing.tag)
    st(address + 4, 0)
    expect(() => { xfree(address) }).toThrow('B2')
  })

  test('what is not given back is listed with its struct', () => {
    xfree(xmalloc(Thing.sizeWords, Thing.tag))
    xmalloc(Thing.sizeWords, Thing.tag)
    xmalloc(Other.sizeWords, Other.tag)
    xmalloc(Other.sizeWords, Other.tag)
    expect(heapEvidence(memory)).toEqual({ Thing: { blocks: 1, words: 4 }, Other: { blocks: 2, words: 8 } })
  })

  test('memory that is out gives 0 and takes nothing; what is freed is there again', () => {
    const all: number[] = []
    for (let address = xmalloc(1 << 20, 1); address !== 0; address = xmalloc(1 << 20, 1)) all.push(address)
    expect(all.length).toBeGreaterThan(3)
    expect(liveBlocks()).toHaveLength(all.length)
    for (const address of all) xfree(address)
    expect(all.map(() => xmalloc(1 << 20, 1))).not.toContain(0)
    expect(xmalloc(1 << 20, 1)).toBe(0)
  })

  test('sizes that no block has give 0', () => {
    for (const size of [0, -1, (1 << 24) + 1]) expect(xmalloc(size, 1)).toBe(0)
  })

  test('the n-th allocation fails once when asked to', () => {
    for (const n of [1, 2, 3]) {
      failAllocation(n)
      const got = Array.from({ length: 4 }, () => (xmalloc(4, 1) === 0 ? 0 : 1))
      expect(got).toEqual([1, 1, 1, 1].map((one, i) => (i === n - 1 ? 0 : one)))
    }
    failAllocation(1)
    failAllocation(0)
    expect(xmalloc(4, 1)).not.toBe(0)
  })
})

describe('heap with debug checks', () => {
  beforeEach(() => { formatMemory({ cpus: 1, debug: true }) })

  test('B3: a write to a free block is found when it is handed out again', () => {
    const address = xmalloc(4, Thing.tag)
    xfree(address)
    st(address + 2, 1)
    expect(() => { for (let i = 0; i < 2; i++) xmalloc(4, Thing.tag) }).toThrow('B3: a free block was written')
  })

  test('B3: twin: without debug checks nobody looks', () => {
    formatMemory({ cpus: 1, debug: false })
    const address = xmalloc(4, Thing.tag)
    xfree(address)
    st(address + 2, 1)
    expect(xmalloc(4, Thing.tag)).toBe(address)
  })

  test('what is freed is poisoned, and the oldest free block is the next to be handed out', () => {
    const blocks = [1, 2, 3].map(() => xmalloc(4, Thing.tag))
    for (const address of blocks) xfree(address)
    expect(ld(blocks[0] ?? 0)).toBe(0x6b6b6b6b)
    expect([1, 2, 3].map(() => xmalloc(4, Thing.tag))).toEqual(blocks)
  })
})

function checkStamp(address: number, block: { size: number, stamp: number } | undefined): void {
  const { size, stamp } = block ?? { size: 0, stamp: 0 }
  for (let at = address; at < address + size; at++) if (memory[at] !== stamp) throw new Error(`word ${at} was overwritten`)
}
