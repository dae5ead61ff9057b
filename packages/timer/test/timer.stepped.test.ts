// SPDX-License-Identifier: MIT
import { BugError } from '@bottomhalf/base'
import { NO_CPU } from '@bottomhalf/machine'
import { exhaustive, lockstep, reasonOf, roundRobin, sample } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep, LockstepOptions } from '@bottomhalf/testkit/lockstep'
import { ipisSent } from '@bottomhalf/cpu'
import { softirqPending, softirqRuns } from '@bottomhalf/softirq'
import { beforeEach, describe, expect, test } from 'vitest'
import { TIMER_SLOP_NS } from '../src/index.js'
import {
  active, boot, calls, fiddle, holdLockAndKill, hotplugThenIdle, idle, kill, killAndFree, killLookingAtItsCpu, letGo,
  make, migrate, serve, set, setForgotten, stop, tell, TIMER,
} from './timer.model.js'

const MS = 1_000_000

/** A machine of `cpus` idle CPUs but for CPU 0, which the tests use. Timer n belongs to CPU n modulo `cpus`. */
function machineOf(cpus: number, options: Partial<LockstepOptions> = {}): Lockstep {
  const machine = lockstep({ cpus, ...options })
  machine.call(0, () => boot(cpus, cpus))
  return machine
}

function letTimePass(machine: Lockstep, cpus: number): void {
  for (let cpu = 0; cpu < cpus; cpu++) machine.spawn(cpu, () => idle())
  const outcome = machine.run(roundRobin())
  expect(outcome.error?.message).toBeUndefined()
  expect(outcome.verdict).toBe('idle')
}

beforeEach(() => { calls.length = 0 })

describe('TM-1: when timers are called', () => {
  test('TM-1, TM-2: a timer is called at its time, once, on its CPU', () => {
    const machine = machineOf(2)
    machine.call(0, () => set(0, 3 * MS))
    machine.call(0, () => set(1, 2 * MS))
    letTimePass(machine, 2)
    expect(calls).toEqual([`1 @ 1, ${2 * MS}`, `0 @ 0, ${3 * MS}`])
    expect(machine.call(NO_CPU, () => active(0))).toBe(false)
  })

  test('TM-1: timers are called in order of time, whatever the order they were set in', () => {
    const machine = machineOf(1)
    for (const [n, at] of [[0, 5], [1, 1], [2, 4], [3, 2], [4, 3]] as const) machine.call(0, () => set(n, at * MS))
    letTimePass(machine, 1)
    expect(calls.map((line) => line.slice(0, 1)).join('')).toBe('13420')
  })

  test('TM-1: timers closer than the slop share an interrupt, and none is early', () => {
    const machine = machineOf(1)
    machine.call(0, () => set(0, MS))
    machine.call(0, () => set(1, MS + 20_000))
    machine.call(0, () => set(2, MS + 40_000))
    letTimePass(machine, 1)
    const late = MS + TIMER_SLOP_NS
    expect(calls).toEqual([`0 @ 0, ${MS}`, `1 @ 0, ${late}`, `2 @ 0, ${late}`])
    expect(machine.call(NO_CPU, () => softirqRuns(0, TIMER))).toBe(2)
  })

  test('TM-1: a time that has passed is now', () => {
    const machine = machineOf(1)
    machine.call(0, () => set(0, 0))
    expect(machine.call(0, () => softirqPending(0))).toBe(1 << TIMER)
    machine.call(0, () => serve())
    expect(calls).toEqual(['0 @ 0, 0'])
  })

  test('TM-1: setting an active timer moves it', () => {
    const machine = machineOf(1)
    machine.call(0, () => set(0, MS))
    machine.call(0, () => set(0, 5 * MS))
    machine.call(0, () => set(1, 3 * MS))
    machine.call(0, () => set(1, 2 * MS))
    letTimePass(machine, 1)
    expect(calls).toEqual([`1 @ 0, ${2 * MS}`, `0 @ 0, ${5 * MS}`])
  })

  test('TM-1: a stopped timer is not called, and can be set again; stopping one that is not set does nothing', () => {
    const machine = machineOf(1)
    machine.call(0, () => stop(0))
    machine.call(0, () => set(0, MS))
    machine.call(0, () => set(1, 2 * MS))
    machine.call(0, () => stop(0))
    letTimePass(machine, 1)
    expect(calls).toEqual([`1 @ 0, ${2 * MS}`])
  })

  test('W2, TM-1: a function may set its own timer, and migrate it', () => {
    const machine = machineOf(2)
    machine.call(0, () => make(0, 'periodic', 0))
    machine.call(0, () => set(0, MS))
    letTimePass(machine, 2)
    expect(calls).toEqual([1, 2, 3, 4, 5].map((n) => `0 @ 0, ${n * MS}`))
    calls.length = 0
    const other = machineOf(2)
    other.call(0, () => make(0, 'migrating', 0))
    other.call(0, () => set(0, MS))
    letTimePass(other, 2)
    expect(calls.slice(0, 3)).toEqual([`0 @ 0, ${MS}`, `0 @ 1, ${2 * MS}`, `0 @ 0, ${3 * MS}`])
  })

  test('TM-1: an active timer that migrates is called by the other CPU', () => {
    const machine = machineOf(2)
    machine.call(0, () => set(0, MS))
    machine.call(0, () => migrate(0, 1))
    letTimePass(machine, 2)
    expect(calls).toEqual([`0 @ 1, ${MS}`])
  })
})

