// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  AWAIT_ALL_CLEAR, AWAIT_ANY_SET, AWAIT_EQ, AWAIT_NE, NO_CPU, awaitWord, boundMemory, cmpxchg, cpuArea, cpuCount,
  currentCpu, debugChecks, fetchAdd, fetchAnd, fetchOr, formatMemory, global, ld, ldTime, load, nowNs, perCpu,
  setCurrentCpu, smpMb, st, stTime, store, testAndClearBit, testAndSetBit, thisCpu, time, trace, word, words, xchg,
} from '../src/index.js'
import { cpuEvidence, embed, lineBreak, struct } from '../src/index.js'
import { MODEL_WORDS, modelSteps, runModel } from './model.js'
import type { ModelOperation, ModelStep } from './model.js'

const G = global('operations', { words: words(MODEL_WORDS), at: time })
const P = perCpu('mine', { mark: word })
const memory = new Int32Array(boundMemory().buffer)

beforeEach(() => { formatMemory({ cpus: 3 }) })

type Perform = (at: number, b: number, c: number) => number

/** The native operations, called as the model calls its own. */
const native: Record<ModelOperation, Perform> = {
  ld, load, xchg, fetchAdd, fetchOr, fetchAnd, cmpxchg,
  st: (at, b) => { st(at, b); return 0 },
  store: (at, b) => { store(at, b); return 0 },
  testAndSetBit: (at, b) => testAndSetBit(b, at),
  testAndClearBit: (at, b) => testAndClearBit(b, at),
}

const runNative = (steps: readonly ModelStep[]): number[] =>
  steps.map(({ name, at, b, c }) => native[name](G.base + G.words + at, b, c))

describe('memory operations', () => {
  test('M1: every sequence does to the words what the model says, and returns the same values', () => {
    fc.assert(fc.property(modelSteps, (steps) => {
      memory.fill(0, G.base, G.base + MODEL_WORDS)
      const model = new Int32Array(MODEL_WORDS)
      expect(runNative(steps)).toEqual(runModel(model, steps))
      expect(memory.slice(G.base + G.words, G.base + G.words + MODEL_WORDS)).toEqual(model)
    }), { numRuns: 300 })
  })

  test('twin: the model notices an operation that is another one', () => {
    const wrong = (steps: readonly ModelStep[]): number[] =>
      steps.map(({ name, at, b, c }) => native[name === 'fetchOr' ? 'fetchAnd' : name](G.base + G.words + at, b, c))
    expect(() => {
      fc.assert(fc.property(modelSteps, (steps) => {
        memory.fill(0, G.base, G.base + MODEL_WORDS)
        expect(wrong(steps)).toEqual(runModel(new Int32Array(MODEL_WORDS), steps))
      }), { numRuns: 300 })
    }).toThrow('Property failed')
  })

  test('times are doubles in two words', () => {
    stTime(G.base + G.at, 1234567890123456.5)
    expect(ldTime(G.base + G.at)).toBe(1234567890123456.5)
  })

  test('smpMb changes nothing', () => {
    const before = memory.slice(0, G.base + 100)
    smpMb()
    expect(memory.slice(0, G.base + 100)).toEqual(before)
  })

  test('M2: awaitWord returns the value that passed, for each test', () => {
    store(G.base, 6)
    expect(awaitWord(G.base, AWAIT_EQ, 6)).toBe(6)
    expect(awaitWord(G.base, AWAIT_NE, 5)).toBe(6)
    expect(awaitWord(G.base, AWAIT_ALL_CLEAR, 9)).toBe(6)
    expect(awaitWord(G.base, AWAIT_ANY_SET, 4)).toBe(6)
  })
})

describe('places', () => {
  const Inner = struct('Inner', { a: word, at: time, b: word })
  const Outer = struct('Outer', { x: word, inner: embed(Inner), cold: word, hot: lineBreak, y: word, array: words(3) })

  test('fields lie in order, aligned to what they are', () => {
    expect(Inner).toMatchObject({ a: 0, at: 2, b: 4, sizeWords: 6, alignWords: 2 })
    expect(Outer).toMatchObject({ x: 0, inner: 2, cold: 8, y: 32, array: 33, sizeWords: 64, alignWords: 32 })
  })

  test('structs carry a name, a tag of their own and their fields', () => {
    expect(Inner.tag).not.toBe(Outer.tag)
    expect(Inner.fields.map(({ name, kind }) => `${name} ${kind}`)).toEqual(['a word', 'at time', 'b word'])
  })

  test('a field may not have the name of a property of structs', () => {
    expect(() => struct('Bad', { sizeWords: word })).toThrow('reserved')
  })

  test('CPU-1: every CPU has its own area, threads that are none have another, and none shares a line', () => {
    const bases = [0, 1, 2, NO_CPU].map((cpu) => cpuArea(cpu, P))
    const distances = bases.slice(1).map((base, i) => base - (bases[i] ?? 0))
    expect(new Set(bases).size).toBe(4)
    for (const distance of distances) expect(distance % 32).toBe(0)
    for (const base of bases) expect(base % 32).toBe(0)
    expect(Math.max(...bases)).toBeLessThan(G.base)
  })

  test('thisCpu follows the thread\'s CPU', () => {
    for (const cpu of [2, 0, 1]) {
      setCurrentCpu(cpu)
      expect(currentCpu()).toBe(cpu)
      expect(thisCpu(P)).toBe(cpuArea(cpu, P))
    }
  })

  test('a CPU that the machine does not have is a BUG', () => {
    expect(() => { setCurrentCpu(3) }).toThrow('BUG')
    expect(cpuCount()).toBe(3)
  })

  test('declarations after the memory was bound are a BUG: the layout is fixed', () => {
    expect(() => perCpu('late', { mark: word })).toThrow('declared after')
    expect(() => global('late', { mark: word })).toThrow('declared after')
  })
})

describe('binding', () => {
  test('formatting again leaves nothing of what was', () => {
    store(G.base, 5)
    store(cpuArea(1, P), 6)
    formatMemory({ cpus: 2, debug: true })
    expect([load(G.base), load(cpuArea(1, P)), cpuCount(), debugChecks()]).toEqual([0, 0, 2, true])
  })

  test('a count of CPUs that cannot be, or that the memory does not hold, is refused', () => {
    for (const cpus of [0, -1, 1.5, 257]) expect(() => { formatMemory({ cpus }) }).toThrow(RangeError)
  })

  test('TM-2: time counts from boot and does not go back', () => {
    const readings = Array.from({ length: 1000 }, () => nowNs())
    expect(readings.every((reading, i) => reading >= (readings[i - 1] ?? 0))).toBe(true)
    formatMemory({ cpus: 1, bootTimeNs: 0 })
    expect(nowNs()).toBeGreaterThan(readings.at(-1) ?? 0)
  })

  test('trace: a ring per CPU keeps the last 64 records, oldest first; off, it keeps none', () => {
    setCurrentCpu(1)
    for (let i = 0; i < 100; i++) trace(3, i, -i)
    const records = cpuEvidence(memory)[1]?.trace ?? []
    expect(records.map(({ a }) => a)).toEqual(Array.from({ length: 64 }, (_, i) => i + 36))
    expect(records[0]).toMatchObject({ event: 3, a: 36, b: -36 })
    formatMemory({ cpus: 2, trace: false })
    setCurrentCpu(1)
    trace(3, 1, 1)
    expect(cpuEvidence(memory)[1]?.trace).toEqual([])
  })
})
