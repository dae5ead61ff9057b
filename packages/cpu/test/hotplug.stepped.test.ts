// SPDX-License-Identifier: MIT
import { EBUSY, EINVAL } from '@bottomhalf/base'
import { exhaustive, lockstep, random, roundRobin, sample, sticky } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep, LockstepOptions, Task } from '@bottomhalf/testkit/lockstep'
import { beforeEach, describe, expect, test } from 'vitest'
import { CPU_IS_ONLINE, CPU_OFFLINE, tryLockHotplug, unlockHotplug } from '../src/index.js'
import {
  boot, cpuMain, cpuMainNaive, cycle, down, refusals, REFUSED, request, stateOf, story, up, watch, workUntilDown,
} from './hotplug.model.js'

/** A machine of three CPUs of which `online` are; all but CPU 0 stand at the foot of their stack. */
function machineOf(online: number, options: Partial<LockstepOptions> = {}): Lockstep {
  const machine = lockstep({ cpus: 3, ...options })
  machine.call(0, () => boot(online))
  machine.spawn(1, () => cpuMain())
  machine.spawn(2, () => cpuMain())
  return machine
}

function result(machine: Lockstep, fn: () => unknown): unknown {
  const task = machine.spawn(0, fn)
  const outcome = machine.run(roundRobin())
  expect(outcome.error?.message).toBeUndefined()
  expect(task.done).toBe(true)
  return task.value
}

beforeEach(() => {
  story.length = 0
  refusals.clear()
  watch.dying = () => { /* nothing */ }
})

describe('CPU-4: legal sequences', () => {
  test('CPU-4: up', () => {
    expect(result(machineOf(1), () => up(1))).toBe(0)
    expect(story).toEqual([
      'high UP_PREPARE 1 @ 0, offline', 'mid UP_PREPARE 1 @ 0, offline', 'low UP_PREPARE 1 @ 0, offline',
      'high STARTING 1 @ 1, IF = 0, offline', 'mid STARTING 1 @ 1, IF = 0, offline', 'low STARTING 1 @ 1, IF = 0, offline',
      'high ONLINE 1 @ 0', 'mid ONLINE 1 @ 0', 'low ONLINE 1 @ 0',
    ])
  })

  test('CPU-4: down', () => {
    expect(result(machineOf(3), () => down(2))).toBe(0)
    expect(story).toEqual([
      'low DOWN_PREPARE 2 @ 0', 'mid DOWN_PREPARE 2 @ 0', 'high DOWN_PREPARE 2 @ 0',
      'low DYING 2 @ 2, IF = 0, offline', 'mid DYING 2 @ 2, IF = 0, offline', 'high DYING 2 @ 2, IF = 0, offline',
      'low DEAD 2 @ 0, offline, parked', 'mid DEAD 2 @ 0, offline, parked', 'high DEAD 2 @ 0, offline, parked',
    ])
  })

  test.each([
    ['high', []],
    ['mid', ['high UP_CANCELED']],
    ['low', ['mid UP_CANCELED', 'high UP_CANCELED']],
  ])('CPU-4, C6: up, refused by %s: canceled for exactly those before, lowest first', (who, canceled) => {
    const machine = machineOf(1)
    refusals.add(`${who} UP_PREPARE`)
    expect(result(machine, () => up(1))).toBe(REFUSED)
    expect(story.filter((line) => !line.includes('PREPARE')).map((line) => line.replace(/ 1 @.*/, ''))).toEqual(canceled)
    expect(machine.call(0, () => stateOf(1))).toBe(CPU_OFFLINE)
    refusals.clear()
    expect(result(machine, () => up(1))).toBe(0)
  })

  test.each([
    ['low', []],
    ['mid', ['low DOWN_FAILED']],
    ['high', ['mid DOWN_FAILED', 'low DOWN_FAILED']],
  ])('CPU-4, C6: down, refused by %s: failed for exactly those before, highest first', (who, failed) => {
    const machine = machineOf(3)
    refusals.add(`${who} DOWN_PREPARE`)
    expect(result(machine, () => down(1))).toBe(REFUSED)
    expect(story.filter((line) => !line.includes('PREPARE')).map((line) => line.replace(/ 1 @.*/, ''))).toEqual(failed)
    expect(machine.call(0, () => stateOf(1))).toBe(CPU_IS_ONLINE)
    refusals.clear()
    expect(result(machine, () => down(1))).toBe(0)
  })

  test('CPU-4: a refusal where none is possible is a BUG', () => {
    const machine = machineOf(1)
    refusals.add('mid ONLINE')
    machine.spawn(0, () => up(1))
    expect(machine.run(roundRobin()).error?.message).toContain('CPU-4')
  })

  test('CPU-4: CPU 0, oneself, a CPU that is not there, up twice, down twice: -EINVAL, nobody is told', () => {
    const machine = machineOf(2)
    const ups = [0, -1, 3, 1].map((cpu) => () => up(cpu))
    const downs = [0, -1, 3, 2].map((cpu) => () => down(cpu))
    for (const call of [...ups, ...downs]) expect(machine.call(0, call)).toBe(-EINVAL)
    const other = lockstep({ cpus: 2 })
    other.call(0, () => boot(2))
    expect(other.call(1, () => down(1))).toBe(-EINVAL)
    expect(story).toEqual([])
  })

  test('CPU-4: one at a time: -EBUSY while another comes or goes', () => {
    const machine = machineOf(2)
    machine.call(0, () => tryLockHotplug())
    expect(machine.call(0, () => down(1))).toBe(-EBUSY)
    expect(machine.call(0, () => up(2))).toBe(-EBUSY)
    machine.call(0, () => unlockHotplug())
    expect(result(machine, () => down(1))).toBe(0)
  })
})

