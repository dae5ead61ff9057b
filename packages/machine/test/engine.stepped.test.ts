// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  NO_CPU, currentCpu, formatMemory, global, handler, inIrq, irqsEnabled, nowNs, perCpu, setCurrentCpu,
  setInterruptEntry, thisCpu, time, word, words,
} from '../src/index.stepped.js'
import * as machine from '../src/index.stepped.js'
import {
  Op, awaitSatisfied, enterInterrupt, leaveInterrupt, memoryWords, perform, requestedVector, setEngine, setStepResult,
  startHandler, stepTime,
} from '../src/engine.js'
import { MODEL_WORDS, modelSteps, runModel } from './model.js'
import type { ModelOperation, ModelStep } from './model.js'

const G = global('engineTest', { words: words(MODEL_WORDS), at: time })
const P = perCpu('engineCpu', { mark: word })
// as the build writes a function that reads a word
const entry = handler('engineEntry', function* (vector: number): Generator<unknown, number, number> {
  const stop: unknown = machine.ld(G.base)
  return vector * 1000 + (stop === true ? yield : machine.stepResult())
})

interface Begun { op: Op, a: number, b: number, c: number, time: number }
let begun: Begun[]
let cpu: number

beforeEach(() => {
  begun = []
  cpu = 0
  setEngine({
    begin: (op, a, b, c) => { begun.push({ op, a, b, c, time: stepTime() }); return true },
    currentCpu: () => cpu,
    nowNs: () => 123,
  })
  formatMemory({ cpus: 2, debug: true })
})

const codes: Record<ModelOperation, Op> = {
  ld: Op.Ld, st: Op.St, load: Op.Load, store: Op.Store, xchg: Op.Xchg, cmpxchg: Op.Cmpxchg, fetchAdd: Op.FetchAdd,
  fetchOr: Op.FetchOr, fetchAnd: Op.FetchAnd, testAndSetBit: Op.TestAndSetBit, testAndClearBit: Op.TestAndClearBit,
}

const performAll = (steps: readonly ModelStep[]): number[] =>
  steps.map(({ name, at, b, c }) => perform(codes[name], G.base + G.words + at, b, c))

describe('operations', () => {
  test('D2: perform does to the words what the model says, and returns the same values', () => {
    fc.assert(fc.property(modelSteps, (steps) => {
      memoryWords.fill(0, G.base, G.base + MODEL_WORDS)
      const model = new Int32Array(MODEL_WORDS)
      expect(performAll(steps)).toEqual(runModel(model, steps))
      expect(memoryWords.slice(G.base + G.words, G.base + G.words + MODEL_WORDS)).toEqual(model)
    }), { numRuns: 300 })
  })

  test('D1: an operation that the engine suspends touches nothing; it arrives with its number and operands', () => {
    const before = memoryWords.slice(0, 40_000)
    const stops: unknown[] = [
      machine.ld(5), machine.st(5, 6), machine.load(5), machine.store(5, 6), machine.xchg(5, 6),
      machine.cmpxchg(5, 6, 7), machine.fetchAdd(5, 6), machine.fetchOr(5, 6), machine.fetchAnd(5, 6),
      machine.testAndSetBit(3, 5),
      machine.testAndClearBit(3, 5), machine.smpMb(), machine.awaitWord(5, 1, 6), machine.cpuRelax(),
      machine.irqDisable(), machine.irqEnable(), machine.irqSave(), machine.irqRestore(1), machine.raiseVector(1, 0x40),
      machine.haltUntilInterrupt(), machine.xmalloc(8, 9), machine.xzalloc(8, 9), machine.xfree(5), machine.ldTime(6),
    ]
    expect(stops.every((stop) => stop === true)).toBe(true)
    expect(memoryWords.slice(0, 40_000)).toEqual(before)
    expect(begun.map(({ op, a, b, c }) => [op, a, b, c])).toEqual([
      [Op.Ld, 5, 0, 0], [Op.St, 5, 6, 0], [Op.Load, 5, 0, 0], [Op.Store, 5, 6, 0], [Op.Xchg, 5, 6, 0],
      [Op.Cmpxchg, 5, 6, 7], [Op.FetchAdd, 5, 6, 0], [Op.FetchOr, 5, 6, 0], [Op.FetchAnd, 5, 6, 0],
      [Op.TestAndSetBit, 5, 3, 0], [Op.TestAndClearBit, 5, 3, 0], [Op.SmpMb, 0, 0, 0], [Op.AwaitWord, 5, 1, 6],
      [Op.CpuRelax, 0, 0, 0], [Op.IrqDisable, 0, 0, 0], [Op.IrqEnable, 0, 0, 0], [Op.IrqSave, 0, 0, 0],
      [Op.IrqRestore, 1, 0, 0], [Op.RaiseVector, 1, 0x40, 0], [Op.Halt, 0, 0, 0], [Op.Xmalloc, 8, 9, 0],
      [Op.Xmalloc, 8, 9, 1], [Op.Xfree, 5, 0, 0], [Op.LdTime, 6, 0, 0],
    ])
  })

  test('times reach the engine whole', () => {
    machine.stTime(6, 1e15 + 0.5)
    machine.setDeadline(77.5)
    const arrived = begun.map(({ op, a, time: at }) => [op, a, at])
    expect(arrived).toEqual([[Op.StTime, 6, 1e15 + 0.5], [Op.SetDeadline, 0, 77.5]])
    perform(Op.StTime, G.base + G.at, 0, 0, 1e15 + 0.5)
    expect(perform(Op.LdTime, G.base + G.at, 0, 0)).toBe(1e15 + 0.5)
  })

  test('every operation has a number of its own, and every one can be performed', () => {
    expect(new Set(Object.values(Op)).size).toBe(25)
    const harmless: Op[] = [Op.SmpMb, Op.CpuRelax, Op.Halt]
    for (const op of harmless) expect(perform(op, 0, 0, 0)).toBe(0)
    expect(perform(Op.AwaitWord, G.base, 0, 0)).toBe(0)
    expect(() => perform(99 as Op, 0, 0, 0)).toThrow('BUG')
  })

  test('M2: the four tests of a wait', () => {
    expect([0, 1, 2, 3].map((t) => [6, 5, 0].map((value) => awaitSatisfied(value, t as 0 | 1 | 2 | 3, 6)))).toEqual([
      [true, false, false], [false, true, true], [false, false, true], [true, true, false],
    ])
  })

  test('without an engine an operation is a BUG; the value of one that was performed at once is read behind it', () => {
    setEngine({ begin: (_op, a) => { setStepResult(a * 2); return false }, currentCpu: () => 0, nowNs: () => 0 })
    expect(machine.ld(21)).toBe(false)
    expect(machine.stepResult()).toBe(42)
  })
})

