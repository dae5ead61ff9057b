// SPDX-License-Identifier: MIT
/**
 * A device, passthrough and a guest's driver in every schedule within the bound that each claim names. The numbers of
 * executions are lower bounds: how many there are depends on the accesses of the layers below.
 */
import { expect, test } from 'vitest'
import { enumerateLines, level, translated, unbound } from './lineScenarios.js'

test.each([
  ['I1, I10: a level line that its device raises again while the driver serves it', level, 100],
  ['I1: a message that becomes a line while the driver serves it for another', translated, 100],
  ['I2, I10: an unbind of a line that is asserted', unbound, 100],
])('DP-7, DP-9: %s: 2 CPUs, up to 1 preemption', (_what, scenario, atLeast) => {
  const result = enumerateLines(scenario, 1)
  expect(result.failure?.reason).toBeUndefined()
  expect(result.complete).toBe(true)
  expect(result.executions).toBeGreaterThan(atLeast)
}, 300_000)
