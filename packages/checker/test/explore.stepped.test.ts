// SPDX-License-Identifier: MIT
/** Models of real stepped code. */
import {
  AWAIT_ALL_CLEAR, AWAIT_ANY_SET, AWAIT_EQ, AWAIT_NE, LOCAL_TIMER_VECTOR, setInterruptEntry,
} from '@bottomhalf/machine'
import { Op as MachineOp } from '@bottomhalf/machine/engine'
import { describe, expect, it, vi } from 'vitest'
import { formatCheckpoint, parseCheckpoint } from '../src/checkpoint.js'
import { explore, replayModel, type Exploration } from '../src/model/explore.js'
import { defineModel, DEVICE, type ModelDefinition } from '../src/model/model.js'
import { Footprints } from '../src/footprints.js'
import type { End } from '../src/judge.js'
import * as ops from '../src/op.js'
import { formatSchedule, parseSchedule } from '../src/schedule.js'
import {
  add, addIrqsave, arm, begun, boot, consume, Counter, countTurns, fickle, leaves, lookAround, onVectorHandler, publish,
  raiseFlag, readNull, readOnlyWords, ring, sleepUntilFlag, spin, spoil, waitForEver, watchFlags, watchFlagsInIrq,
  writeLate, wrongValue,
} from './protocols.model.js'

const value = (expected: number) => () => wrongValue(expected)

const fail = (message: string): never => { throw new Error(message) }

const counter = (locked: boolean) => defineModel({
  name: 'counter', cpus: 2,
  setup: () => boot(),
  threads: [{ cpu: 0, run: () => add(locked) }, { cpu: 1, run: () => add(locked) }],
  atRest: value(2),
})

describe('O1', () => {
  it('O1: operations and tests have the numbers of the machine', () => {
    for (const [name, number] of Object.entries(MachineOp)) expect(ops.Op[name as keyof typeof ops.Op]).toBe(number)
    expect([ops.AWAIT_EQ, ops.AWAIT_NE, ops.AWAIT_ALL_CLEAR, ops.AWAIT_ANY_SET])
      .toEqual([AWAIT_EQ, AWAIT_NE, AWAIT_ALL_CLEAR, AWAIT_ANY_SET])
    expect(LOCAL_TIMER_VECTOR).toBe(0xfa)
  })
})

describe.each(['dpor', 'optimal', 'naive', 'bounded', 'stateful'] as const)('%s', (strategy) => {
  it('a counter under a lock is clean; without the lock it is a data race', async () => {
    expect(await explore(counter(true), { strategy })).toMatchObject({ verdict: 'clean' })
    const broken = await explore(counter(false), { strategy })
    expect(broken.violation?.kind).toBe('data-race')
    expect(broken.report).toContain('checkerCounter.value')
  })

  it('without race detection the lost increment itself is found', async () => {
    const broken = await explore(counter(false), { strategy, dataRaces: false })
    expect(broken.violation).toMatchObject({ kind: 'at-rest', message: 'I1: the counter is 1, not 2' })
  })

  it('onlyMessage: of several defects the one that is asked for is found, or none', async () => {
    const found = await explore(counter(false), { strategy, dataRaces: false, onlyMessage: 'is 1, not 2' })
    expect(found.verdict).toBe('violation')
    expect((await explore(counter(false), { strategy, dataRaces: false, onlyMessage: 'another one' })).verdict).toBe('clean')
  })

  it('a lock that an interrupt takes too: with IF on it hangs, with irqsave it is clean', async () => {
    const model = (base: () => unknown) => defineModel({
      name: 'irqsafe', cpus: 2, threads: [{ cpu: 0, run: base }, { cpu: 1, run: () => add(true) }],
      interrupts: [{ cpu: 0, run: () => add(true) }], atRest: value(3),
    })
    const unsafe = await explore(model(() => add(true)), { strategy })
    expect(unsafe.violation).toMatchObject({ kind: 'hang' })
    expect(unsafe.violation?.message).toContain('cpu0 is below irq0@0')
    const preemptions = strategy === 'bounded' ? { preemptions: 2 } : {}
    expect((await explore(model(() => addIrqsave()), { strategy, ...preemptions })).verdict).toBe('clean')
  })

  it('M3: a sleep behind a look with IF = 0 never misses its wake-up; with IF = 1 it does', async () => {
    const model = (safe: boolean) => defineModel({
      name: 'sleep', cpus: 2,
      setup: () => { setInterruptEntry(onVectorHandler) },
      threads: [{ cpu: 0, run: () => sleepUntilFlag(safe) }, { cpu: 1, run: () => ring(0) }],
      atRest: value(1),
    })
    expect((await explore(model(true), { strategy })).verdict).toBe('clean')
    expect((await explore(model(false), { strategy })).violation).toMatchObject({ kind: 'at-rest', message: 'I1: the counter is 0, not 1' })
  })

  it('a record that is freed while somebody reads it is found; handed over it is clean', async () => {
    const model = (early: boolean) => defineModel({
      name: 'records', cpus: 2, threads: [{ cpu: 0, run: () => publish(early) }, { cpu: 1, run: () => consume() }],
    })
    expect((await explore(model(false), { strategy, allowLeaks: true })).verdict).toBe('clean')
    expect((await explore(model(false), { strategy })).violation?.kind).toBe('leak')
    const early = await explore(model(true), { strategy, allowLeaks: true, dataRaces: false })
    expect(['use-after-free', 'double-free']).toContain(early.violation?.kind)
  })
})

