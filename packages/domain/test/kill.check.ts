// SPDX-License-Identifier: MIT
/**
 * DOM-4 under the interleavings of two CPUs within a bound: nothing is done twice, nothing outlives the teardown. The
 * numbers of executions are lower bounds: how many there are depends on the accesses of the layers below.
 */
import { liveBlocks } from '@bottomhalf/machine'
import { exhaustive, lockstep } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep } from '@bottomhalf/testkit/lockstep'
import { beforeEach, describe, expect, test } from 'vitest'
import { Domain, DOMAIN_DEAD, domainReferences, putDomain } from '../src/index.js'
import {
  bind, giveOnePage, killer, killOnce, killUnclaimed, killWithoutLock, lookThenBind, lookThenGive, pagesOf, serve,
  setup, World,
} from './kill.model.js'

let machine: Lockstep
let d = 0
const word = (address: number): number => machine.memory[address] ?? 0

// Without debug checks: those of the locks would be steps too.
beforeEach(() => {
  machine = lockstep({ cpus: 2, debug: false })
  d = machine.call(0, () => setup(2))
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

/** The references that `setup` took are the only ones left; then all memory comes back. */
function isDeadOnce(): void {
  expect(word(d + Domain.dying)).toBe(DOMAIN_DEAD)
  expect(machine.call(0, () => domainReferences(d))).toBe(2)
  for (let n = 0; n < 2; n++) machine.call(0, () => putDomain(d))
  for (let turn = 0; turn < 4; turn++) for (const cpu of [0, 1]) machine.call(cpu, () => serve())
  expect(liveBlocks()).toEqual([])
}

describe('R2, R4: two CPUs kill a domain', () => {
  // one of the two may have given up
  const killedOnce = (): void => {
    machine.call(0, () => killer(d))
    expect(word(World.base + World.teardowns)).toBe(1)
    isDeadOnce()
  }

  test('up to 2 preemptions: each step is done once, the creation reference goes back once', () => {
    expectClean(explore(() => killOnce(d), () => killOnce(d), killedOnce), 50)
  })

  test('twin: killers that do not claim the domain are found out', () => {
    expect(explore(() => killUnclaimed(d), () => killUnclaimed(d), isDeadOnce).failure).toBeDefined()
  })
})

describe('R1, U9: a binding against the death of its domain', () => {
  const nothingBound = (): void => { expect(word(World.base + World.bound)).toBe(0) }

  test('up to 2 preemptions: no binding outlives the teardown', () => {
    expectClean(explore(() => killer(d), () => bind(d), nothingBound), 50)
  })

  test('twin: a binding that looks before it takes the lock is found out', () => {
    expect(explore(() => killer(d), () => lookThenBind(d), nothingBound).failure).toBeDefined()
  })

  test('twin: a kill that sets dying and tears down without the lock is found out', () => {
    expect(explore(() => killWithoutLock(d), () => bind(d), nothingBound).failure).toBeDefined()
  })
})

describe('G1: a page given to a domain against its death', () => {
  const noPages = (): void => { expect(machine.call(0, () => pagesOf(d))).toBe(0) }

  test('up to 2 preemptions: none is left', () => {
    expectClean(explore(() => killer(d), () => giveOnePage(d), () => { noPages(); isDeadOnce() }), 50)
  })

  test('twin: a giver that looks at dying outside the lock is found out', () => {
    expect(explore(() => killer(d), () => lookThenGive(d), noPages).failure).toBeDefined()
  })
})
