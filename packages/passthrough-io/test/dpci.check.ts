// SPDX-License-Identifier: MIT
/** The production protocol in every schedule within the bound that each claim names: I1 to I6 at rest. */
import { expect, test } from 'vitest'
import { crowded, enumerated, pair, retried, spread, unbound } from './scenarios.js'

test.each([
  ['two interrupts of one record on two CPUs, 2 preemptions', pair, 2, 3_000],
  ['a CPU inside, another that puts back, a second record in between, 1 preemption', crowded, 1, 500],
  ['an interrupt spread over two CPUs, and a second record, 1 preemption', spread, 1, 1_000],
  ['an unbind under fire of three interrupts, 1 preemption', unbound, 1, 1_000],
  ['an unbind and a try to bind again under fire of two interrupts, 2 preemptions', retried, 2, 5_000],
])('DP-14: %s', (_what, scenario, preemptions, atLeast) => {
  const result = enumerated(scenario, { preemptions })
  expect(result.failure?.reason).toBeUndefined()
  expect(result.complete).toBe(true)
  expect(result.executions).toBeGreaterThan(atLeast)
}, 120_000)
