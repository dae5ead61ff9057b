// SPDX-License-Identifier: MIT
/** What the vCPU's side of an interrupt costs: accesses, none of them a lock's. */
import { lockstep } from '@bottomhalf/testkit/lockstep'
import type { Lockstep } from '@bottomhalf/testkit/lockstep'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  evtchnTake, hvmHasEvents, hvmPciIntxAssert, hvmPciIntxDeassert, vioapicUpdateEoi, vlapicAccept, vlapicEoi,
} from '../src/index.js'
import { setupLine, VEC } from './lines.model.js'
import { bindTwo, event, recordOf, send, serve, setup, vcpuOf } from './delivery.model.js'

let machine: Lockstep
let d = 0
let v = 0

beforeEach(() => {
  machine = lockstep({ cpus: 1, debug: false })
  d = machine.call(0, () => setup(1, { pins: [0] }))
  v = machine.call(0, () => vcpuOf(d, 0))
  machine.call(0, () => serve())
})

describe('accesses', () => {
  test('GV-4: accept, end, and the looks that find nothing', () => {
    machine.call(0, () => send(v, 0x41))
    expect(machine.countsOf(0, () => vlapicAccept(v))).toEqual({ load: 5, testAndClearBit: 1, ld: 1, st: 1, store: 1 })
    expect(machine.countsOf(0, () => vlapicEoi(v))).toEqual({ load: 1, ld: 4, st: 1, store: 1 })
    expect(machine.countsOf(0, () => vlapicAccept(v))).toEqual({ load: 4, testAndClearBit: 1 })
    expect(machine.countsOf(0, () => vlapicAccept(v))).toEqual({ load: 1 })
  })

  test('GV-6: a request to a vCPU that runs here writes two words', () => {
    const { testAndSetBit, fetchOr, load, ld, ...others } = machine.countsOf(0, () => send(v, 0x41))
    expect({ testAndSetBit, fetchOr, load, ld }).toEqual({ testAndSetBit: 1, fetchOr: 1, load: 4, ld: 1 })
    expect(others).toEqual({})
  })

  test('GV-7: taking one event, and the look that finds none', () => {
    machine.call(0, () => bindTwo(d))
    const record = machine.call(0, () => recordOf(d, 0))
    machine.call(0, () => event(record))
    expect(machine.countsOf(0, () => evtchnTake(v))).toEqual({ store: 1, load: 5, ld: 2, testAndClearBit: 2 })
    expect(machine.countsOf(0, () => evtchnTake(v))).toEqual({ store: 1, load: 1 })
  })

  test('W2: the look before a sleep', () => {
    expect(machine.countsOf(0, () => hvmHasEvents(v))).toEqual({ ld: 2, load: 3 })
  })
})

test('GV-2, GV-3: a line takes irqLock once at its rise and its fall; telling dpci of its end takes it once more', () => {
  machine = lockstep({ cpus: 2, debug: false })
  const line = machine.call(0, () => setupLine())
  const locks = (fn: () => unknown): number => machine.countsOf(0, fn).cmpxchg ?? 0
  // high already, so nothing is delivered
  expect(locks(() => hvmPciIntxAssert(line, 8, 0))).toBe(1)
  expect(locks(() => hvmPciIntxAssert(line, 8, 0))).toBe(1)
  expect(locks(() => hvmPciIntxDeassert(line, 8, 0))).toBe(1)
  // its own two, dpci's eventLock, and the deassertion there
  expect(locks(() => vioapicUpdateEoi(line, VEC))).toBe(4)
  expect(locks(() => vioapicUpdateEoi(line, VEC + 1))).toBe(1)
})

test('IA5: an EOI looks at the pins of its vector\'s class alone', () => {
  machine = lockstep({ cpus: 2, debug: false })
  const line = machine.call(0, () => setupLine())
  const looks = (fn: () => unknown): number => machine.countsOf(0, fn).ld ?? 0
  // the lock's two, the domain's one, the class's two; and the one pin of the class
  expect(looks(() => vioapicUpdateEoi(line, VEC ^ 16))).toBe(5)
  expect(looks(() => vioapicUpdateEoi(line, VEC ^ 1))).toBe(6)
})