describe('steps that are taken at once', () => {
  const late = defineModel({ name: 'late', cpus: 2, threads: [{ run: () => lookAround() }, { run: () => writeLate() }] })
  const values = async (everyStep: boolean) => {
    const seen = new Set<number>()
    const atRest = (_shared: undefined, { word }: End): undefined => { seen.add(word(Counter.base + Counter.value)) }
    await explore({ ...late, atRest }, { everyStep, dataRaces: false })
    return [...seen].sort()
  }

  it('F1: every outcome is found that is there without; the twin, that learns nothing, misses some', async () => {
    expect(await values(false)).toEqual(await values(true))
    const note = vi.spyOn(Footprints.prototype, 'note').mockImplementation(() => undefined)
    const seen = await values(false)
    note.mockRestore()
    expect(seen.length).toBeLessThan((await values(true)).length)
  })
})

describe('searches that stop and go on', () => {
  const model = defineModel({
    name: 'stopped', cpus: 2, threads: [{ run: () => addIrqsave() }, { run: () => add(true) }],
    interrupts: [{ cpu: 0, run: () => add(true) }], atRest: value(3),
  })
  const summary = (result: Exploration) => {
    const { verdict, executions, complete, blocked, redundant, steps, classes } = result
    return { verdict, executions, complete, blocked, redundant, steps, classes, digest: result.digest() }
  }

  it.each(['dpor', 'optimal', 'naive', 'bounded'] as const)('%s: stopped every 3 executions it is the search that was not stopped', async (strategy) => {
    let result = await explore(model, { strategy, maxExecutions: 3 })
    for (let limit = 6; result.checkpoint !== null; limit += 3) {
      const resume = parseCheckpoint(formatCheckpoint(result.checkpoint))
      result = await explore(model, { strategy, maxExecutions: limit, resume })
    }
    expect(summary(result)).toEqual(summary(await explore(model, { strategy })))
  })
})

describe('loops that wait', () => {
  const waiting = (other: () => unknown) =>
    defineModel({ name: 'spin', cpus: 2, threads: [{ run: () => spin() }, { run: other }], atRest: value(1) })

  const strategies = ['dpor', 'optimal', 'naive', 'bounded'] as const
  it.each(strategies)('RX1: %s: a turn is repeated only when something has changed', async (strategy) => {
    const result = await explore(waiting(() => raiseFlag()), { strategy })
    expect(result.verdict).toBe('clean')
    expect(result.maxDepth).toBeLessThan(12)
  })

  it('I8: a loop that nobody ends is a livelock; one that ends by itself does', async () => {
    const endless = await explore(waiting(() => undefined), { maxSteps: 60 })
    expect(endless.violation).toMatchObject({ kind: 'livelock' })
    expect(endless.rule).toBe('I8')
    const threads = [{ run: () => countTurns(3) }, { run: () => countTurns(2) }]
    const counted = defineModel({ name: 'turns', cpus: 2, threads, atRest: value(2) })
    expect((await explore(counted)).verdict).toBe('clean')
  })
})

describe('looks at an end', () => {
  it('AL1: whatever a look writes is taken back; one that waits or allocates is told off', async () => {
    const looking = (atRest: () => string | undefined) => explore({ ...counter(true), atRest }, { minimiseSeconds: 0 })
    const clean = await looking(() => spoil())
    expect(clean.verdict).toBe('clean')
    expect(clean.digest()).toBe((await explore({ ...counter(true), atRest: () => undefined })).digest())
    expect((await looking(() => waitForEver())).violation?.message).toMatch(/^it waits for word \d+, and nobody else runs/)
    expect((await looking(() => leaves())).violation?.message).toBe('a look at an end allocates, frees or calls a CPU')
  })

  it('an invariant that a message begins with is the rule; kinds have rules of their own', async () => {
    expect((await explore(counter(false), { dataRaces: false })).rule).toBe('I1')
    expect((await explore(counter(false))).rule).toBe('I12')
  })
})

