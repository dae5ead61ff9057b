// SPDX-License-Identifier: MIT
/** A device, passthrough and a guest's driver under random schedules: the twins are in lineMutants.stepped.test.ts. */
import { expect, test } from 'vitest'
import { level, sampleLines, strayEois, translated, unbound } from './lineScenarios.js'

test.each([
  ['I1, I10: a level line that its device raises again while the driver serves it', level],
  ['U11: the same with a guest that ends what nobody asked for', strayEois],
  ['I1: a message that becomes a line while the driver serves it for another', translated],
  ['I2, I10: an unbind of a line that is asserted', unbound],
])('DP-7, DP-9: %s', (_what, scenario) => {
  const result = sampleLines(scenario, 1000)
  expect(result.failure?.reason).toBeUndefined()
  expect(result.executions).toBe(1000)
}, 60_000)
