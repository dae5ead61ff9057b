// SPDX-License-Identifier: MIT
/** The claims of dpci.stepped.test.ts can fail: forms of the protocol with one line altered, each of them found. */
import { describe, expect, test, vi } from 'vitest'
import * as mutants from './mutants.model.js'
import { crowded, pair, rebound, sampled, spread, unbound } from './scenarios.js'

vi.mock('#protocol', () => import('./mutants.model.js'))

const random = { runs: 3000, seed: 20260301, maxSteps: 20_000 }
const run = (scenario: typeof pair, mutant: number, runs = random.runs) =>
  sampled(scenario, { ...random, runs }, (machine) => { machine.call(0, () => mutants.chooseMutant(mutant)) })

describe('DP-14 to the letter', () => {
  test.each([['pair', pair], ['spread', spread], ['crowded', crowded], ['unbound', unbound],
    ['rebound', rebound]])('passes: %s', (_name, scenario) => {
    expect(run(scenario, mutants.NO_MUTANT, 500).failure?.reason).toBeUndefined()
  })

  test.each([
    ['R7: link tied to SCHED: an interrupt between the two clears is never served', mutants.LINK_TIED_TO_SCHED, pair],
    ['U1: cancel forgets that the record is linked: linked twice after the rebind', mutants.CANCEL_FORGETS_LINK, rebound],
    ['I4: cancel keeps the reference', mutants.CANCEL_KEEPS_REFERENCE, unbound],
    ['P5: QUEUED goes off before the unlink', mutants.QUEUED_OFF_EARLY, spread],
    ['DP-2: put back forgotten', mutants.NO_PUT_BACK, crowded],
    ['P2: SCHED goes off after the assist: an arrival during it is lost', mutants.SCHED_OFF_LATE, spread],
  ])('DP-14: %s: found', (_what, mutant, scenario) => {
    const { failure } = run(scenario, mutant)
    expect(failure).toBeDefined()
  })
})
