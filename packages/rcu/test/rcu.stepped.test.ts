// SPDX-License-Identifier: MIT
import { EBUSY } from '@bottomhalf/base'
import { ipisSent, tryLockHotplug } from '@bottomhalf/cpu'
import { softirqPending, softirqRuns } from '@bottomhalf/softirq'
import { lockstep, reasonOf, roundRobin, sample } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep, LockstepOptions, Task } from '@bottomhalf/testkit/lockstep'
import { beforeEach, describe, expect, test } from 'vitest'
import { RCU_BATCH } from '../src/index.js'
import {
  barrier, barrierInSection, barrierWithLock, boot, disturbAndReplace, downUpThenIdle, frees, freesAtReturn, idle,
  idleAwake, lockRead, markAwake, RCU, READ, READ_FORGETFUL, readLongThenIdle, readServingForgetfulThenIdle,
  readServingThenIdle, readThenIdle, replace, replaceAndWait, replaceAtOnce, replaceMany, replaceThenIdle, serve,
  sleepNow, takeDown, unlockRead, World,
} from './rcu.model.js'

function machineOf(cpus: number, options: Partial<LockstepOptions> = {}): Lockstep {
  const machine = lockstep({ cpus, debug: false, interrupts: 'free', ...options })
  machine.call(0, () => boot(cpus))
  return machine
}

const freed = (machine: Lockstep): number =>
  machine.memory.slice(World.base + World.freed, World.base + World.heads).reduce((sum, n) => sum + n, 0)

beforeEach(() => { frees.length = 0 })

describe('TM-4: grace periods', () => {
  test('TM-4: with all other CPUs asleep a grace period interrupts nobody and ends at once', () => {
    const machine = machineOf(3)
    for (const cpu of [1, 2]) machine.call(cpu, () => sleepNow())
    machine.call(0, () => replace())
    machine.call(0, () => serve())
    expect(frees).toEqual(['0 @ 0'])
    expect(machine.call(0, () => ipisSent(0))).toBe(0)
  })

  test('TM-4: a CPU that is awake is waited for: it passes its quiescent point in its softirq', () => {
    const machine = machineOf(2)
    machine.call(0, () => replace())
    machine.call(0, () => serve())
    expect(frees).toEqual([])
    expect(machine.call(0, () => softirqPending(1))).toBe(1 << RCU)
    machine.call(1, () => serve())
    machine.call(0, () => serve())
    expect(frees).toEqual(['0 @ 0'])
  })

  test('TM-4, R4: a CPU in a read section is waited for until the section has ended', () => {
    const machine = machineOf(2)
    machine.call(1, () => lockRead())
    machine.call(1, () => lockRead())
    machine.call(0, () => replace())
    for (const cpu of [0, 1, 0]) machine.call(cpu, () => serve())
    machine.call(1, () => unlockRead())
    for (const cpu of [0, 1, 0]) machine.call(cpu, () => serve())
    expect(frees).toEqual([])
    machine.call(1, () => unlockRead())
    for (const cpu of [1, 0]) machine.call(cpu, () => serve())
    expect(frees).toEqual(['0 @ 0'])
  })

  test('R1: what is queued while a grace period runs waits for the next one', () => {
    const machine = machineOf(2)
    machine.call(0, () => replace())
    machine.call(0, () => serve())
    machine.call(0, () => replace())
    machine.call(1, () => serve())
    machine.call(0, () => serve())
    expect(frees).toEqual(['0 @ 0'])
    for (const cpu of [1, 0]) machine.call(cpu, () => serve())
    expect(frees).toEqual(['0 @ 0', '1 @ 0'])
  })

  test('TM-4, R5: callbacks are called in order, ten a turn', () => {
    const machine = machineOf(1)
    machine.call(0, () => replaceMany(25))
    machine.call(0, () => serve())
    expect(frees).toEqual(Array.from({ length: 25 }, (_, n) => `${n} @ 0`))
    expect(RCU_BATCH).toBe(10)
    expect(machine.call(0, () => softirqRuns(0, RCU))).toBeGreaterThanOrEqual(3)
  })

  test('R5: a callback that serves softirqs ends before the next begins', () => {
    const machine = machineOf(1)
    machine.call(0, () => replaceMany(12, true))
    machine.call(0, () => serve())
    expect(frees).toEqual(Array.from({ length: 12 }, (_, n) => `${n} @ 0`))
  })

  test('a read section outside idle costs two plain reads, two writes and two looks at own words', () => {
    const machine = machineOf(2)
    expect(machine.countsOf(0, () => lockRead())).toEqual({ ld: 1, st: 1, load: 1 })
    expect(machine.countsOf(0, () => unlockRead())).toEqual({ ld: 2, st: 1 })
  })

  test('a read section that ends without beginning is a BUG, and so is sleep inside one', () => {
    const machine = machineOf(1)
    expect(() => { machine.call(0, () => unlockRead()) }).toThrow('TM-4')
    machine.call(0, () => lockRead())
    expect(() => { machine.call(0, () => sleepNow()) }).toThrow('TM-4')
  })
})

