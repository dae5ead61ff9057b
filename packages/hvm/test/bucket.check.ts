// SPDX-License-Identifier: MIT
/** A bucket of ports is whole before it can be found: every interleaving of two pCPUs within a bound. */
import { exhaustive, lockstep } from '@bottomhalf/testkit/lockstep'
import type { Exploration } from '@bottomhalf/testkit/lockstep'
import { expect, test } from 'vitest'
import { expand, expandPublishedFirst, isAnyoneTold, setupFull, unmaskNext } from './bucket.model.js'

/** One makes the second bucket, the other looks at it: there was no event, so nobody is told of one. */
function race(how: (d: number) => unknown): Exploration {
  const machine = lockstep({ cpus: 2, debug: false })
  const d = machine.call(0, () => setupFull())
  return exhaustive(machine, () => {
    machine.spawn(0, () => how(d))
    machine.spawn(1, () => unmaskNext(d))
  }, () => { expect(machine.call(0, () => isAnyoneTold(d))).toBe(false) }, { plainIsQuiet: true, preemptions: 2 })
}

test('E4: XSA-221: 2 pCPUs, up to 2 preemptions: a bucket that is being made is none or whole', () => {
  const result = race((d) => expand(d))
  expect(result).toMatchObject({ failure: undefined, complete: true })
  expect(result.executions).toBeGreaterThan(5)
})

test('XSA-221 twin: a bucket that can be found before it is whole tells a guest of what never was', () => {
  expect(race((d) => expandPublishedFirst(d)).failure?.reason).toMatch(/true/)
})
