// SPDX-License-Identifier: MIT
import {
  AWAIT_EQ, AWAIT_NE, LOCAL_TIMER_VECTOR, NO_CPU, currentCpu, global, inIrq, perCpu, thisCpu, time, word,
} from '@bottomhalf/machine'
import { BugError } from '@bottomhalf/base'
import { describe, expect, test } from 'vitest'
import {
  addressName, exhaustive, explicit, lockstep, random, reasonOf, roundRobin, runToBlock, sample,
} from '../src/lockstep.js'
import type { Lockstep } from '../src/lockstep.js'
import {
  awaitWord, cmpxchg, cpuRelax, fetchAdd, haltUntilInterrupt, irqDisable, irqEnable, irqRestore, irqSave, ld, ldTime,
  load, raiseVector, setDeadline, st, steppedHandler, stTime, store, xfree, xmalloc,
} from './words.js'

const G = global('words', { x: word, y: word, lock: word, seen: word, at: time })
const C = perCpu('cpuWords', { taken: word })
const takeVector = steppedHandler('takeVector', function* (vector) {
  yield* st(thisCpu(C) + C.taken, (yield* ld(thisCpu(C) + C.taken)) + 1)
  yield* store(G.base + G.seen, vector)
})

const x = (): number => G.base + G.x
const y = (): number => G.base + G.y

function* increment(address: number, times: number): Generator<unknown, number, number> {
  for (let i = 0; i < times; i++) yield* st(address, (yield* ld(address)) + 1)
  return currentCpu()
}

function* lockedIncrement(address: number): Generator<unknown, number, number> {
  while ((yield* cmpxchg(G.base + G.lock, 0, 1)) !== 0) yield* awaitWord(G.base + G.lock, AWAIT_EQ, 0)
  yield* increment(address, 1)
  yield* store(G.base + G.lock, 0)
  return 0
}

const valueOf = (machine: Lockstep, address: number): number => machine.memory[address] ?? 0

describe('L1: schedules', () => {
  test('round robin of one step loses an update of a plain counter', () => {
    const machine = lockstep({ cpus: 2 })
    machine.spawn(0, () => increment(x(), 1))
    machine.spawn(1, () => increment(x(), 1))
    const outcome = machine.run(roundRobin())
    expect(outcome).toMatchObject({ verdict: 'finished', steps: 4, schedule: [0, 2, 0, 2] })
    expect(valueOf(machine, x())).toBe(1)
  })

  test('a quantum of two steps loses none', () => {
    const machine = lockstep({ cpus: 2 })
    machine.spawn(0, () => increment(x(), 3))
    machine.spawn(1, () => increment(x(), 3))
    expect(machine.run(roundRobin(2)).schedule).toEqual([0, 0, 2, 2, 0, 0, 2, 2, 0, 0, 2, 2])
    expect(valueOf(machine, x())).toBe(6)
  })

  test('the schedule of a random run replays it', () => {
    const machine = lockstep({ cpus: 3, log: true })
    const start = machine.snapshot()
    const spawn = (): void => { for (let cpu = 0; cpu < 3; cpu++) machine.spawn(cpu, () => increment(x(), 4)) }
    spawn()
    const first = machine.run(random(42))
    const log = [...machine.log]
    machine.resetCounts()
    const value = valueOf(machine, x())
    machine.restore(start)
    spawn()
    const second = machine.run(explicit(first.schedule))
    expect(second.schedule).toEqual(first.schedule)
    expect(machine.log).toEqual(log)
    expect(valueOf(machine, x())).toBe(value)
  })

  test('an explicit choice that is not possible is an error', () => {
    const machine = lockstep({ cpus: 2 })
    machine.spawn(0, () => increment(x(), 1))
    expect(() => machine.run(explicit([2]))).toThrow('step 0: 2 is not possible, only 0')
  })

  test('currentCpu is the CPU of the running context, and a device is none', () => {
    const machine = lockstep({ cpus: 2 })
    const tasks = [machine.spawn(1, () => increment(x(), 1)), machine.spawn(NO_CPU, () => increment(y(), 1))]
    machine.run(runToBlock())
    expect(tasks.map(({ value }) => value)).toEqual([1, NO_CPU])
  })
})

