// SPDX-License-Identifier: MIT
import { EBUSY, EINVAL } from '@bottomhalf/base'
import { exhaustive, lockstep, random, reasonOf, roundRobin, sample } from '@bottomhalf/testkit/lockstep'
import type { Lockstep, LockstepOptions, Task } from '@bottomhalf/testkit/lockstep'
import { beforeEach, describe, expect, test } from 'vitest'
import { ipisSent, tryLockHotplug } from '../src/index.js'
import {
  addForever, boot, busy, callAll, callAndAdd, callAndAnswer, callMasked, callOne, Calls, callThenIdle, callWithIrqsOff,
  callWithLock, eventCheck, events, idle, stopAndAdd,
} from './calls.model.js'

function machineOf(cpus: number, options: Partial<LockstepOptions> = {}): Lockstep {
  const machine = lockstep({ cpus, ...options })
  machine.call(0, () => { return boot(cpus) })
  return machine
}

const ipis = (machine: Lockstep, cpu: number): number => machine.call(0, () => ipisSent(cpu))

beforeEach(() => { events.length = 0 })

describe('calls between CPUs', () => {
  test('C4: a waited call returns after the other CPU has acted with IF = 0, for one IPI', () => {
    const machine = machineOf(2)
    machine.spawn(0, () => callOne(1, 3, true))
    machine.spawn(1, () => idle())
    expect(machine.run(roundRobin()).verdict).toBe('idle')
    expect(events).toEqual(['1 says 3', '0 goes on'])
    expect(ipis(machine, 0)).toBe(1)
  })

  test('C4: in every schedule a call that is not waited for still happens once', () => {
    const machine = machineOf(2, { debug: false, interrupts: 'free' })
    const result = exhaustive(machine, () => {
      events.length = 0
      machine.spawn(0, () => callOne(1, 3, false))
      machine.spawn(1, () => busy(2))
    }, () => { expect([...events].sort()).toEqual(['0 goes on', '1 says 3']) }, { preemptions: 2, plainIsQuiet: true })
    expect(result).toMatchObject({ complete: true, failure: undefined })
  })

  test('the CPU that calls serves its own part, with IF = 0', () => {
    const machine = machineOf(3)
    machine.spawn(0, () => callAll(9))
    machine.spawn(1, () => idle())
    machine.spawn(2, () => busy(5))
    machine.run(roundRobin())
    expect([...events].sort()).toEqual(['0 goes on', '0 says 9', '1 says 9', '2 says 9'])
    expect(events.at(-1)).toBe('0 goes on')
    expect(ipis(machine, 0)).toBe(2)
  })

  test('a call reaches online CPUs only', () => {
    const machine = lockstep({ cpus: 3 })
    machine.call(0, () => boot(2))
    machine.spawn(0, () => callMasked(1, 2))
    machine.spawn(1, () => idle())
    expect(machine.run(roundRobin()).verdict).toBe('idle')
    expect(events).toEqual(['1 says 5'])
  })

  test('C5, LK-5: CPUs that call each other serve each other, in a thousand schedules', () => {
    const machine = machineOf(3, { interrupts: 'free' })
    const result = sample(machine, () => {
      events.length = 0
      for (let cpu = 0; cpu < 3; cpu++) machine.spawn(cpu, () => callThenIdle((cpu + 1) % 3, cpu))
    }, () => { expect(events).toHaveLength(6) }, { runs: 1000, seed: 1 })
    expect(result.failure?.reason).toBeUndefined()
  })

  test('LK-5: a call with IF = 0 is a BUG', () => {
    const machine = machineOf(2)
    expect(() => { machine.call(0, () => { return callWithIrqsOff() }) }).toThrow('LK-5')
  })

  test('LK-5: a call of what takes a lock that the caller holds is a BUG', () => {
    const machine = machineOf(2)
    machine.spawn(0, () => callWithLock())
    machine.spawn(1, () => idle())
    const outcome = machine.run(roundRobin())
    expect(outcome.verdict).toBe('bug')
    expect(outcome.error?.message).toMatch(/lock order|LK-/)
  })

  test('LK-5: twin: without the checks that call is a deadlock', () => {
    const machine = machineOf(2, { debug: false })
    machine.spawn(0, () => callWithLock())
    machine.spawn(1, () => idle())
    expect(reasonOf(machine.run(roundRobin()))).toMatch(/^hang; CPU 0 waits for call.waitingFor == 0.*CPU 1 waits for callsTest/)
  })

  test('LK-5: a called function that calls back is a BUG', () => {
    const machine = machineOf(2)
    machine.spawn(0, () => callAndAnswer())
    machine.spawn(1, () => idle())
    expect(machine.run(roundRobin()).error?.message).toContain('LK-5')
  })

  test('an event check costs its sender one count and one request, and its target nothing but the look', () => {
    const machine = machineOf(2, { debug: false })
    expect(machine.countsOf(0, () => eventCheck(1))).toEqual({ fetchAdd: 1, raiseVector: 1 })
    expect(ipis(machine, 0)).toBe(1)
  })
})

