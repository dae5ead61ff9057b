// SPDX-License-Identifier: MIT
import { exhaustive, lockstep, reasonOf, roundRobin, sample } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep, OperationCounts } from '@bottomhalf/testkit/lockstep'
import { describe, expect, test } from 'vitest'
import { TASKLET_LOCK_GLOBAL, TASKLET_LOCK_PER_CPU } from '../src/index.js'
import {
  boot, comeAndGo, holdLockAndKill, hotplugThenIdle, idle, irqsOn, killThenIdle, killWithoutWait, produceCarelessly,
  produceThenIdle, scheduleOne, scheduleOneOn, serve, useLockInTasklet, World,
} from './tasklet.model.js'

function machineOf(cpus: number, lock: number, debug = false): Lockstep {
  const machine = lockstep({ cpus, debug, interrupts: 'free' })
  machine.call(0, () => boot(cpus, lock))
  return machine
}

const word = (machine: Lockstep, offset: number): number => machine.memory[World.base + offset] ?? 0
const locks: [string, number][] = [['one lock', TASKLET_LOCK_GLOBAL], ['a lock per CPU', TASKLET_LOCK_PER_CPU]]

/** One operation's accesses, without those of the tasklet's function. */
describe('what a tasklet costs', () => {
  const body = new Map([['load', 2], ['fetchAdd', 4], ['xchg', 1]])
  const less = (counts: OperationCounts): OperationCounts => {
    const rest = Object.entries(counts).map(([name, n]): [string, number] => [name, (n ?? 0) - (body.get(name) ?? 0)])
    return Object.fromEntries(rest.filter(([, n]) => n !== 0))
  }

  test('with one lock: schedule 1 acquisition, run 2; nothing but plain accesses beside them and the pending bit', () => {
    const machine = machineOf(2, TASKLET_LOCK_GLOBAL)
    machine.call(0, () => irqsOn())
    expect(machine.countsOf(0, () => scheduleOne())).toEqual({
      irqSave: 1, irqRestore: 1, cmpxchg: 1, store: 1, testAndSetBit: 1, ld: 11, st: 5,
    })
    expect(less(machine.countsOf(0, () => serve()))).toEqual({
      irqDisable: 2, irqEnable: 2, cmpxchg: 2, store: 2, load: 2, testAndClearBit: 1, ld: 17, st: 8,
    })
    expect(word(machine, World.runs)).toBe(1)
  })

  test('with a lock per CPU: the same acquisitions, and the guardian read to find the lock', () => {
    const machine = machineOf(2, TASKLET_LOCK_PER_CPU)
    machine.call(0, () => irqsOn())
    expect(machine.countsOf(0, () => scheduleOne())).toMatchObject({ cmpxchg: 1, store: 1, load: 2 })
    expect(less(machine.countsOf(0, () => serve()))).toMatchObject({ cmpxchg: 2, store: 2, load: 2 })
    expect(machine.countsOf(0, () => scheduleOneOn(1))).toMatchObject({ cmpxchg: 2, raiseVector: 1 })
  })
})

describe.each(locks)('with %s', (_, lock) => {
  function threeProduce(machine: Lockstep, producer: () => unknown, runs: number): Exploration {
    return sample(machine, () => {
      for (let cpu = 0; cpu < 3; cpu++) machine.spawn(cpu, producer)
    }, (outcome) => {
      expect(outcome.verdict).toBe('idle')
      expect([word(machine, World.left), word(machine, World.done)]).toEqual([0, 9])
    }, { runs, seed: 1, maxSteps: 20_000 })
  }

  test('T3, TL-3, TL-4: three CPUs schedule one tasklet everywhere: one inside at a time, no work left, 1 000 schedules', () => {
    expect(threeProduce(machineOf(3, lock), () => produceThenIdle(3, 3), 1000).failure?.reason).toBeUndefined()
  })

  test('LK-2, LK-4: the same with the checks of locks on, 200 schedules', () => {
    expect(threeProduce(machineOf(3, lock, true), () => produceThenIdle(3, 3), 200).failure?.reason).toBeUndefined()
  })

  test('T3: twin: not asking whether it runs lets two CPUs in, or loses work', () => {
    expect(threeProduce(machineOf(3, lock), () => produceCarelessly(3, 3), 1000).failure?.reason).toMatch(/T3|deeply equal|limit/)
  })

  test('T3: two schedules against a running CPU, every schedule with up to 2 preemptions', () => {
    const machine = machineOf(2, lock)
    const result = exhaustive(machine, () => {
      machine.spawn(0, () => produceThenIdle(2, 2))
      machine.spawn(1, () => idle())
    }, () => { expect(word(machine, World.left)).toBe(0) }, { preemptions: 2, plainIsQuiet: true })
    expect(result.failure?.reason).toBeUndefined()
    expect(result.complete).toBe(true)
  })

  function killUnderFire(killer: () => unknown): Exploration {
    const machine = machineOf(3, lock)
    return sample(machine, () => {
      machine.spawn(0, killer)
      machine.spawn(1, () => produceThenIdle(3, 4))
      machine.spawn(2, () => produceThenIdle(3, 4))
    }, (outcome) => { expect(outcome.verdict).toBe('idle') }, { runs: 1000, seed: 4 })
  }

  test('TL-5, T4: after taskletKill nothing runs, whatever others schedule, in 1 000 schedules', () => {
    expect(killUnderFire(() => killThenIdle()).failure?.reason).toBeUndefined()
  })

  test('TL-5: twin: without the wait a run goes on after it', () => {
    expect(killUnderFire(() => killWithoutWait()).failure?.reason).toContain('TL-5')
  })

  test('TL-6, CPU-4: a CPU goes down and comes back under fire: no tasklet is lost, in 500 schedules', () => {
    const machine = machineOf(3, lock)
    const result = sample(machine, () => {
      machine.spawn(0, () => hotplugThenIdle())
      machine.spawn(1, () => comeAndGo())
      machine.spawn(2, () => produceThenIdle(3, 6))
    }, (outcome) => {
      expect(outcome.verdict).toBe('idle')
      expect([word(machine, World.left), word(machine, World.done)]).toEqual([0, 7])
    }, { runs: 500, seed: 8, maxSteps: 50_000 })
    expect(result.failure?.reason).toBeUndefined()
  })

  test('LK-5: killing a running tasklet that wants a lock of the killer hangs without the checks, and is a BUG with them', () => {
    const free = machineOf(2, lock)
    expect(killWithLock(free)).toMatch(/^hang; CPU 0 waits for taskletModel.tasklet.*; CPU 1 waits for taskletModel.lock/)
    expect(killWithLock(machineOf(2, lock, true))).toMatch(/^bug;.*LK-/)
  })

  function killWithLock(machine: Lockstep): string {
    machine.call(0, () => useLockInTasklet())
    machine.spawn(0, () => holdLockAndKill(1))
    machine.spawn(1, () => idle())
    return reasonOf(machine.run(roundRobin()))
  }
})