describe('what code may ask without a step', () => {
  it('SP1: IF, nesting and CPU are those of the place, however often a context is run again', async () => {
    const model = defineModel({
      name: 'flags', cpus: 2,
      threads: [{ cpu: 0, run: () => watchFlags() }, { cpu: 1, run: () => watchFlags() }],
      interrupts: [{ cpu: 0, run: () => watchFlagsInIrq() }, { cpu: 1, run: () => watchFlagsInIrq() }],
      atRest: value(6),
    })
    const naive = await explore(model, { strategy: 'naive', merge: true })
    expect(naive.verdict).toBe('clean')
    for (const strategy of ['dpor', 'optimal'] as const) {
      const result = await explore(model, { strategy })
      expect(result.verdict).toBe('clean')
      expect(result.digest()).toBe(naive.digest())
    }
  })

  it('SP1: code that gets the values that it got before is not run again', async () => {
    const model = defineModel({ name: 'apart', cpus: 2, threads: [0, 1].map(() => ({ run: () => readOnlyWords() })) })
    begun.times = 0
    const { verdict, executions } = await explore(model, { strategy: 'naive', everyStep: true })
    expect(verdict).toBe('clean')
    expect(executions).toBeGreaterThan(5)
    expect(begun.times).toBe(2)
  })

  it('a deadline may be reached at any moment, and time follows', async () => {
    const model = defineModel({
      name: 'deadline', cpus: 1, setup: () => { setInterruptEntry(onVectorHandler) },
      threads: [{ cpu: 0, run: () => arm() }],
      atRest: (_shared, { word }) => word(Counter.base + Counter.seen) === LOCAL_TIMER_VECTOR ? undefined : 'the deadline was missed',
    })
    const result = await explore(model)
    expect(result).toMatchObject({ verdict: 'clean' })
    expect(result.executions).toBeGreaterThan(2)
  })

  it('a device is no CPU and takes no interrupts', async () => {
    const model = defineModel({
      name: 'device', cpus: 1, setup: () => { setInterruptEntry(onVectorHandler) },
      threads: [{ cpu: DEVICE, run: () => ring(0) }],
      atRest: (_shared, { word }) => word(Counter.base + Counter.seen) === 40 ? undefined : 'the vector was lost',
    })
    expect((await explore(model)).verdict).toBe('clean')
  })
})

describe('steps that nobody else can see', () => {
  const model = (irq: boolean) => defineModel({
    name: 'private', cpus: 2,
    threads: [{ run: () => addIrqsave() }, { run: () => add(true) }],
    interrupts: irq ? [{ cpu: 0, run: () => add(true) }] : [],
  })

  it.each([false, true])('F1: the classes of executions are the same, whether their orders are tried or not', async (irq) => {
    for (const strategy of ['dpor', 'naive'] as const) {
      const every = await explore(model(irq), { strategy, everyStep: true, allowLeaks: true })
      const some = await explore(model(irq), { strategy, allowLeaks: true })
      expect(some.digest()).toBe(every.digest())
      expect(some.executions).toBeLessThanOrEqual(every.executions)
    }
  })

  it('F1: what a later execution touches is known before the verdict: a race behind a rare path is found', async () => {
    const broken = await explore(defineModel({
      name: 'rare', cpus: 2, threads: [{ run: () => add(false) }, { run: () => add(false) }],
    }), { allowLeaks: true })
    expect(broken.violation?.kind).toBe('data-race')
  })
})

describe('what is wrong with the model itself', () => {
  it('SP2: code that does something else the second time is told from code that breaks', async () => {
    const model = defineModel({ name: 'fickle', cpus: 2, threads: [0, 1].map((cpu) => ({ cpu, run: () => fickle() })) })
    expect((await explore(model, { minimiseSeconds: 0 })).violation?.kind).toBe('nondeterminism')
  })

  it('an access through null is a violation', async () => {
    const model = defineModel({ name: 'null', cpus: 1, threads: [{ cpu: 0, run: () => readNull() }] })
    expect((await explore(model)).violation).toMatchObject({ kind: 'bad-access', message: 'access to word 0: a null reference' })
  })

  it.each([
    ['two threads on one CPU', { cpus: 1, threads: [{ cpu: 0, run: add }, { cpu: 0, run: add }] }, 'two threads run on CPU 0'],
    ['a CPU that is not there', { cpus: 1, threads: [{ cpu: 3, run: add }] }, 'a thread runs on CPU 3, there are 1'],
    ['an interrupt of nobody', { cpus: 1, threads: [], interrupts: [{ cpu: 0 }] }, 'an interrupt needs either run or vector'],
    ['no CPU', { cpus: 0, threads: [] }, 'cpus is 0, expected 1..16'],
  ])('%s is refused', (_what, wrong, message) => {
    expect(() => defineModel({ name: 'm', ...wrong } as unknown as ModelDefinition)).toThrow(`model m: ${message}`)
  })
})

describe('schedules of models', () => {
  it('a schedule that went through a file replays bit for bit, and not on other code', async () => {
    const found = await explore(counter(false), { dataRaces: false })
    const schedule = parseSchedule(formatSchedule(found.schedule ?? fail('no schedule')))
    const again = await replayModel(counter(false), schedule, { dataRaces: false })
    expect(again.violation).toMatchObject({ kind: 'at-rest' })
    await expect(replayModel(counter(true), schedule)).rejects.toThrow(/^step 0: cpu\d does cmpxchg checkerCounter.lock = 0, the schedule has another step/)
  })
})
