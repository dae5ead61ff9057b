// SPDX-License-Identifier: MIT
import { exhaustive, lockstep } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep, Task } from '@bottomhalf/testkit/lockstep'
import { describe, expect, test } from 'vitest'
import {
  addUnless, bitmapFirst, bitmapTestAndSet, clearBit, fetchMax, refGet, refGetUnlessZero, refInit, refPut, setBit,
  sparseDelete, sparseInsert, sparseLookup, sparseNext, sparseNextBatch, testBit,
} from '../src/index.js'
import { churn, getBroken, insertKeys, newIndex, newWords, probed, putBroken, readKeys } from './sparse.model.js'

const start = (cpus: number, debug = false): { m: Lockstep, a: number } => {
  const m = lockstep({ cpus, debug })
  return { m, a: m.call(0, () => newWords(16)) }
}

describe('accesses per operation', () => {
  test('a bit operation is one primitive (M1)', () => {
    const { m, a } = start(1)
    expect(m.countsOf(0, () => setBit(3, a))).toEqual({ fetchOr: 1 })
    expect(m.countsOf(0, () => clearBit(3, a))).toEqual({ fetchAnd: 1 })
    expect(m.countsOf(0, () => testBit(3, a))).toEqual({ load: 1 })
    expect(m.countsOf(0, () => bitmapTestAndSet(a, 40))).toEqual({ testAndSetBit: 1 })
    expect(m.countsOf(0, () => bitmapFirst(a, 64))).toEqual({ load: 2 })
  })

  test('a reference is taken and given back by one operation; unless zero: one load, one cmpxchg', () => {
    const { m, a } = start(1)
    expect(m.countsOf(0, () => refInit(a, 1))).toEqual({ store: 1 })
    expect(m.countsOf(0, () => refGet(a))).toEqual({ fetchAdd: 1 })
    expect(m.countsOf(0, () => refPut(a))).toEqual({ fetchAdd: 1 })
    expect(m.countsOf(0, () => refGetUnlessZero(a))).toEqual({ load: 1, cmpxchg: 1 })
  })

  test('a lookup: one load per level and one for the root, one plain access', () => {
    const { m } = start(1)
    const index = m.call(0, () => newIndex(false))
    m.call(0, () => insertKeys(index, [5]))
    expect(m.countsOf(0, () => sparseLookup(index, 5))).toEqual({ load: 2, ld: 1 })
    m.call(0, () => insertKeys(index, [1000]))
    expect(m.countsOf(0, () => sparseLookup(index, 1000))).toEqual({ load: 3, ld: 1 })
    expect(m.countsOf(0, () => sparseLookup(index, 5000))).toEqual({ load: 1, ld: 1 })
  })

  test('an insert into a leaf that is there and the delete of it allocate nothing', () => {
    const { m } = start(1)
    const index = m.call(0, () => newIndex(false))
    m.call(0, () => insertKeys(index, [5]))
    expect(m.countsOf(0, () => sparseInsert(index, 6, 7))).toEqual({ load: 2, ld: 2, st: 1, store: 1 })
    expect(m.countsOf(0, () => sparseDelete(index, 6))).toEqual({ load: 3, ld: 4, st: 1, store: 1 })
  })

  test('a batch reads each slot of a leaf once', () => {
    const { m, a } = start(1)
    const index = m.call(0, () => newIndex(false))
    m.call(0, () => insertKeys(index, [0, 1, 2, 3]))
    expect(m.countsOf(0, () => sparseNextBatch(index, 0, 4, a))).toEqual({ load: 5, ld: 1, st: 8 })
  })
})

const clean = { complete: true, failure: undefined }

type Check = (answers: unknown[], left: number) => void

/** One function per CPU on one word that is `from`; what they answer and what is left, in every schedule. */
function race(from: number, functions: readonly ((word: number) => unknown)[], check: Check): Exploration {
  const { m, a } = start(functions.length)
  m.call(0, () => refInit(a, from))
  let tasks: Task[] = []
  return exhaustive(m, () => {
    tasks = functions.map((fn, cpu) => m.spawn(cpu, () => fn(a)))
  }, () => { check(tasks.map(({ value }) => value), m.memory[a] ?? -1) })
}

