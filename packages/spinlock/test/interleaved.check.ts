// SPDX-License-Identifier: MIT
/** Locks in every interleaving, with an interrupt that takes them too; what the debug checks tell before it happens. */
import { defineModel, explore } from '@bottomhalf/checker'
import { expect, test } from 'vitest'
import { countWith, makeLocks, nest, places, type Form } from './locks.model.js'
import { LOCK_TAS } from '../src/index.js'

const counting = (kind: 0 | 1, base: Form, irq: Form | null, debug = false) => defineModel({
  name: 'counting', cpus: 2, debug,
  setup: () => makeLocks(kind, { checks: debug }),
  threads: [{ run: () => countWith(base, 1) }, { run: () => countWith(base, 1) }],
  interrupts: irq === null ? [] : [{ cpu: 0, run: () => countWith(irq, 1) }],
  atRest: (_shared, { word }) => {
    const found = word(places().counter)
    return found === (irq === null ? 2 : 3) ? undefined : `S1: ${found} is counted`
  },
})

test.each([0, 1] as const)('S1, S2, LK-1: kind %i: two CPUs and an interrupt count exactly, and no data race', async (kind) => {
  const result = await explore(counting(kind, 'irqsave', 'irqsave'))
  expect(result.verdict, result.report).toBe('clean')
})

test.each(['none', 'readTrylock'] as const)('the twin of S1, %s, is a data race', async (form) => {
  expect((await explore(counting(0, form, null))).violation?.kind).toBe('data-race')
})

test('LK-2: a lock taken with IF = 1 and in an interrupt hangs; the debug checks tell in any order', async () => {
  expect((await explore(counting(0, 'lock', 'lock'))).violation).toMatchObject({ kind: 'hang' })
  const told = await explore(counting(0, 'lock', 'lock', true))
  expect(told.violation?.kind).toBe('bug')
})

test('LK-2, LK-4: locks in both orders are a hang, and with debug checks a BUG', async () => {
  const crossed = (debug: boolean) => defineModel({
    name: 'crossed', cpus: 2, debug, setup: () => makeLocks(LOCK_TAS, { checks: debug }),
    threads: [{ run: () => nest(places().a, places().b) }, { run: () => nest(places().b, places().a) }],
  })
  const hang = await explore(crossed(false))
  expect(hang.violation?.kind).toBe('hang')
  expect(hang.violation?.message).toContain('lockTest.a')
  expect((await explore(crossed(true))).violation?.kind).toBe('bug')
})
