// SPDX-License-Identifier: MIT
/** dpci.check.ts can fail: the same claim about altered forms, within the same bound. */
import { describe, expect, test, vi } from 'vitest'
import * as mutants from './mutants.model.js'
import { enumerated, pair } from './scenarios.js'

vi.mock('#protocol', () => import('./mutants.model.js'))

const run = (mutant: number, preemptions: number) =>
  enumerated(pair, { preemptions }, (machine) => { machine.call(0, () => mutants.chooseMutant(mutant)) })

describe('two interrupts of one record on two CPUs', () => {
  test('DP-14 to the letter: complete and clean with 1 preemption', () => {
    const result = run(mutants.NO_MUTANT, 1)
    expect([result.failure?.reason, result.complete]).toEqual([undefined, true])
  })

  test('R7: link tied to SCHED is found with 1 preemption', () => {
    expect(run(mutants.LINK_TIED_TO_SCHED, 1).failure).toBeDefined()
  })
}, 60_000)
