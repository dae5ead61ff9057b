// SPDX-License-Identifier: MIT
/** interleavedLines.check.ts can fail: the same claims about forms with one line altered, within the same bounds. */
import { explore } from '@bottomhalf/checker'
import { expect, test, vi } from 'vitest'
import { served, timedOut, unbound } from './interleavedLines.model.js'
import * as mutants from './pendingMutants.model.js'

vi.mock('#pending', () => import('./pendingMutants.model.js'))
vi.mock('#release', () => import('./releaseMutants.model.js'))

const bounded = { strategy: 'bounded', preemptions: 2, minimiseSeconds: 0 } as const

test.each([
  ['I10: the last EOI does not reach the machine', served, mutants.NO_MACHINE_EOI, 'I10'],
  ['PN1, IRQ-5: every assertion counts, that after a time-out too', timedOut, mutants.COUNTS_ASSERTIONS, 'I10'],
  ['U10, GL2: the lines of a binding outlive it', unbound, mutants.FORGETS_LINES, 'I2'],
] as const)('DP-9 twin: %s: found', async (_what, model, mutant, rule) => {
  const result = await explore(model(1, mutant), bounded)
  expect([result.verdict, result.rule]).toEqual(['violation', rule])
}, 120_000)
