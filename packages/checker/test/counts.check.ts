// SPDX-License-Identifier: MIT
/**
 * The classics: numbers of executions that are facts, found by brute force and by two published checkers, and our own
 * definitions, whose numbers the naive search confirms.
 */
import { describe, expect, it } from 'vitest'
import { modelNamed, modelText } from '../src/models/registry.js'
import type { CheckOptions, CheckResult } from '../src/check.js'
import { count, orders } from './helpers.js'

type Size = Readonly<Record<string, number>>

function run(name: string, size: Size, options: CheckOptions): CheckResult {
  return count(modelText(name, size), modelNamed(name).threads === true ? 'threads' : 'exactly', options)
}

const factorial = (n: number): number => n <= 1 ? 1 : n * factorial(n - 1)
const choose = (n: number, k: number): number => factorial(n) / factorial(k) / factorial(n - k)
const sizes = (from: number, to: number): Size[] => Array.from({ length: to - from + 1 }, (_, i) => ({ n: from + i }))
const each = (name: string, all: readonly Size[], executions: (n: number) => number, blocked = 0): Fact[] =>
  all.map((size) => [name, size, executions(size.n ?? 0), blocked])
const listed = (name: string, from: number, ...executions: number[]): Fact[] =>
  executions.map((number, i) => [name, { n: from + i }, number, 0])

type Fact = readonly [name: string, size: Size, executions: number, blocked: number]

/** Published numbers. */
const facts: readonly Fact[] = [
  ...each('writers', sizes(2, 7), factorial),
  ...each('writers-reader', sizes(2, 6), (n) => factorial(n + 1)),
  ...each('readers', sizes(2, 10), (n) => 2 ** n),
  ...each('lastzero', sizes(2, 10), (n) => (n + 3) * 2 ** (n - 2)),
  ...each('indexer', sizes(10, 14), (n) => n <= 11 ? 1 : 8 ** (n - 11)),
  ...listed('filesystem', 14, 2), ...listed('filesystem', 16, 8), ...listed('filesystem', 18, 32),
  ...each('fetch-add', sizes(2, 6), factorial),
  ...listed('casrot', 2, 2, 5, 14, 43, 144, 523, 2048),
  ...each('cas', sizes(2, 8), (n) => n),
  ...each('inc', sizes(2, 4), (n) => factorial(n) ** 2),
  ...each('sb-ring', sizes(2, 8), (n) => 2 ** n - 1),
  ...each('lb-ring', sizes(2, 8), (n) => 2 ** n - 1),
  ['mp', {}, 3, 0], ['iriw', {}, 15, 0],
  ...each('two-writers', sizes(1, 6), (n) => choose(2 * n, n)),
  ...each('lockinc', sizes(2, 6), factorial),
  ...each('lock2', sizes(2, 4), (n) => factorial(2 * n) / 2 ** n),
  ['ab-ba', {}, 2, 1],
  ...each('dining', sizes(2, 8), (n) => 2 ** n - 2, 1),
  ...each('ticket', sizes(2, 6), factorial),
  ['peterson', {}, 14, 0],
  ['dpci', { cpus: 2, control: 0 }, 54, 0], ['dpci', { cpus: 2, control: 1 }, 346, 0],
]

/** Numbers of our own definitions. */
const own: readonly Fact[] = [
  ...listed('fib_bench', 1, 3, 19, 141, 1107),
  ['szymanski', {}, 29, 0],
  ...listed('lamport', 2, 16, 897),
  ...listed('mcs', 2, 6, 66),
  ...listed('ttas', 2, 6, 144),
  ...listed('treiber', 2, 46),
  ...listed('seqlock', 1, 11, 121, 1331),
  ...listed('cas-write', 2, 12, 108, 1344),
]

describe.each([...facts, ...own])('%s %j', (name, size, executions, blocked) => {
  it(`optimal explores exactly ${executions} complete and ${blocked} blocked executions, none in vain`, () => {
    for (const order of orders) {
      const result = run(name, size, { strategy: 'optimal', order })
      expect(result).toMatchObject({ complete: executions, blocked, redundant: 0, broken: 0 })
      expect(result.classes).toMatchObject({ complete: executions, blocked })
    }
  })

  it(`dpor explores exactly ${executions} complete and ${blocked} blocked executions`, () => {
    for (const order of orders) {
      const result = run(name, size, { strategy: 'dpor', order })
      expect(result).toMatchObject({ complete: executions, blocked })
      expect(result.classes).toMatchObject({ complete: executions, blocked })
    }
  })
})

// without sleep sets the same classes, from more executions; by full enumeration the same ones again
describe.each([...facts, ...own].filter(([name, , executions]) => executions <= 50 && !['indexer', 'filesystem'].includes(name)))(
  '%s %j', (name, size, executions, blocked) => {
    it.each(['dpor', 'optimal'] as const)('%s without sleep sets finds the classes of naive', (strategy) => {
      const naive = run(name, size, { strategy: 'naive', merge: true })
      expect(naive.classes).toMatchObject({ complete: executions, blocked })
      for (const order of orders) {
        expect(run(name, size, { strategy, order, sleep: false }).digest()).toBe(naive.digest())
        expect(run(name, size, { strategy, order }).digest()).toBe(naive.digest())
      }
    })
  })

describe.each(own.filter(([, , executions]) => executions > 50))('%s %j', (name, size, executions) => {
  it(`naive confirms ${executions} executions`, () => {
    expect(run(name, size, { strategy: 'naive', merge: true }).classes.complete).toBe(executions)
  })
})

describe('large', () => {
  it('lastzero 15: optimal explores exactly 147456 executions', () => {
    expect(run('lastzero', { n: 15 }, { strategy: 'optimal' })).toMatchObject({ complete: 147_456, redundant: 0 })
  })

  it('treiber 3: optimal and naive agree on 68892 executions', () => {
    const optimal = run('treiber', { n: 3 }, { strategy: 'optimal' })
    expect(optimal).toMatchObject({ complete: 68_892, redundant: 0 })
    expect(run('treiber', { n: 3 }, { strategy: 'naive', merge: true }).digest()).toBe(optimal.digest())
  })

  it('dpci on 3 CPUs: dpor and optimal agree on 1950 executions', () => {
    const optimal = run('dpci', { cpus: 3 }, { strategy: 'optimal' })
    expect(optimal).toMatchObject({ complete: 1950, blocked: 0, redundant: 0, broken: 0 })
    expect(run('dpci', { cpus: 3 }, { strategy: 'dpor' }).digest()).toBe(optimal.digest())
  })
})
