// SPDX-License-Identifier: MIT
/** The one-shot timer of a vCPU on virtual time, through every layer: timer softirq, virq, tasklet, wake, callback. */
import { vcpuOf } from '@bottomhalf/domain'
import { lockstep } from '@bottomhalf/testkit/lockstep'
import type { Lockstep } from '@bottomhalf/testkit/lockstep'
import { softirqRuns } from '@bottomhalf/softirq'
import { TIMER_SLOP_NS } from '@bottomhalf/timer'
import { beforeEach, describe, expect, test } from 'vitest'
import { CALLBACK, Log, serving, setTimerAt, setup, spentBy, turn, withTimer } from './guest.model.js'
import { TASKLET } from './setup.model.js'

const MS = 1e6
let machine: Lockstep
let v = 0

function pass(ns: number): void {
  const { words, nowNs } = machine.snapshot()
  machine.restore({ words, nowNs: nowNs + ns })
}

/** Turns of the pCPU's loop until nothing happens any more. */
function settle(): void {
  for (let i = 0; i < 6; i++) machine.call(0, () => turn())
}

const ticks = (): number => machine.memory[Log.base + Log.ticks] ?? 0
const vectors = (): number[] => {
  const at = Log.base + Log.vectors
  return [...machine.memory.slice(at, at + (machine.memory[Log.base + Log.count] ?? 0))]
}

beforeEach(() => {
  machine = lockstep({ cpus: 1 })
  const d = machine.call(0, () => setup(1, { pins: [0], program: serving }))
  v = machine.call(0, () => vcpuOf(d, 0))
  expect(machine.call(0, () => withTimer(v))).toBe(1)
  settle()
})

describe('SCH-5: the one-shot timer', () => {
  test('wakes a guest that sleeps, once, at its time and through its tasklet (GV-1)', () => {
    const tasklets = (): number => machine.call(0, () => softirqRuns(0, TASKLET))
    machine.call(0, () => { return setTimerAt(v, 5 * MS) })
    settle()
    expect(ticks()).toBe(0)
    pass(5 * MS - 2 * TIMER_SLOP_NS)
    settle()
    expect([ticks(), tasklets()]).toEqual([0, 0])
    pass(3 * TIMER_SLOP_NS)
    settle()
    expect([ticks(), tasklets(), vectors()]).toEqual([1, 1, [CALLBACK]])
    pass(100 * MS)
    settle()
    expect(ticks()).toBe(1)
  })

  test('SCH-1: what a sleeper waits for its tasklet is blocked time, and no steal', () => {
    machine.call(0, () => { return setTimerAt(v, 5 * MS) })
    settle()
    const [before] = machine.call(0, () => spentBy(v))
    // the tasklet runs 3 ms late, as behind a lock that others have
    pass(8 * MS)
    settle()
    const [blocked, steal] = machine.call(0, () => spentBy(v))
    expect([ticks(), blocked - before, steal]).toEqual([1, 8 * MS, 0])
  })

  test('the last call stands', () => {
    machine.call(0, () => setTimerAt(v, 5 * MS))
    machine.call(0, () => setTimerAt(v, 9 * MS))
    pass(7 * MS)
    settle()
    expect(ticks()).toBe(0)
    pass(3 * MS)
    settle()
    expect(ticks()).toBe(1)
  })

  test('0 takes it back', () => {
    machine.call(0, () => setTimerAt(v, 5 * MS))
    machine.call(0, () => setTimerAt(v, 0))
    pass(50 * MS)
    settle()
    expect(ticks()).toBe(0)
  })

  test('a time that has passed raises it at once', () => {
    pass(20 * MS)
    machine.call(0, () => setTimerAt(v, 5 * MS))
    settle()
    expect(ticks()).toBe(1)
  })
})