describe('stop machine', () => {
  const counter = (machine: Lockstep): number => machine.memory[Calls.base + Calls.counter] ?? 0

  test('C7: the action runs on its CPU while nobody else moves: no increment is lost in any of 500 schedules', () => {
    const machine = machineOf(3, { interrupts: 'free' })
    const result = sample(machine, () => {
      machine.spawn(0, () => stopAndAdd(1))
      machine.spawn(1, () => busy(3))
      machine.spawn(2, () => addForever())
    }, () => { expect(counter(machine)).toBe(4) }, { runs: 500, seed: 3 })
    expect(result.failure?.reason).toBeUndefined()
  })

  test('C7: twin: called while the others go on, the action loses an increment', () => {
    const machine = machineOf(3, { interrupts: 'free' })
    const result = sample(machine, () => {
      machine.spawn(0, () => callAndAdd(1))
      machine.spawn(1, () => busy(3))
      machine.spawn(2, () => addForever())
    }, () => { expect(counter(machine)).toBe(4) }, { runs: 500, seed: 3 })
    expect(result.failure?.reason).toContain('to be 4')
  })

  test('C7: two that want to stop the machine: one does, the other is told -EBUSY or comes after', () => {
    const machine = machineOf(2, { interrupts: 'free' })
    const seen = new Set<string>()
    const tasks: Task[] = []
    const result = sample(machine, () => {
      tasks[0] = machine.spawn(0, () => stopAndAdd(1))
      tasks[1] = machine.spawn(1, () => stopAndAdd(0))
    }, () => {
      const results = tasks.map(({ value }) => value)
      for (const value of results) expect([42, -EBUSY]).toContain(value)
      expect(results).toContain(42)
      expect(counter(machine)).toBe(results.filter((value) => value === 42).length)
      seen.add(results.join())
    }, { runs: 300, seed: 5 })
    expect(result.failure?.reason).toBeUndefined()
    expect(seen).toContain('42,-16')
  })

  test('the action may run where the caller is; what it returns comes back', () => {
    const machine = machineOf(2)
    const task = machine.spawn(0, () => stopAndAdd(0))
    machine.spawn(1, () => idle())
    machine.run(random(1))
    expect(task.value).toBe(42)
  })

  test('-EINVAL for a CPU that is not there or not online; -EBUSY while a CPU comes or goes', () => {
    const machine = lockstep({ cpus: 3 })
    machine.call(0, () => { return boot(2) })
    expect(machine.call(0, () => stopAndAdd(3))).toBe(-EINVAL)
    expect(machine.call(0, () => stopAndAdd(2))).toBe(-EINVAL)
    machine.call(0, () => tryLockHotplug())
    expect(machine.call(0, () => stopAndAdd(1))).toBe(-EBUSY)
  })
})
