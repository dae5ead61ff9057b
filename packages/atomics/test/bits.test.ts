// SPDX-License-Identifier: MIT
import { formatMemory, ld, st, xzalloc } from '@bottomhalf/machine'
import * as fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  bitmapClear, bitmapEmpty, bitmapFill, bitmapFirst, bitmapFirstZero, bitmapFull, bitmapNext, bitmapNextZero,
  bitmapSet, bitmapTest, bitmapTestAndClear, bitmapTestAndSet, bitmapWeight, bitmapWords, bitmapZero, clearBit, setBit,
  testBit,
} from '../src/index.js'

let map = 0

beforeEach(() => {
  formatMemory({ cpus: 1, debug: true })
  map = xzalloc(8, 0)
})

describe('bits of a word', () => {
  test.each([0, 1, 30, 31])('bit %i is set and cleared alone', (nr) => {
    st(map, 0x5a5a5a5a & ~(1 << nr))
    setBit(nr, map)
    expect(ld(map)).toBe((0x5a5a5a5a & ~(1 << nr)) | (1 << nr))
    expect(testBit(nr, map)).toBe(true)
    clearBit(nr, map)
    expect(ld(map)).toBe(0x5a5a5a5a & ~(1 << nr))
    expect(testBit(nr, map)).toBe(false)
  })
})

describe('bitmaps', () => {
  test('an empty search ends with the number of bits, whatever lies behind them', () => {
    st(map + 1, -1)
    expect([bitmapFirst(map, 32), bitmapNext(map, 32, 32), bitmapWeight(map, 32)]).toEqual([32, 32, 0])
    expect([bitmapFirst(map, 40), bitmapNext(map, 40, 36), bitmapWeight(map, 40)]).toEqual([32, 36, 8])
    bitmapFill(map, 33)
    expect([bitmapFirstZero(map, 33), bitmapFull(map, 33), bitmapFull(map, 65)]).toEqual([33, true, false])
  })

  test('fill and zero leave what lies behind the bits', () => {
    st(map + 1, 0x70)
    bitmapFill(map, 36)
    expect([ld(map), ld(map + 1)]).toEqual([-1, 0x7f])
    bitmapZero(map, 36)
    expect([ld(map), ld(map + 1)]).toEqual([0, 0x70])
    expect(bitmapWords(36)).toBe(2)
    expect([bitmapWords(0), bitmapWords(32), bitmapWords(33)]).toEqual([0, 1, 2])
  })

  test('a bitmap is the set that the same steps make', () => {
    const bits = 77
    const steps = fc.array(fc.record({
      op: fc.constantFrom('set', 'clear', 'testAndSet', 'testAndClear', 'fill', 'zero'), nr: fc.nat(bits - 1),
    }), { maxLength: 80 })
    fc.assert(fc.property(steps, fc.nat(bits), (program, from) => {
      bitmapZero(map, 96)
      const set = new Set<number>()
      for (const { op, nr } of program) {
        const was = set.has(nr)
        switch (op) {
          case 'set': bitmapSet(map, nr); set.add(nr); break
          case 'clear': bitmapClear(map, nr); set.delete(nr); break
          case 'testAndSet': expect(bitmapTestAndSet(map, nr)).toBe(was); set.add(nr); break
          case 'testAndClear': expect(bitmapTestAndClear(map, nr)).toBe(was); set.delete(nr); break
          case 'fill': bitmapFill(map, nr); for (let i = 0; i < nr; i++) set.add(i); break
          case 'zero': bitmapZero(map, nr); for (let i = 0; i < nr; i++) set.delete(i); break
        }
      }
      const all = Array.from({ length: bits }, (_, nr) => nr)
      const next = (wanted: boolean, start: number): number =>
        all.find((nr) => nr >= start && set.has(nr) === wanted) ?? bits
      expect(all.filter((nr) => bitmapTest(map, nr))).toEqual([...set].sort((a, b) => a - b))
      expect([bitmapFirst(map, bits), bitmapNext(map, bits, from)]).toEqual([next(true, 0), next(true, from)])
      expect([bitmapFirstZero(map, bits), bitmapNextZero(map, bits, from)]).toEqual([next(false, 0), next(false, from)])
      expect([bitmapWeight(map, bits), bitmapEmpty(map, bits), bitmapFull(map, bits)])
        .toEqual([set.size, set.size === 0, set.size === bits])
    }), { numRuns: 500 })
  })
})
