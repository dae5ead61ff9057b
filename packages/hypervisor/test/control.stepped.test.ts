// SPDX-License-Identifier: MIT
// Control operations against a machine that runs: results, undo, continuation.
import { EAGAIN, EEXIST, EINVAL, ENOSPC, ESRCH } from '@bottomhalf/base'
import { liveBlocks, NO_CPU } from '@bottomhalf/machine'
import { lockstep, roundRobin, type Lockstep } from '@bottomhalf/testkit/lockstep'
import { beforeEach, describe, expect, test } from 'vitest'
import { CONTROL_SLOTS } from '../src/index.js'
import {
  askRaw, bind, boot, createGuest, ENDLESS, endlessTurns, fillSlots, giveUp, haltingProgram, hasRecord, newMsi,
  RESTARTING, restarts, runCpu, stop, unbind,
} from './control.model.js'

let machine: Lockstep

beforeEach(() => {
  machine = lockstep({ cpus: 2, interrupts: 'free', irqsOn: false })
  machine.call(0, () => boot(3))
})

/** Run functions one after the other as whoever stands outside, then stop the machine. Their results. */
function outside<T extends unknown[]>(...steps: { [K in keyof T]: () => T[K] }): T {
  for (const cpu of [0, 1]) machine.spawn(cpu, () => runCpu(cpu))
  const results = steps.map((step) => {
    const task = machine.spawn(NO_CPU, step)
    machine.run(roundRobin(1), { maxSteps: 200_000 })
    return task.value
  })
  machine.spawn(NO_CPU, () => stop())
  expect(machine.run(roundRobin(1)).verdict).toBe('finished')
  return results as T
}

const program = (): number => haltingProgram.id

describe('createDomain', () => {
  test('DOM-1: a good one answers 0, the same id again -EEXIST', () => {
    expect(outside(() => createGuest(1, 1, program()), () => createGuest(1, 1, program()))).toEqual([0, -EEXIST])
  })

  test.each([
    ['a pCPU that is not there', 1, 2, () => program()],
    ['a negative pCPU', 1, -1, () => program()],
    ['a reserved id', 0x7ff0, 0, () => program()],
    ['no program', 1, 0, () => 0],
    ['an id that names no handler', 1, 0, () => 9999],
  ])('DOM-1: %s is -EINVAL and leaves nothing behind', (_, domId, cpu, guestProgram) => {
    const before = liveBlocks().length
    expect(outside(() => createGuest(domId, cpu, guestProgram()))).toEqual([-EINVAL])
    expect(liveBlocks()).toHaveLength(before)
  })
})

describe('bindMsi and unbindMsi', () => {
  test('DP-10, DP-11: bind, bind again, unbind, unbind again', () => {
    const msi = machine.call(0, () => newMsi())
    const other = machine.call(0, () => newMsi())
    expect(outside(
      () => createGuest(1, 1, program()), () => bind(1, 2, msi, 0x40), () => bind(1, 2, other, 0x41),
      () => unbind(1, 2), () => unbind(1, 2), () => hasRecord(1, 2),
    )).toEqual([0, 0, -EEXIST, 0, -EINVAL, false])
  })

  test.each([-1, 4, 0x7fffffff])('DP-11: unbind of pIRQ %d, which is out of range, is -EINVAL', (pirq) => {
    expect(outside(() => createGuest(1, 1, program()), () => unbind(1, pirq))).toEqual([0, -EINVAL])
  })

  test.each([
    ['an unknown domain', 9, 2, 0x40, -ESRCH],
    ['a pIRQ out of range', 1, 4, 0x40, -EINVAL],
    ['a vector that no guest may use', 1, 2, 0x0f, -EINVAL],
    ['a vector beyond the last', 1, 2, 0x100, -EINVAL],
  ])('K2: %s is refused and undone', (_, domId, pirq, gvec, errno) => {
    const msi = machine.call(0, () => newMsi())
    expect(outside(
      () => createGuest(1, 1, program()), () => bind(domId, pirq, msi, gvec), () => hasRecord(1, 2),
      // the interrupt and the pIRQ that the refused one had are free again
      () => bind(1, 2, msi, 0x40), () => unbind(1, 2),
    )).toEqual([0, errno, false, 0, 0])
  })

  test('K2: a machine out of interrupts answers -ENOSPC until one is given back', () => {
    const msis = [1, 2, 3, 4].map(() => machine.call(0, () => newMsi()))
    const bindNth = (n: number) => () => bind(1, n, msis[n] ?? 0, 0x40 + n)
    expect(outside(
      () => createGuest(1, 1, program()),
      bindNth(0), bindNth(1), bindNth(2), bindNth(3), () => unbind(1, 0), bindNth(3),
    )).toEqual([0, 0, 0, 0, -ENOSPC, 0, 0])
  })
})

test('DOM-6: an operation that answers -ERESTART is continued after the CPU served its softirqs', () => {
  expect(outside(() => askRaw(RESTARTING, []), () => restarts())).toEqual([0, { calls: 3, servedBetween: true }])
})

test('DOM-6: one that is given up is not continued', () => {
  const [result, turns, later] = outside(() => giveUp(ENDLESS), () => endlessTurns(), () => endlessTurns())
  expect(result).toBe(-EAGAIN)
  expect(later).toBe(turns)
})

test('an operation that nobody registered is -EINVAL', () => {
  expect(outside(() => askRaw(29, []), () => askRaw(-1, []), () => askRaw(0x7fffffff, [])))
    .toEqual([-EINVAL, -EINVAL, -EINVAL])
})

test('K2: with every slot in use nobody is let in; what is given up costs nobody a slot', () => {
  expect(outside(() => fillSlots(CONTROL_SLOTS))).toEqual([{ full: true, result: 0, freed: true }])
})