describe('counts in every schedule', () => {
  test('RC2: of three puts exactly one is the last; in two steps not', () => {
    const oneLast: Check = (answers, left) => {
      expect([answers.filter((last) => last).length, left]).toEqual([1, 0])
    }
    expect(race(3, [refPut, refPut, refPut], oneLast)).toMatchObject({ ...clean, executions: 6 })
    expect(race(3, [putBroken, putBroken, putBroken], oneLast).failure).toBeDefined()
  })

  test('RC1: get-unless-zero beside the last put takes a live reference or none; in two steps it revives the dead', () => {
    const aliveOrDead: Check = ([last, got], left) => {
      expect([last, left]).toEqual(got === true ? [false, 1] : [true, 0])
    }
    expect(race(1, [refPut, refGetUnlessZero], aliveOrDead)).toMatchObject(clean)
    expect(race(1, [refPut, getBroken], aliveOrDead).failure).toBeDefined()
  })
})

describe('loops in every schedule', () => {
  test('fetchMax: the largest stays, and each call knows what it found', () => {
    const result = race(3, [(a) => fetchMax(a, 9), (a) => fetchMax(a, 7)], (found, left) => {
      expect(left).toBe(9)
      expect([[3, 9], [3, 3], [7, 3]]).toContainEqual(found)
    })
    expect(result).toMatchObject(clean)
  })

  test('addUnless: every addition counts, none passes the word that forbids it', () => {
    const down = (a: number): boolean => addUnless(a, -1, 1)
    const result = race(3, [down, down, down], (added, left) => {
      expect([added.filter((done) => done).length, left]).toEqual([2, 1])
    })
    expect(result).toMatchObject(clean)
  })
})

test('a key that is not there leads nobody into the null page', () => {
  const m = lockstep({ cpus: 1, log: true })
  const index = m.call(0, () => newIndex(false))
  const touched = (): number[] => {
    m.resetCounts()
    for (const key of [0, 5, 40, 2000]) {
      m.call(0, () => sparseLookup(index, key))
      m.call(0, () => sparseDelete(index, key))
      m.call(0, () => sparseNext(index, key))
    }
    return m.log.map(({ a }) => a).filter((a) => a < 64)
  }
  expect(touched()).toEqual([])
  m.call(0, () => insertKeys(index, [1000, 70]))
  expect(touched()).toEqual([])
})

describe('a reader without the lock, in every schedule of two preemptions', () => {
  type Reader = (index: number, out: number) => unknown
  /** A writer makes the tree higher and lower around key 5, which stays. */
  const beside = (deferred: boolean, reader: Reader, check: (value: unknown) => void): Exploration => {
    const { m, a } = start(2, true)
    const index = m.call(0, () => newIndex(deferred))
    m.call(0, () => insertKeys(index, [5]))
    let task: Task
    return exhaustive(m, () => {
      m.spawn(0, () => churn(index, 40))
      task = m.spawn(1, () => reader(index, a))
    }, () => {
      check(task.value)
      expect(m.call(0, () => probed()).reachable).toBe(0)
    }, { preemptions: 2 })
  }

  test('X1, X3: a key that stays is found with nodes freed later; freed at once, the reader reads what is free', () => {
    const isThere = (value: unknown): void => { expect(value).toBe(6) }
    expect(beside(true, (index) => sparseLookup(index, 5), isThere)).toMatchObject(clean)
    expect(beside(false, (index) => sparseLookup(index, 5), isThere).failure).toBeDefined()
  })

  test('X1: a key that comes and goes is there or not, and its value whole', () => {
    const whole = (value: unknown): void => { expect([0, 7]).toContain(value) }
    expect(beside(true, (index) => sparseLookup(index, 40), whole)).toMatchObject(clean)
  })

  test('X1: a batch has the key that stays, and perhaps the one that comes and goes', () => {
    const has5 = (keys: unknown): void => { expect([[5], [5, 40]]).toContainEqual(keys) }
    expect(beside(true, readKeys, has5)).toMatchObject(clean)
  })
})
