// SPDX-License-Identifier: MIT
/** The production protocol in every interleaving: no bound but the number of interrupts, unless the claim names one. */
import { explore } from '@bottomhalf/checker'
import { expect, test } from 'vitest'
import { reboundUnder, spreadOver } from './interleaved.model.js'

test('DP-14, I1 to I7, I12: two interrupts of one record on two CPUs that serve and sleep', async () => {
  const result = await explore(spreadOver(2))
  expect(result.verdict, result.report).toBe('clean')
  expect(result.executions).toBeGreaterThan(500)
}, 120_000)

test('DP-10, DP-11, I2: an unbind and a bind under fire of one interrupt', async () => {
  const result = await explore(reboundUnder(1))
  expect(result.verdict, result.report).toBe('clean')
  expect(result.executions).toBeGreaterThan(300)
}, 120_000)

test('DP-10, DP-11, I2: the same under fire of two interrupts, with one preemption', async () => {
  const result = await explore(reboundUnder(2), { strategy: 'bounded', preemptions: 1 })
  expect(result.verdict, result.report).toBe('clean')
}, 120_000)
