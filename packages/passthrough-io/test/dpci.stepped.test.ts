// SPDX-License-Identifier: MIT
/** The production protocol under random schedules: the twins of these claims are in mutants.stepped.test.ts. */
import { describe, expect, test } from 'vitest'
import { crowded, pair, rebound, sampled, spread, unbound } from './scenarios.js'

const random = { runs: 1500, seed: 20260301 }

describe('DP-14 under random schedules: I1 to I6 at rest', () => {
  test.each([
    ['two interrupts of one record on two CPUs', pair],
    ['an interrupt spread over two CPUs, and a second record', spread],
    ['a CPU inside, another that puts back, a second record in between', crowded],
    ['an unbind under fire', unbound],
    ['an unbind and a bind under fire on three CPUs', rebound],
  ])('DP-14: %s', (_what, scenario) => {
    const result = sampled(scenario, random)
    expect(result.failure?.reason).toBeUndefined()
    expect(result.executions).toBe(random.runs)
  })
})
