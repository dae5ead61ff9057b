// SPDX-License-Identifier: MIT
// The checks at rest: nothing is left of what was taken down in order, and each of them sees what was not.
import { NO_CPU } from '@bottomhalf/machine'
import { beforeAll, expect, test } from 'vitest'
import { everythingFreed, requests } from '../src/index.js'
import { faults, leaveInterrupt, leaveOperation, leaveTimer, leaveWaitingLine, letGo } from './operations.model.js'
import { newWorld, type World } from './world.js'
import type { DomId } from '@bottomhalf/base'
import type { Snapshot } from '@bottomhalf/testkit/lockstep'

let world: World
let empty: Snapshot

beforeAll(() => {
  world = newWorld()
  for (const domId of [1, 2] as DomId[]) expect(world.ask(requests.killDomain(domId))).toBe(0)
  world.state()
  empty = world.machine.snapshot()
})

/** What the checks say after `leave`. */
function left(cpu: number, leave: () => unknown): string[] {
  world.machine.restore(empty)
  world.machine.call(0, () => letGo(3))
  world.state()
  world.machine.call(cpu, leave)
  return world.machine.call(0, () => faults())
}

test('I1 to I11: nothing is left of domains that were killed and let go', () => {
  expect(left(0, () => 0)).toEqual([])
})

test('I11: a machine that is stopped right after a kill, before RCU has freed the domain, is told so: it has to wait', () => {
  const now = (): unknown[] =>
    [world.machine.call(0, () => everythingFreed()), world.machine.call(0, () => faults())]
  world.machine.restore(empty)
  world.machine.call(0, () => letGo(3))
  expect(now()).toEqual([false, ['I11']])
  world.state()
  expect(now()).toEqual([true, []])
})

test('I4, I11: twin: a dead domain that somebody holds is found', () => {
  world.machine.restore(empty)
  expect(world.machine.call(0, () => faults())).toEqual(['I11'])
})

test('I8: twin: an operation that was asked for and never done is found', () => {
  expect(left(NO_CPU, () => leaveOperation())).toEqual(['I8'])
})

test('I9: twin: a timer that is set, in memory that was freed, is found', () => {
  expect(left(0, () => leaveTimer())).toEqual(['I9'])
})

test('I10: twin: an interrupt that nobody has, held by the rate limit, is found', () => {
  expect(left(0, () => leaveWaitingLine())).toEqual(['I10'])
})

test('I11: twin: an interrupt that was made for a domain and outlives it is found', () => {
  expect(left(0, () => leaveInterrupt())).toEqual(['I11'])
})