describe('L2: waits', () => {
  test('a wait goes on when its word passes the test, with the value that passed', () => {
    const machine = lockstep({ cpus: 2 })
    const waiter = machine.spawn(0, () => awaitWord(x(), AWAIT_NE, 0))
    machine.spawn(1, () => store(x(), 7))
    expect(machine.choices()).toEqual([2])
    expect(machine.run(roundRobin()).verdict).toBe('finished')
    expect(waiter.value).toBe(7)
  })

  test('a wait that nobody ends is a hang, and names who waits for what', () => {
    const machine = lockstep({ cpus: 2 })
    machine.spawn(1, () => awaitWord(G.base + G.lock, AWAIT_EQ, 5))
    const outcome = machine.run(roundRobin())
    expect(outcome.verdict).toBe('hang')
    expect(reasonOf(outcome)).toBe('hang; CPU 1 waits for words.lock == 5, it is 0')
  })

  test('a spin with cpuRelax lets others go on, and alone it meets the limit', () => {
    const machine = lockstep({ cpus: 2 })
    const spin = function* (): Generator<unknown, void, number> {
      while ((yield* load(x())) === 0) yield* cpuRelax()
    }
    machine.spawn(0, spin)
    expect(machine.run(runToBlock(), { maxSteps: 50 })).toMatchObject({ verdict: 'limit', steps: 50 })
    machine.spawn(1, () => store(x(), 1))
    expect(machine.run(runToBlock()).verdict).toBe('finished')
  })

  test('call runs alone, and tells when it cannot end', () => {
    const machine = lockstep({ cpus: 1 })
    expect(machine.call<unknown>(0, () => increment(x(), 2))).toBe(0)
    expect(() => machine.call(0, () => awaitWord(x(), AWAIT_EQ, 3))).toThrow('call: CPU 0 waits for words.x == 3, it is 2')
    expect(machine.call<unknown>(0, () => ld(x()))).toBe(2)
  })

  test('a BUG of a context ends the run with the error', () => {
    const machine = lockstep({ cpus: 1 })
    machine.spawn(0, () => xfree(12345))
    const outcome = machine.run(roundRobin())
    expect(outcome.verdict).toBe('bug')
    expect(outcome.error).toBeInstanceOf(BugError)
  })
})

describe('interrupts', () => {
  const raiseSelf = function* (): Generator<unknown, number, number> {
    yield* raiseVector(0, 0x40)
    yield* st(x(), 1)
    yield* irqEnable()
    yield* st(y(), valueAt(G.base + G.seen))
    return inIrq() ? 1 : 0
  }
  let words: Int32Array
  const valueAt = (address: number): number => words[address] ?? 0

  test('CPU-2: a vector requested with IF = 0 is taken when IF turns on', () => {
    const machine = lockstep({ cpus: 1, interruptEntry: takeVector, log: true })
    words = machine.memory
    const task = machine.spawn(0, raiseSelf)
    expect(machine.run(roundRobin()).verdict).toBe('finished')
    expect(task.value).toBe(0)
    // the step behind irqEnable computed its value before the interrupt, its access came after
    const written = machine.log.map(({ a }) => a)
    expect(written.indexOf(G.base + G.seen)).toBeLessThan(written.indexOf(y()))
    expect(valueOf(machine, G.base + G.seen)).toBe(0x40)
  })

  test('free: an interrupt may come at any step with IF = 1, and at none with IF = 0', () => {
    const machine = lockstep({ cpus: 1, interrupts: 'free', interruptEntry: takeVector })
    const places = new Set<number>()
    const program = function* (): Generator<unknown, void, number> {
      yield* irqEnable()
      yield* st(x(), 1)
      const flags = yield* irqSave()
      yield* st(x(), 2)
      yield* irqRestore(flags)
    }
    machine.call(NO_CPU, () => raiseVector(0, 0x40))
    const result = exhaustive(machine, () => { machine.spawn(0, program) }, (outcome) => {
      places.add(outcome.schedule.indexOf(1))
    })
    expect(result).toMatchObject({ complete: true, executions: 3 })
    expect([...places].sort()).toEqual([1, 2, 5])
  })

  test('CPU-3: a halted CPU waits for a vector and goes on behind it with IF = 1', () => {
    const machine = lockstep({ cpus: 2, interruptEntry: takeVector })
    const sleeper = machine.spawn(0, function* () {
      yield* irqDisable()
      yield* haltUntilInterrupt()
      return yield* ld(C.taken + thisCpu(C))
    })
    expect(machine.run(roundRobin()).verdict).toBe('idle')
    machine.spawn(1, () => raiseVector(0, 0x55))
    expect(machine.run(roundRobin()).verdict).toBe('finished')
    expect(sleeper.value).toBe(1)
  })

  test('CPU-3: checking with IF = 1 and then halting can sleep through the wake-up; with IF = 0 it cannot', () => {
    const machine = lockstep({ cpus: 2, interrupts: 'free', interruptEntry: takeVector })
    const idle = (careful: boolean) => function* (): Generator<unknown, void, number> {
      if (!careful) yield* irqEnable()
      if ((yield* load(x())) !== 0) return
      if (!careful) yield* irqDisable()
      yield* haltUntilInterrupt()
    }
    const waker = function* (): Generator<unknown, void, number> {
      yield* store(x(), 1)
      yield* raiseVector(0, 0x40)
    }
    const search = (careful: boolean) => exhaustive(machine, () => {
      machine.spawn(0, idle(careful))
      machine.spawn(1, waker)
    }, () => { /* the verdict decides */ }, { accept: ['finished'] })
    expect(search(true)).toMatchObject({ complete: true, failure: undefined })
    expect(search(false).failure?.reason).toBe('idle; CPU 0 waits for an interrupt (halted)')
  })

  test('polled: with IF = 1 all along, a vector is taken at cpuRelax and not before', () => {
    const machine = lockstep({ cpus: 1, interrupts: 'polled', interruptEntry: takeVector, irqsOn: true })
    machine.call(NO_CPU, () => raiseVector(0, 0x40))
    machine.spawn(0, function* () {
      yield* st(x(), 1)
      yield* cpuRelax()
      yield* st(x(), 2)
    })
    expect(machine.run(roundRobin()).schedule).toEqual([0, 0, 1, 0, 0, 0, 0])
  })

  test('a deadline comes when virtual time reaches it, at the latest when all sleep', () => {
    const machine = lockstep({ cpus: 1, interruptEntry: takeVector })
    machine.spawn(0, function* () {
      yield* setDeadline(5000)
      yield* haltUntilInterrupt()
    })
    expect(machine.run(roundRobin()).verdict).toBe('finished')
    expect(valueOf(machine, G.base + G.seen)).toBe(LOCAL_TIMER_VECTOR)
    expect(machine.nowNs()).toBe(5000)
  })
})

