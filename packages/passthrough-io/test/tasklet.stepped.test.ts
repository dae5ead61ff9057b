// SPDX-License-Identifier: MIT
/** Form A, the baseline that is measured, keeps its promises too: it is slow, not wrong. */
import { describe, expect, test, vi } from 'vitest'
import { pair, rebound, retried, sampled, spread, unbound } from './scenarios.js'

vi.mock('#protocol', () => import('../src/protocolTasklet.js'))

const random = { runs: 500, seed: 20260301 }

describe('form A under random schedules', () => {
  test.each([
    ['two interrupts of one record on two CPUs', pair],
    ['an interrupt spread over two CPUs, and a second record', spread],
    ['U12: an unbind under fire does not wait for the tasklet', unbound],
    ['an unbind and a try to bind again under fire', retried],
    ['an unbind and a bind under fire on three CPUs', rebound],
  ])('%s', (_what, scenario) => {
    const result = sampled(scenario, random)
    expect(result.failure?.reason).toBeUndefined()
    expect(result.executions).toBe(random.runs)
  })
})