describe('CPU-4: dying', () => {
  test('CPU-4: while DYING is told, all other CPUs stand still with IF = 0', () => {
    const machine = lockstep({ cpus: 3, interrupts: 'free' })
    machine.call(0, () => boot(3))
    const progress = { steps: 0 }
    const seen: number[] = []
    watch.dying = () => { seen.push(progress.steps) }
    machine.spawn(0, () => down(1))
    machine.spawn(1, () => cpuMain())
    machine.spawn(2, () => workUntilDown(progress))
    const outcome = machine.run(random(3), { maxSteps: 3000 })
    expect(outcome.verdict).toBe('limit')
    expect(seen).toHaveLength(3)
    expect(new Set(seen).size).toBe(1)
    expect(progress.steps).toBeGreaterThan(seen[0] ?? 0)
  })

  test('C8: DEAD is told only when the dying CPU has left what it was doing and parked, in 300 schedules', () => {
    const machine = lockstep({ cpus: 3, interrupts: 'free' })
    machine.call(0, () => boot(3))
    const result = sample(machine, () => {
      story.length = 0
      machine.spawn(0, () => down(1))
      machine.spawn(1, () => workUntilDown({ steps: 0 }))
      machine.spawn(2, () => cpuMain())
    }, (outcome) => {
      expect(outcome.verdict).toBe('idle')
      expect(story.slice(-3)).toEqual(['low', 'mid', 'high'].map((who) => `${who} DEAD 1 @ 0, offline, parked`))
      expect(machine.call(0, () => stateOf(1))).toBe(CPU_OFFLINE)
    }, { runs: 300, seed: 11 })
    expect(result.failure?.reason).toBeUndefined()
  })

  test('C9: cpuUp wakes a CPU that parks at the same time, in every schedule with up to 2 preemptions', () => {
    const { failure, complete } = upWhileParking(() => cpuMain())
    expect(failure?.reason).toBeUndefined()
    expect(complete).toBe(true)
  })

  test('C9: twin: a CPU that looks with IF = 1 before it sleeps misses it', () => {
    expect(upWhileParking(() => cpuMainNaive()).failure?.reason).toMatch(/^hang; CPU 0 waits for cpuState.state of CPU 1 == 2/)
  })

  function upWhileParking(main: () => unknown): Exploration {
    const machine = lockstep({ cpus: 2, interrupts: 'free', debug: false })
    machine.call(0, () => boot(1))
    return exhaustive(machine, () => {
      machine.spawn(0, () => up(1))
      machine.spawn(1, main)
    }, () => { expect(machine.call(0, () => stateOf(1))).toBe(CPU_IS_ONLINE) }, { preemptions: 2, plainIsQuiet: true })
  }

  test('CPU-4: five times down and up in each of 100 schedules', () => {
    const machine = lockstep({ cpus: 2, interrupts: 'free' })
    machine.call(0, () => boot(2))
    const tasks: Task[] = []
    const { failure } = sample(machine, () => {
      tasks[0] = machine.spawn(0, () => cycle(1, 5))
      machine.spawn(1, () => cpuMain())
    }, () => { expect(tasks[0]).toMatchObject({ done: true, value: 0 }) }, { runs: 100, seed: 2 })
    expect(failure?.reason).toBeUndefined()
  })

  test('a parked CPU still takes what is sent to it, and stays parked', () => {
    const machine = machineOf(1)
    machine.run(sticky(1, 0.5))
    machine.call(0, () => request(2))
    expect(machine.run(roundRobin()).verdict).toBe('idle')
    expect(story).toEqual(['probe @ 2'])
    expect(machine.call(0, () => stateOf(2))).toBe(CPU_OFFLINE)
  })
})
