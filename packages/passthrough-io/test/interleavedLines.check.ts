// SPDX-License-Identifier: MIT
/** A line of the machine in every interleaving of its device, the CPU that serves it and its guest's: the twins are in interleavedLineMutants.check.ts. */
import { explore } from '@bottomhalf/checker'
import { expect, test } from 'vitest'
import { served, timedOut, unbound } from './interleavedLines.model.js'

test.each([
  ['I1, I10: one event: raised, served, ended', served, 10_000],
  ['I2, I10, DP-11: an unbind meanwhile', unbound, 30],
] as const)('DP-7, DP-9: %s: every interleaving', async (_what, model, atLeast) => {
  const result = await explore(model(1))
  expect(result.verdict, result.report).toBe('clean')
  expect(result.executions).toBeGreaterThan(atLeast)
}, 120_000)

test.each([
  ['I1, I10: two events', served, 2, 300],
  ['I1, I10, IRQ-5: one event, and a time-out', timedOut, 1, 500],
  ['I2, I10, DP-11: two events, and an unbind', unbound, 2, 100],
] as const)('DP-7, DP-9: %s: every interleaving with 2 preemptions', async (_what, model, events, atLeast) => {
  const result = await explore(model(events), { strategy: 'bounded', preemptions: 2 })
  expect(result.verdict, result.report).toBe('clean')
  expect(result.executions).toBeGreaterThan(atLeast)
}, 120_000)
