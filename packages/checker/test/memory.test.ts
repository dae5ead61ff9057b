// SPDX-License-Identifier: MIT
/** What a search needs does not depend on how long it lasts. */
import { describe, expect, it } from 'vitest'
import { HashSet } from '../src/hashSet.js'
import { modelText } from '../src/models/registry.js'
import { Run } from '../src/run.js'
import { scramble } from '../src/scramble.js'
import type { StrategyName } from '../src/strategies/create.js'
import { program } from './helpers.js'

/** Elements of all arrays, maps and sets below an object, sets of classes and states apart. */
function elementsOf(root: object): number {
  const seen = new Set<unknown>()
  let elements = 0
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null || value instanceof HashSet || seen.has(value)) return
    seen.add(value)
    if (ArrayBuffer.isView(value)) elements += value.byteLength
    else if (value instanceof Map || value instanceof Set) elements += value.size
    else {
      if (Array.isArray(value)) elements += value.length
      Object.values(value).forEach(visit)
    }
  }
  visit(root)
  return elements
}

describe('a search that lasts', () => {
  const text = modelText('two-writers', { n: 8 })
  const after = (strategy: StrategyName, maxExecutions: number): number => {
    const run = new Run(program(text), { strategy, collect: true, maxExecutions, preemptions: 9, runs: 1e6 }, null).go()
    expect(run.search.counts.executions).toBe(maxExecutions)
    return elementsOf(run)
  }

  it.each([
    ['dpor', 500], ['optimal', 500], ['naive', 500], ['bounded', 20], ['random', 500], ['pct', 500],
  ] as const)('N1, X2: %s: after ten times %i executions everything but the sets has the size that it had', (strategy, n) => {
    expect(after(strategy, 10 * n)).toBe(after(strategy, n))
  })

  it('the twin: a log that is never cut grows', () => {
    const run = new Run(program(text), { collect: true, maxExecutions: 500 }, null).go()
    const before = elementsOf(run)
    const { undo } = run.session.executor
    for (let n = 0; n < 5000; n++) undo.set(0, n)
    expect(elementsOf(run)).toBeGreaterThan(before)
  })
})

describe('sets of hashes', () => {
  const filled = (count: number, limit?: number): HashSet => {
    const set = new HashSet(limit)
    for (let n = 0; n < count; n++) set.add(scramble(n), scramble(~n))
    return set
  }

  it('HS1: whatever is added, twice the limit is kept: the newest', () => {
    const set = filled(10_000, 100)
    expect(set.words).toBeLessThan(2 * 100 * 8 + 512)
    expect([set.size, set.forgot]).toEqual([10_000, true])
    for (let n = 9_900; n < 10_000; n++) expect(set.has(scramble(n), scramble(~n))).toBe(true)
  })

  it('the twin: within the limit nothing is forgotten, and nothing counted twice', () => {
    const set = filled(10_000)
    for (let n = 0; n < 10_000; n++) expect(set.add(scramble(n), scramble(~n))).toBe(false)
    expect([set.size, set.forgot, set.digest()]).toEqual([10_000, false, filled(10_000).digest()])
    expect(filled(9_999).digest()).not.toBe(set.digest())
  })

  it.each([100, 1e6])('limit %i: what is saved and restored holds the same', (limit) => {
    const set = filled(1000, limit)
    const again = new HashSet(limit)
    again.restore(set.save())
    expect([again.size, again.forgot, again.digest()]).toEqual([set.size, set.forgot, set.digest()])
  })
})
