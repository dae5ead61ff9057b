// SPDX-License-Identifier: MIT
import { exhaustive, lockstep, sample } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep, Task } from '@bottomhalf/testkit/lockstep'
import { describe, expect, test } from 'vitest'
import { ipisSent } from '@bottomhalf/cpu'
import {
  boot, idle, idleOrPark, idleOrParkLookingOnce, idleThatClearsLate, idleThatLooksTooEarly, idleWithIrqsOn, irqsOn,
  produce, produceLookingFirst, raiseOne, raiseRemote, serve, takeDown, Work,
} from './softirq.model.js'

function machineOf(cpus: number, debug = false): Lockstep {
  const machine = lockstep({ cpus, debug, interrupts: 'free' })
  machine.call(0, () => boot(cpus))
  return machine
}

const left = (machine: Lockstep): number => machine.memory[Work.base + Work.left] ?? 0
const done = (machine: Lockstep): number => machine.memory[Work.base + Work.done] ?? 0

describe('what an operation costs', () => {
  const machine = machineOf(2)
  machine.call(0, () => irqsOn())

  test('a raise on this CPU is one access', () => {
    expect(machine.countsOf(0, () => raiseOne())).toEqual({ testAndSetBit: 1 })
  })

  test('one served softirq is six accesses beside its handler, and the look that ends the loop one', () => {
    const handlerCost = { xchg: 1 }
    expect(machine.countsOf(0, () => serve())).toEqual({
      ...handlerCost, load: 2, ld: 3, testAndClearBit: 1, st: 1,
    })
    expect(machine.countsOf(0, () => serve())).toEqual({ load: 1 })
  })

  test('a remote raise is two accesses and the interrupt; a second one is one', () => {
    expect(machine.countsOf(0, () => raiseRemote(1))).toEqual({
      testAndSetBit: 1, load: 1, ld: 1, fetchAdd: 1, raiseVector: 1,
    })
    expect(machine.countsOf(0, () => raiseRemote(1))).toEqual({ testAndSetBit: 1 })
  })
})

describe('CPU-3, S1, S5: no raise and no wake-up is lost', () => {
  function twoRaisesAgainstIdle(main: () => unknown, producer: () => unknown = () => produce(1, 2)): Exploration {
    const machine = machineOf(2)
    return exhaustive(machine, () => {
      machine.spawn(0, producer)
      machine.spawn(1, main)
    }, (outcome) => {
      expect(outcome.verdict).toBe('idle')
      expect([left(machine), done(machine)]).toEqual([0, 2])
    }, { preemptions: 3, plainIsQuiet: true })
  }

  test('CPU-3, S1, S5: two raises against the idle loop, every schedule with up to 3 preemptions', () => {
    const result = twoRaisesAgainstIdle(() => idle())
    expect(result.failure?.reason).toBeUndefined()
    expect(result.complete).toBe(true)
    expect(result.executions).toBeGreaterThan(1000)
  })

  test('S5: twin: the flag cleared after the last look sleeps on a raise', () => {
    expect(twoRaisesAgainstIdle(() => idleThatLooksTooEarly()).failure?.reason).toContain('to deeply equal [ +0, 2 ]')
  })

  test('CPU-3: twin: a last look with IF = 1 sleeps on a raise', () => {
    expect(twoRaisesAgainstIdle(() => idleWithIrqsOn()).failure?.reason).toContain('to deeply equal [ +0, 2 ]')
  })

  test('S1: twin: a bit cleared after its handler loses a raise', () => {
    expect(twoRaisesAgainstIdle(() => idleThatClearsLate()).failure?.reason).toContain('to deeply equal [ +0, 2 ]')
  })

  test('S3: twin: a raiser that looks before it sets the bit leaves it unserved', () => {
    const result = twoRaisesAgainstIdle(() => idle(), () => produceLookingFirst(1, 2))
    expect(result.failure?.reason).toContain('to deeply equal [ +0, 2 ]')
  })

  test('CPU-3: three CPUs raise on a fourth that sleeps between: nothing is left in 2 000 schedules', () => {
    const machine = machineOf(4)
    const result = sample(machine, () => {
      for (let cpu = 0; cpu < 3; cpu++) machine.spawn(cpu, () => produce(3, 4))
      machine.spawn(3, () => idle())
    }, () => { expect([left(machine), done(machine)]).toEqual([0, 12]) }, { runs: 2000, seed: 1 })
    expect(result.failure?.reason).toBeUndefined()
  })

  function takeDownAgainst(main: () => unknown): Exploration {
    const machine = machineOf(2)
    const tasks: Task[] = []
    return exhaustive(machine, () => {
      tasks[0] = machine.spawn(0, () => takeDown(1))
      machine.spawn(1, main)
    }, () => { expect(tasks[0]).toMatchObject({ done: true, value: 0 }) }, { preemptions: 2, plainIsQuiet: true })
  }

  test('CPU-4, S6: an idle CPU that is taken down goes on to park, every schedule with up to 2 preemptions', () => {
    const result = takeDownAgainst(() => idleOrPark())
    expect(result.failure?.reason).toBeUndefined()
    expect(result.complete).toBe(true)
  })

  test('S6: twin: a last look that forgets whether the CPU is online sleeps on for ever', () => {
    const result = takeDownAgainst(() => idleOrParkLookingOnce())
    expect(result.failure?.reason).toMatch(/^hang; CPU 0 waits for cpuState.state of CPU 1 == 0/)
  })

  test('S2, S3: an idle CPU that is awake gets fewer IPIs than raises', () => {
    const machine = machineOf(2)
    let sent = 0
    sample(machine, () => {
      machine.spawn(0, () => produce(1, 8))
      machine.spawn(1, () => idle())
    }, () => { sent += machine.call(0, () => ipisSent(0)) }, { runs: 100, seed: 9 })
    expect(sent).toBeGreaterThan(100)
    expect(sent).toBeLessThan(800)
  })
})