describe('searches', () => {
  const twice = (machine: Lockstep, worker: (address: number) => unknown) => () => {
    machine.spawn(0, () => worker(x()))
    machine.spawn(1, () => worker(x()))
  }

  test('exhaustive: two plain increments have 6 schedules; the first that loses one is found', () => {
    const machine = lockstep({ cpus: 2 })
    const spawn = twice(machine, (address) => increment(address, 1))
    const all = exhaustive(machine, spawn, () => { /* count only */ })
    expect(all).toMatchObject({ executions: 6, complete: true, deepest: 4 })
    const lost = exhaustive(machine, spawn, () => { expect(valueOf(machine, x())).toBe(2) })
    expect(lost.failure?.schedule).toEqual([0, 2, 2, 0])
  })

  test('exhaustive: without preemptions nothing is lost, with one it is', () => {
    const machine = lockstep({ cpus: 2 })
    const spawn = twice(machine, (address) => increment(address, 2))
    const search = (preemptions: number) =>
      exhaustive(machine, spawn, () => { expect(valueOf(machine, x())).toBe(4) }, { preemptions })
    expect(search(0)).toMatchObject({ executions: 2, complete: true, failure: undefined })
    expect(search(1).failure).toBeDefined()
  })

  test('exhaustive: under a lock nothing is lost in any schedule; quiet plain accesses make fewer', () => {
    const machine = lockstep({ cpus: 2 })
    const spawn = twice(machine, lockedIncrement)
    const search = (plainIsQuiet: boolean) =>
      exhaustive(machine, spawn, () => { expect(valueOf(machine, x())).toBe(2) }, { plainIsQuiet })
    const all = search(false)
    const fewer = search(true)
    expect(all).toMatchObject({ complete: true, failure: undefined })
    expect(fewer).toMatchObject({ complete: true, failure: undefined })
    expect(fewer.executions).toBeLessThan(all.executions)
  })

  test('sample: finds the lost update, and its schedule replays', () => {
    const machine = lockstep({ cpus: 2 })
    const spawn = twice(machine, (address) => increment(address, 3))
    const start = machine.snapshot()
    const { failure } = sample(machine, spawn, () => { expect(valueOf(machine, x())).toBe(6) }, { runs: 100, seed: 1 })
    expect(failure?.reason).toContain('of seed 1')
    machine.restore(start)
    spawn()
    machine.run(explicit(failure?.schedule ?? []))
    expect(valueOf(machine, x())).toBeLessThan(6)
  })
})

describe('counting, memory', () => {
  test('operations are counted by kind', () => {
    const machine = lockstep({ cpus: 1 })
    expect(machine.countsOf(0, () => lockedIncrement(x()))).toEqual({ cmpxchg: 1, ld: 1, st: 1, store: 1 })
    expect(machine.countsOf(0, () => fetchAdd(x(), 1))).toEqual({ fetchAdd: 1 })
  })

  test('a snapshot brings back words, heap and time', () => {
    const machine = lockstep({ cpus: 1, nsPerStep: 10 })
    machine.call(0, () => xmalloc(8, 0))
    const before = machine.snapshot()
    const copy = machine.memory.slice(0, 20_000)
    const block = machine.call<unknown>(0, () => xmalloc(100, 0)) as number
    machine.call(0, () => st(block, 9))
    expect(machine.nowNs()).toBe(30)
    machine.restore(before)
    expect(machine.memory.slice(0, 20_000)).toEqual(copy)
    expect(machine.nowNs()).toBe(10)
  })

  test('times keep their value when their operation is suspended', () => {
    const machine = lockstep({ cpus: 2 })
    const at = G.base + G.at
    machine.spawn(0, () => stTime(at, 1e15 + 0.5))
    machine.spawn(1, () => stTime(at, 3))
    machine.run(explicit([2, 0]))
    expect(machine.call<unknown>(0, () => ldTime(at))).toBe(1e15 + 0.5)
  })

  test('addresses have names', () => {
    const machine = lockstep({ cpus: 2 })
    const block = machine.call<unknown>(0, () => xmalloc(4, G.tag)) as number
    expect(addressName(machine.memory, y())).toBe('words.y')
    expect(addressName(machine.memory, block + 2)).toContain('+2 at')
  })
})