describe('TM-4: no reader sees a freed object', () => {
  function explore(cpus: number, mains: readonly (() => unknown)[], expected: number, runs = 500): Exploration {
    const machine = machineOf(cpus)
    return sample(machine, () => {
      frees.length = 0
      mains.forEach((main, cpu) => machine.spawn(cpu, main))
    }, (outcome) => {
      expect(outcome.verdict).toBe('idle')
      expect(freed(machine)).toBe(expected)
    }, { runs, seed: 1, maxSteps: 50_000, plainIsQuiet: true })
  }

  test('TM-4: two readers, two that replace, all asleep in the end: every old object is freed, once, 500 schedules', () => {
    const mains = [() => readThenIdle(4), () => replaceThenIdle(3), () => readThenIdle(4), () => replaceThenIdle(3)]
    expect(explore(4, mains, 6).failure?.reason).toBeUndefined()
  })

  test('TM-4: twin: freed at once, a reader sees it', () => {
    expect(explore(2, [() => readThenIdle(4), () => replaceAtOnce()], 1).failure?.reason).toContain('I6')
  })

  test('TM-4, R4 (cef21210fb): softirqs processed inside a read section leave RCU alone, 500 schedules', () => {
    const mains = [() => readServingThenIdle(4), () => replaceThenIdle(3)]
    expect(explore(2, mains, 3).failure?.reason).toBeUndefined()
  })

  test('R4: twin: the softirq that takes such a CPU for quiescent frees under the reader', () => {
    const mains = [() => readServingForgetfulThenIdle(4), () => replaceThenIdle(3)]
    expect(explore(2, mains, 3).failure?.reason).toContain('I6')
  })

  test('R3: an interrupt that reads on a CPU asleep is waited for, 1 000 schedules', () => {
    expect(explore(2, [() => disturbAndReplace(1, READ), () => idle()], 1, 1000).failure?.reason).toBeUndefined()
  })

  test('R3: twin: a section that leaves the CPU marked asleep is not waited for', () => {
    const mains = [() => disturbAndReplace(1, READ_FORGETFUL), () => idle()]
    expect(explore(2, mains, 1, 1000).failure?.reason).toContain('I6')
  })

  test('R3: a CPU that falls asleep while it is waited for wakes up for the grace period: it ends, 500 schedules', () => {
    expect(explore(3, [() => replaceThenIdle(2), () => idle(), () => idleAwake()], 2).failure?.reason).toBeUndefined()
  })
})

describe('TM-4: CPUs that go', () => {
  test('TM-4: a dead CPU\'s callbacks move to the one that buries it, behind a grace period of their own', () => {
    const machine = machineOf(2, { interrupts: 'immediate' })
    machine.call(1, () => replaceMany(3))
    machine.spawn(0, () => takeDown(1))
    machine.spawn(1, () => idle())
    machine.run(roundRobin())
    machine.call(0, () => serve())
    expect(frees).toEqual(['0 @ 0', '1 @ 0', '2 @ 0'])
  })

  test('CPU-4, R2: a CPU is taken down in a read section while another frees, and comes back: 500 schedules', () => {
    const machine = machineOf(3)
    const { failure } = sample(machine, () => {
      machine.spawn(0, () => downUpThenIdle(1))
      machine.spawn(1, () => readLongThenIdle())
      machine.spawn(2, () => replaceThenIdle(2))
    }, (outcome) => {
      expect(outcome.verdict).toBe('idle')
      expect(freed(machine)).toBe(2)
    }, { runs: 500, seed: 2, maxSteps: 50_000, plainIsQuiet: true })
    expect(failure?.reason).toBeUndefined()
  })
})

describe('TM-4: barrier', () => {
  test('TM-4: after the barrier every callback given before, on any CPU, has been called: 300 schedules', () => {
    const machine = machineOf(3)
    machine.call(1, () => replaceMany(12))
    machine.call(2, () => replaceMany(2))
    const tasks: Task[] = []
    const { failure } = sample(machine, () => {
      frees.length = 0
      tasks[0] = machine.spawn(0, () => replaceAndWait(3))
      machine.spawn(1, () => replaceThenIdle(2))
      machine.spawn(2, () => readThenIdle(3))
    }, () => {
      expect(tasks[0]).toMatchObject({ done: true, value: 0 })
      const seen = new Set(freesAtReturn)
      for (let n = 0; n < 14; n++) expect(seen).toContain(`${n} @ ${n < 12 ? 1 : 2}`)
      expect(freesAtReturn.filter((line) => line.endsWith('@ 0'))).toHaveLength(3)
    }, { runs: 300, seed: 4, maxSteps: 50_000, plainIsQuiet: true })
    expect(failure?.reason).toBeUndefined()
  })

  test('TM-4: a barrier on one CPU alone calls its own callbacks before it returns', () => {
    const machine = machineOf(1)
    expect(machine.call(0, () => replaceAndWait(12))).toBe(0)
    expect(frees).toHaveLength(12)
  })

  test('-EBUSY while a CPU comes or goes', () => {
    const machine = machineOf(1)
    machine.call(0, () => tryLockHotplug())
    expect(machine.call(0, () => barrier())).toBe(-EBUSY)
  })

  test('LK-5: a barrier inside a read section, or with a lock held that a callback takes, is a BUG', () => {
    const machine = machineOf(1, { debug: true })
    expect(() => { machine.call(0, () => barrierInSection()) }).toThrow('LK-5')
    const other = machineOf(1, { debug: true })
    expect(() => { other.call(0, () => barrierWithLock()) }).toThrow(/LK-2|LK-5/)
  })

  test('LK-5: twin: without the checks the barrier under that lock hangs', () => {
    const machine = machineOf(1)
    machine.spawn(0, () => barrierWithLock())
    expect(reasonOf(machine.run(roundRobin()))).toMatch(/^hang; CPU 0 waits for rcuModel.lock/)
  })
})

test('a CPU marked awake again is waited for again', () => {
  const machine = machineOf(2)
  machine.call(1, () => sleepNow())
  machine.call(0, () => markAwake(1))
  machine.call(0, () => replace())
  machine.call(0, () => serve())
  expect(frees).toEqual([])
})
