// SPDX-License-Identifier: MIT
/** The claims about lines can fail: forms with one line altered, each of them found. */
import { expect, test, vi } from 'vitest'
import { type LineScenario, sampleLines, strayEois, translated, unbound } from './lineScenarios.js'
import * as mutants from './pendingMutants.model.js'

vi.mock('#pending', () => import('./pendingMutants.model.js'))
vi.mock('#release', () => import('./releaseMutants.model.js'))

const run = (scenario: LineScenario, mutant: number) =>
  sampleLines(scenario, 2000, (machine) => { machine.call(0, () => mutants.chooseLineMutant(mutant)) })

test.each([
  ['U11: a stray EOI counts below zero: the line is never released by the guest', mutants.WRAPS, strayEois, 'I1'],
  ['PN1: every assertion counts: the guest\'s one EOI is not enough', mutants.COUNTS_ASSERTIONS, translated, 'I10'],
  ['U10, GL2: the lines of a binding outlive it: still asserted', mutants.FORGETS_LINES, unbound, 'I2'],
])('DP-9 twin: %s: found', (_what, mutant, scenario, invariant) => {
  expect(run(scenario, mutant).failure?.reason).toContain(invariant)
}, 60_000)