describe('CPUs and vectors', () => {
  test('the engine names the CPU and the time', () => {
    for (const id of [1, 0, NO_CPU]) {
      cpu = id
      expect(currentCpu()).toBe(id)
      setCurrentCpu(id)
    }
    expect(nowNs()).toBe(123)
    expect(() => { setCurrentCpu(1) }).toThrow('BUG')
    cpu = 1
    const second = thisCpu(P)
    cpu = 0
    expect(second).not.toBe(thisCpu(P))
  })

  test('CPU-2: IF is the running CPU\'s own', () => {
    perform(Op.IrqEnable, 0, 0, 0)
    cpu = 1
    expect(irqsEnabled()).toBe(false)
    cpu = 0
    expect(perform(Op.IrqSave, 0, 0, 0)).toBe(1)
    expect(irqsEnabled()).toBe(false)
    perform(Op.IrqRestore, 1, 0, 0)
    expect(irqsEnabled()).toBe(true)
  })

  test('requested vectors, highest first; entering takes one off, turns IF off and starts the handler', () => {
    setInterruptEntry(entry)
    expect(requestedVector(0)).toBe(-1)
    for (const vector of [0x21, 0xfa, 0x20]) perform(Op.RaiseVector, 0, vector, 0)
    perform(Op.IrqEnable, 0, 0, 0)
    memoryWords[G.base] = 7
    const context = enterInterrupt(0, requestedVector(0))
    expect([irqsEnabled(), inIrq(), requestedVector(0), requestedVector(1)]).toEqual([false, true, 0x21, -1])
    expect(context.next().done).toBe(false)
    expect(begun).toMatchObject([{ op: Op.Ld, a: G.base }])
    expect(context.next(perform(Op.Ld, G.base, 0, 0))).toEqual({ done: true, value: 0xfa * 1000 + 7 })
    leaveInterrupt(0)
    expect([irqsEnabled(), inIrq()]).toEqual([true, false])
  })

  test('a handler is a context of its own', () => {
    const context = startHandler(entry.id, 5)
    context.next()
    expect(context.next(1)).toEqual({ done: true, value: 5001 })
    expect(() => startHandler(99, 0)).toThrow('BUG')
  })
})
