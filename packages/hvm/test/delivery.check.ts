// SPDX-License-Identifier: MIT
/**
 * No interrupt and no event is lost between a sender and a guest: every interleaving of two pCPUs within a bound, the
 * vCPU's own against another. The numbers of executions are lower bounds: how many there are depends on the accesses of
 * the layers below.
 */
import { exhaustive, lockstep } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep } from '@bottomhalf/testkit/lockstep'
import { currentVcpu } from '@bottomhalf/sched'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  acceptAll, acceptAllLookingFirst, bindTwo, event, haltAndServe, isTold, lookThenUnmask, mask, recordOf, send,
  sendRowFirst, serve, setup, takeAll, Taken, takeThenDeselect, takeThenLower, unmask, vcpuOf,
} from './delivery.model.js'

let machine: Lockstep
let d = 0
let v = 0
const seen = (): number => machine.memory[Taken.base + Taken.seen] ?? 0

// Without debug checks: those of the locks would be steps too.
beforeEach(() => {
  machine = lockstep({ cpus: 2, debug: false })
  d = machine.call(0, () => setup(2, { pins: [0] }))
  v = machine.call(0, () => vcpuOf(d, 0))
  machine.call(0, () => serve())
})

function explore(onCpu0: () => unknown, onCpu1: () => unknown, check: () => void, preemptions = 3): Exploration {
  return exhaustive(machine, () => {
    machine.spawn(0, onCpu0)
    machine.spawn(1, onCpu1)
  }, check, { plainIsQuiet: true, preemptions })
}

function expectClean(result: Exploration, executions: number): void {
  expect(result).toMatchObject({ failure: undefined, complete: true })
  expect(result.executions).toBeGreaterThan(executions)
}

describe('L1: a request is never hidden', () => {
  type Side = (v: number, n: number) => unknown
  const bothTaken = (accept: Side) => (): void => {
    machine.call(0, () => accept(v, 4))
    expect(seen()).toBe(0b11)
  }
  // one interrupt is there already: the row empties under the sender's hands
  const race = (accept: Side, request: Side): Exploration => {
    machine.call(0, () => request(v, 0x40))
    return explore(() => accept(v, 3), () => request(v, 0x41), bothTaken(accept))
  }

  test('2 pCPUs, up to 3 preemptions: both interrupts are taken', () => {
    expectClean(race((who, n) => acceptAll(who, n), (who, vector) => send(who, vector)), 100)
  })

  test('twin: a sender that announces the row first is found out', () => {
    expect(race((who, n) => acceptAll(who, n), (who, vector) => sendRowFirst(who, vector)).failure).toBeDefined()
  })

  test('twin: a vCPU that looks at the row before it turns its bit off is found out', () => {
    const twin: Side = (who, n) => acceptAllLookingFirst(who, n)
    expect(race(twin, (who, vector) => send(who, vector)).failure).toBeDefined()
  })
})

describe('W2: a halt against an interrupt', () => {
  test('2 pCPUs, up to 2 preemptions: the guest does not sleep on it', () => {
    expectClean(explore(() => haltAndServe(), () => send(v, 0x41), () => {
      machine.call(0, () => serve())
      expect(machine.call(0, () => currentVcpu())).toBe(v)
    }, 2), 100)
  })
})

describe('E1, E2, E3: events', () => {
  let first = 0
  let second = 0
  beforeEach(() => {
    machine.call(0, () => bindTwo(d))
    first = machine.call(0, () => recordOf(d, 0))
    second = machine.call(0, () => recordOf(d, 1))
  })
  /** Every event was taken, or the guest was told and will look. */
  const noneLost = (events: number) => (): void => {
    if (machine.call(0, () => isTold(v))) machine.call(0, () => takeAll(v, 1))
    expect(seen()).toBe(events)
  }

  const taking = (take: (v: number, rounds: number) => unknown): Exploration => {
    machine.call(0, () => event(first))
    return explore(() => take(v, 1), () => event(second), noneLost(0b110))
  }

  test('2 pCPUs, up to 3 preemptions: an event that comes while the guest takes one is taken or told', () => {
    expectClean(taking((who, n) => takeAll(who, n)), 100)
  })

  test('twin: a guest that lowers the callback after its look is found out', () => {
    expect(taking((who, n) => takeThenLower(who, n)).failure).toBeDefined()
  })

  test('twin: a guest that turns the selector off after its look is found out', () => {
    expect(taking((who, n) => takeThenDeselect(who, n)).failure).toBeDefined()
  })

  const unmasking = (open: (d: number, port: number) => unknown): Exploration => {
    machine.call(0, () => mask(d, 1))
    return explore(() => open(d, 1), () => event(first), noneLost(0b10))
  }

  test('2 pCPUs, up to 3 preemptions: an event that comes while its port is unmasked is told', () => {
    expectClean(unmasking((who, port) => unmask(who, port)), 20)
  })

  test('twin: unmasking that looks at pending first is found out', () => {
    expect(unmasking((who, port) => lookThenUnmask(who, port)).failure).toBeDefined()
  })
})
