// SPDX-License-Identifier: MIT
/**
 * No wake-up is lost between a vCPU and those who have events for it: every interleaving of two pCPUs within a bound. The
 * numbers of executions are lower bounds: how many there are depends on the accesses of the layers below.
 */
import { exhaustive, lockstep } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep } from '@bottomhalf/testkit/lockstep'
import { softirqRuns } from '@bottomhalf/softirq'
import { beforeEach, describe, expect, test } from 'vitest'
import { currentVcpu } from '../src/index.js'
import {
  blockAndServe, enter, eventThenKick, Guest, kick, kickThenEvent, lookThenBlock, serve, setup, startVcpu,
  unblockThenLook,
} from './block.model.js'
import { VCPU_KICK } from './setup.model.js'

let machine: Lockstep
let v = 0
const word = (at: number): number => machine.memory[Guest.base + at] ?? 0

// Without debug checks: those of the locks would be steps too.
beforeEach(() => {
  machine = lockstep({ cpus: 2, debug: false })
  v = machine.call(0, () => setup())
  machine.call(0, () => startVcpu(v))
})

function explore(onCpu0: () => unknown, onCpu1: () => unknown, check: () => void): Exploration {
  return exhaustive(machine, () => {
    machine.spawn(0, onCpu0)
    machine.spawn(1, onCpu1)
  }, check, { plainIsQuiet: true, preemptions: 2 })
}

function expectClean(result: Exploration, executions: number): void {
  expect(result).toMatchObject({ failure: undefined, complete: true })
  expect(result.executions).toBeGreaterThan(executions)
}

describe('V1: a vCPU that blocks against an event and a kick', () => {
  beforeEach(() => { machine.call(0, () => serve()) })
  const isAwake = (): void => {
    machine.call(0, () => serve())
    expect(machine.call(0, () => currentVcpu())).toBe(v)
  }

  test('2 pCPUs, up to 2 preemptions: it never sleeps on its event', () => {
    expectClean(explore(() => blockAndServe(), () => eventThenKick(v), isAwake), 200)
  })

  test('twin: a vCPU that looks before it marks itself blocked is found out', () => {
    expect(explore(() => lookThenBlock(), () => eventThenKick(v), isAwake).failure).toBeDefined()
  })

  test('twin: an event that becomes visible after the kick is found out', () => {
    expect(explore(() => blockAndServe(), () => kickThenEvent(v), isAwake).failure).toBeDefined()
  })
})

describe('V2: a vCPU that is entered against an event and a kick', () => {
  const hasSeen = (): void => { expect(word(Guest.seen) === 1 || word(Guest.entered) === 0 || leftGuest()).toBe(true) }
  const leftGuest = (): boolean => machine.call(0, () => softirqRuns(0, VCPU_KICK)) > 0 || isKicked()
  const isKicked = (): boolean => {
    machine.call(0, () => serve())
    return machine.call(0, () => softirqRuns(0, VCPU_KICK)) > 0
  }

  test('2 pCPUs, up to 2 preemptions: it has seen the event or must leave the guest', () => {
    expectClean(explore(() => enter(), () => eventThenKick(v), hasSeen), 150)
  })

  test('twin: an event that becomes visible after the kick is found out', () => {
    expect(explore(() => enter(), () => kickThenEvent(v), hasSeen).failure).toBeDefined()
  })
})

describe('GV-8: a kick reads "running" before it unblocks', () => {
  beforeEach(() => {
    machine.call(0, () => serve())
    machine.call(0, () => blockAndServe())
  })
  const isNotKicked = (): void => {
    machine.call(0, () => serve())
    expect(machine.call(0, () => softirqRuns(0, VCPU_KICK))).toBe(0)
  }

  test('2 pCPUs, up to 2 preemptions: a vCPU that slept is woken and not kicked besides', () => {
    expectClean(explore(() => serve(), () => kick(v), isNotKicked), 20)
  })

  test('twin: a kick that unblocks first is found out', () => {
    expect(explore(() => serve(), () => unblockThenLook(v), isNotKicked).failure).toBeDefined()
  })
})
