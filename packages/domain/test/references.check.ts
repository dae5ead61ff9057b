// SPDX-License-Identifier: MIT
/**
 * DOM-2 under every interleaving: the put of the creation reference against a get and its put, and against a look-up.
 * The numbers of executions are lower bounds: how many there are depends on the accesses of the layers below.
 */
import { liveBlocks } from '@bottomhalf/machine'
import { exhaustive, lockstep } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep } from '@bottomhalf/testkit/lockstep'
import { beforeEach, describe, expect, test } from 'vitest'
import { domainReferences } from '../src/index.js'
import {
  bootWithDomain, createSecond, getInTwoSteps, lookForSecond, oursGet, oursPut, putAndForgetLink, putWithoutClaim, Seen,
  serve, user,
} from './references.model.js'

let machine: Lockstep
let cpus = 0
let d = 0

// Without debug checks: those of the locks would be steps too.
function start(count: number): void {
  cpus = count
  machine = lockstep({ cpus, debug: false })
  d = machine.call(0, () => bootWithDomain(cpus))
}

beforeEach(() => { start(2) })

function atRest(): void {
  expect(machine.memory[Seen.base + Seen.destroyedWhileHeld]).toBe(0)
  expect(machine.call(0, () => domainReferences(d))).toBe(1 << 31)
  for (let turn = 0; turn < 4; turn++) for (let cpu = 0; cpu < cpus; cpu++) machine.call(cpu, serve)
  expect(liveBlocks()).toEqual([])
}

type User = Parameters<typeof user>
const race = (get: User[0], put: User[1]) => () => {
  machine.spawn(0, () => put(d))
  machine.spawn(1, () => user(get, put))
}

const allInterleavings = (spawn: () => void): Exploration =>
  exhaustive(machine, spawn, atRest, { plainIsQuiet: true })

describe('D1, D2: one put destroys, and no holder ever sees it', () => {
  test('2 CPUs, one put against one get and put: all interleavings', () => {
    const result = allInterleavings(race(oursGet, oursPut))
    expect(result).toMatchObject({ failure: undefined, complete: true })
    expect(result.executions).toBeGreaterThan(300)
  })

  test('twin: a get in two steps is found out', () => {
    expect(allInterleavings(race(getInTwoSteps, oursPut)).failure).toBeDefined()
  })

  test('twin: a put that claims without compare-and-exchange is found out', () => {
    expect(allInterleavings(race(oursGet, putWithoutClaim)).failure).toBeDefined()
  })

  test('3 CPUs, one put against two gets and puts: all interleavings with up to 2 preemptions', () => {
    start(3)
    const result = exhaustive(machine, () => {
      machine.spawn(0, () => oursPut(d))
      for (const cpu of [1, 2]) machine.spawn(cpu, () => user(oursGet, oursPut))
    }, atRest, { plainIsQuiet: true, preemptions: 2 })
    expect(result).toMatchObject({ failure: undefined, complete: true })
    expect(result.executions).toBeGreaterThan(500)
  })
})

describe('D3: a reader that stands on a domain that goes finds its way on', () => {
  const lookUp = (put: User[1]) => {
    const other = machine.call(0, () => createSecond())
    return exhaustive(machine, () => {
      machine.spawn(0, () => put(d))
      machine.spawn(1, () => lookForSecond())
    }, () => { expect(machine.memory[Seen.base + Seen.found]).toBe(other) }, { plainIsQuiet: true })
  }

  test('2 CPUs, look-up of a domain behind it in its bucket: all interleavings', () => {
    const result = lookUp(oursPut)
    expect(result).toMatchObject({ failure: undefined, complete: true })
    expect(result.executions).toBeGreaterThan(50)
  })

  test('twin: a put that clears the link of the domain is found out', () => {
    expect(lookUp(putAndForgetLink).failure).toBeDefined()
  })
})
