// SPDX-License-Identifier: MIT
/**
 * F3, F4: no work waits beside an idle pCPU. Every interleaving of two pCPUs within a bound; the numbers of executions are
 * lower bounds: how many there are depends on the accesses of the layers below.
 */
import { exhaustive, lockstep } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep } from '@bottomhalf/testkit/lockstep'
import { beforeEach, describe, expect, test } from 'vitest'
import { currentVcpu } from '../src/index.js'
import { lookThenIdle, lookThenWake, nth, serve, setup, sleep, tellThenUnlock, wake } from './steal.model.js'

let machine: Lockstep
let b = 0

// Without debug checks: those of the locks would be steps too.
beforeEach(() => {
  machine = lockstep({ cpus: 2, debug: false })
  const d = machine.call(0, () => setup())
  b = machine.call(0, () => nth(d, 1))
  machine.call(1, () => serve())
})

function explore(onCpu0: () => unknown, onCpu1: () => unknown): Exploration {
  return exhaustive(machine, () => {
    machine.spawn(0, onCpu0)
    machine.spawn(1, onCpu1)
  }, () => {
    // only what was raised is served
    machine.call(1, () => serve())
    expect(machine.call(1, () => currentVcpu())).toBe(b)
  }, { plainIsQuiet: true, preemptions: 2 })
}

describe('F3, F4: a pCPU that goes idle against a vCPU that wakes on another one', () => {
  test('2 pCPUs, up to 2 preemptions: the idle one takes it', () => {
    const result = explore(() => wake(b), () => sleep())
    expect(result).toMatchObject({ failure: undefined, complete: true })
    expect(result.executions).toBeGreaterThan(100)
  })

  test('twin: a wake that looks for an idle pCPU before its vCPU waits is found out', () => {
    expect(explore(() => lookThenWake(b), () => sleep()).failure).toBeDefined()
  })

  test('twin: a wake that tells the idle pCPU while its own lock is held is found out', () => {
    expect(explore(() => tellThenUnlock(b), () => sleep()).failure).toBeDefined()
  })

  test('twin: a pCPU that looks for work before it says that it is idle is found out', () => {
    machine.call(1, () => sleep())
    expect(explore(() => wake(b), () => lookThenIdle()).failure).toBeDefined()
  })
})
