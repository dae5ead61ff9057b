// SPDX-License-Identifier: MIT
import { formatMemory, ld, st, xzalloc } from '@bottomhalf/machine'
import { beforeEach, describe, expect, test } from 'vitest'
import { addUnless, fetchMax, refGet, refGetUnlessZero, refInit, refPut, refRead } from '../src/index.js'

let count = 0

beforeEach(() => {
  formatMemory({ cpus: 1 })
  count = xzalloc(4, 0)
})

describe('reference counts', () => {
  test('RC2: the last put answers true, the others false', () => {
    refInit(count, 1)
    refGet(count)
    expect(refGetUnlessZero(count)).toBe(true)
    expect(refRead(count)).toBe(3)
    expect([refPut(count), refPut(count), refPut(count)]).toEqual([false, false, true])
  })

  test('RC1: what has no reference any more gives none', () => {
    refInit(count, 0)
    expect(refGetUnlessZero(count)).toBe(false)
    expect(refRead(count)).toBe(0)
    expect(() => { refGet(count) }).toThrow('BUG: RC1: a reference is taken of what has none')
  })

  test('RC2: a put that nobody owed is a BUG', () => {
    refInit(count, 0)
    expect(() => { refPut(count) }).toThrow('BUG: RC2: a reference is given back that nobody held')
  })

  test('RC1: a count that would overflow is a BUG, the one below is none', () => {
    refInit(count, 0x7ffffffe)
    refGet(count)
    expect(() => { refGet(count) }).toThrow('BUG: RC1: a reference count overflows')
  })
})

describe('compare-and-exchange loops', () => {
  test('addUnless adds unless the word is the one named', () => {
    st(count, 5)
    expect([addUnless(count, -2, 3), addUnless(count, -2, 3), ld(count)]).toEqual([true, false, 3])
  })

  test('fetchMax raises and never lowers', () => {
    st(count, 5)
    expect([fetchMax(count, 9), fetchMax(count, 7), fetchMax(count, 9), ld(count)]).toEqual([5, 9, 9, 9])
  })
})