describe('TM-1: killed and forgotten', () => {
  test('TM-1: a killed timer is never called; setting it is silently nothing; killing it again is harmless', () => {
    const machine = machineOf(1)
    machine.call(0, () => set(0, MS))
    machine.call(0, () => kill(0))
    machine.call(0, () => set(0, 2 * MS))
    machine.call(0, () => kill(0))
    machine.call(0, () => stop(0))
    letTimePass(machine, 1)
    expect(calls).toEqual([])
  })

  test('TM-1: a killed timer that was initialised anew is called again', () => {
    const machine = machineOf(1)
    machine.call(0, () => kill(0))
    machine.call(0, () => make(0, 'plain', 0))
    machine.call(0, () => set(0, MS))
    letTimePass(machine, 1)
    expect(calls).toHaveLength(1)
  })

  test('TM-1: setting what was never initialised is a BUG', () => {
    const machine = machineOf(1)
    expect(() => { machine.call(0, () => setForgotten()) }).toThrow('TM-1')
    expect(() => { machine.call(0, () => make(0, 'plain', 1)) }).toThrow(BugError)
  })

  test('TM-1: a timer that kills itself is a BUG', () => {
    const machine = machineOf(1, { debug: false })
    machine.call(0, () => make(0, 'suicidal', 0))
    machine.call(0, () => set(0, 0))
    expect(() => { machine.call(0, () => serve()) }).toThrow('TM-1')
  })

  function killRunning(kind: 'slow' | 'serving' | 'migratingSlow', killer: () => unknown): Exploration {
    const machine = machineOf(3, { debug: false, interrupts: 'free' })
    machine.call(0, () => make(1, kind, 1))
    machine.call(0, () => set(1, 0))
    machine.call(0, () => set(4, 0))   // due on the same CPU, behind it
    return sample(machine, () => {
      calls.length = 0
      machine.spawn(0, killer)
      machine.spawn(1, () => idle())
      machine.spawn(2, () => letGo())
    }, () => { expect(calls.length).toBe(2) }, { runs: 300, seed: 6 })
  }

  test.each(['slow', 'serving', 'migratingSlow'] as const)(
    'TM-1, W3: killTimer returns when the function (%s) has returned, in 300 schedules', (kind) => {
      expect(killRunning(kind, () => killAndFree(1)).failure?.reason).toBeUndefined()
    })

  test('W3: twin: waiting for the timer\'s own CPU alone misses a function that migrated it', () => {
    expect(killRunning('migratingSlow', () => killLookingAtItsCpu(1)).failure?.reason).toContain('TM-1')
  })

  test('LK-5: killing a timer whose function wants a lock of the killer hangs, and is a BUG with the checks', () => {
    const reasons = [false, true].map((debug) => {
      const machine = machineOf(2, { debug })
      machine.call(0, () => make(1, 'locking', 1))
      machine.call(0, () => set(1, 0))
      machine.spawn(0, () => holdLockAndKill(1))
      machine.spawn(1, () => idle())
      return reasonOf(machine.run(roundRobin()))
    })
    expect(reasons[0]).toMatch(/^hang; CPU 0 waits for timers.running of CPU 1/)
    expect(reasons[1]).toMatch(/^bug;.*LK-/)
  })
})

describe('what timers cost', () => {
  test('W4: a remote timer interrupts its CPU only if it becomes the earliest', () => {
    const machine = machineOf(2)
    const ipis = (): number => machine.call(0, () => ipisSent(0))
    machine.call(0, () => set(1, 5 * MS))
    expect(ipis()).toBe(1)
    machine.call(1, () => serve())
    machine.call(0, () => set(3, 9 * MS))
    expect(ipis()).toBe(1)
    machine.call(0, () => set(5, 2 * MS))
    expect(ipis()).toBe(2)
  })

  test('a timer set on this CPU is one acquisition, one deadline and no softirq', () => {
    const machine = machineOf(1, { debug: false })
    const counts = machine.countsOf(0, () => set(0, MS))
    expect(counts).toMatchObject({ cmpxchg: 1, setDeadline: 1, irqSave: 1, irqRestore: 1 })
    expect(counts.testAndSetBit).toBeUndefined()
    const later = machine.countsOf(0, () => set(1, 2 * MS))
    expect(later.setDeadline).toBeUndefined()
  })
})

describe('TM-3: CPUs that go', () => {
  test('TM-3: the CPU that buries another calls its timers; one set there later is called here', () => {
    const machine = machineOf(2)
    machine.call(0, () => set(1, 2 * MS))
    machine.call(0, () => set(3, 1 * MS))
    machine.call(0, () => tell('dead', 1))
    machine.call(0, () => set(5, 3 * MS))
    letTimePass(machine, 1)
    expect(calls).toEqual([`3 @ 0, ${MS}`, `1 @ 0, ${2 * MS}`, `5 @ 0, ${3 * MS}`])
  })

  test('TM-3: a timer that is migrated to a dead CPU comes here; a CPU that is back takes its own again', () => {
    const machine = machineOf(2)
    machine.call(0, () => tell('dead', 1))
    machine.call(0, () => set(0, MS))
    machine.call(0, () => migrate(0, 1))
    machine.call(0, () => tell('up', 1))
    machine.call(0, () => set(1, 2 * MS))
    letTimePass(machine, 2)
    expect(calls).toEqual([`0 @ 0, ${MS}`, `1 @ 1, ${2 * MS}`])
  })

  test('TM-3, CPU-4: a CPU goes and comes back with timers set before and between: each is called once, 300 schedules', () => {
    const machine = machineOf(2, { interrupts: 'free' })
    machine.call(0, () => set(1, 2 * MS))
    machine.call(0, () => set(5, 3 * MS))
    const { failure } = sample(machine, () => {
      calls.length = 0
      machine.spawn(0, () => hotplugThenIdle(3, 4 * MS))
      machine.spawn(1, () => idle())
    }, () => {
      const names = calls.map((line) => line.slice(0, 1)).sort()
      expect(names).toEqual(['1', '3', '5'])
      expect(calls.map((line) => Number(line.split(', ')[1])).sort((a, b) => a - b)).toEqual([2 * MS, 3 * MS, 4 * MS])
    }, { runs: 300, seed: 12 })
    expect(failure?.reason).toBeUndefined()
  })
})

describe('under schedules', () => {
  test('W1, W4: three CPUs set, stop and migrate one timer: it is called in the end, 500 schedules', () => {
    const machine = machineOf(3, { interrupts: 'free' })
    const { failure } = sample(machine, () => {
      calls.length = 0
      for (let cpu = 0; cpu < 3; cpu++) machine.spawn(cpu, () => fiddle(1, 3, 3))
    }, (outcome) => {
      expect(outcome.verdict).toBe('idle')
      expect(calls.length).toBeGreaterThan(0)
      expect(machine.call(NO_CPU, () => active(1))).toBe(false)
    }, { runs: 500, seed: 3 })
    expect(failure?.reason).toBeUndefined()
  })

  test('W4: a timer set for a CPU that goes to sleep is called, every schedule with up to 2 preemptions', () => {
    const machine = machineOf(2, { debug: false, interrupts: 'free' })
    const { failure, complete } = exhaustive(machine, () => {
      calls.length = 0
      machine.spawn(0, () => set(1, MS))
      machine.spawn(1, () => idle())
    }, () => { expect(calls).toEqual([`1 @ 1, ${MS}`]) }, { preemptions: 2, plainIsQuiet: true })
    expect(failure?.reason).toBeUndefined()
    expect(complete).toBe(true)
  })
})
