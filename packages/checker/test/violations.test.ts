// SPDX-License-Identifier: MIT
/** What is found, and what is not: each kind of violation with the twin that is clean. */
import { describe, expect, it } from 'vitest'
import { checkProgram, type CheckOptions, type CheckResult } from '../src/check.js'
import { strategyNames } from '../src/strategies/create.js'
import { modelText } from '../src/models/registry.js'
import { program } from './helpers.js'

const lines = (...text: string[]): string => ['prog t', ...text, 'end'].join('\n')
const check = (text: string, options: CheckOptions = {}): CheckResult => checkProgram(program(text), options)

describe.each(['dpor', 'optimal', 'naive', 'bounded', 'stateful'] as const)('%s', (strategy) => {
  it('a failed assertion is found, with the context that failed', () => {
    const result = check(lines('base 0', 'wr x 1', 'base 1', 'rd a x', 'assert a == 0'), { strategy })
    expect(result).toMatchObject({ verdict: 'violation', violation: { kind: 'assertion', context: 'base1', message: 'assert a == 0' } })
    expect(check(lines('base 0', 'wr y 1', 'base 1', 'rd a x', 'assert a == 0'), { strategy }).verdict).toBe('clean')
  })

  it('a deadlock names who waits for which lock; one order of the locks is clean', () => {
    const result = check(modelText('ab-ba'), { strategy })
    expect(result.violation).toMatchObject({ kind: 'deadlock', message: 'base0 waits for lock B; base1 waits for lock A' })
    expect(check(lines('base 0', 'lock A', 'lock B', 'unlock B', 'unlock A', 'base 1', 'lock A', 'unlock A'), { strategy }).verdict)
      .toBe('clean')
  })

  it('a handler that wants the lock of the base below it is a deadlock', () => {
    const body = ['lock L', 'unlock L']
    const result = check(lines('base 0', ...body, 'irq h 0', ...body), { strategy })
    expect(result.violation).toMatchObject({ kind: 'deadlock', message: 'base0 is below h: preempted; h waits for lock L' })
    expect(check(lines('base 0', 'cli', ...body, 'sti', 'irq h 0', ...body), { strategy }).verdict).toBe('clean')
  })

  it('a wait that nobody ends is a hang, with what it waits for', () => {
    const result = check(lines('base 0', 'wait x == 2', 'base 1', 'wr x 1'), { strategy })
    expect(result.violation).toMatchObject({ kind: 'hang', message: 'base0 waits for x == 2' })
    expect(check(lines('base 0', 'wait x == 1', 'base 1', 'wr x 1'), { strategy }).verdict).toBe('clean')
  })

  it('an interrupt that finds IF = 0 for ever is a hang in mode exactly, nothing in mode atMost', () => {
    const text = lines('base 0', 'cli', 'rd a x', 'irq h 0', 'wr x 1')
    expect(check(text, { strategy }).violation).toMatchObject({ kind: 'hang', message: 'h waits for IF = 1' })
    expect(check(text, { strategy, mode: 'atMost' }).verdict).toBe('clean')
  })

  it('plain accesses that nothing orders are a data race; behind a lock they are none', () => {
    const racing = check(lines('base 0', 'st x 1', 'base 1', 'ld a x'), { strategy })
    expect(racing.violation).toMatchObject({ kind: 'data-race' })
    expect(racing.violation?.message).toMatch(/^x: base\d (st|ld) \(step 0\) and base\d (st|ld) \(step 1\), and nothing orders them$/)
    const locked = lines('base 0', 'lock L', 'st x 1', 'unlock L', 'base 1', 'lock L', 'ld a x', 'unlock L')
    expect(check(locked, { strategy }).verdict).toBe('clean')
  })

  it('a plain access and an atomic one race too; two atomic ones never', () => {
    expect(check(lines('base 0', 'st x 1', 'base 1', 'rd a x'), { strategy }).violation?.kind).toBe('data-race')
    expect(check(lines('base 0', 'wr x 1', 'base 1', 'rd a x'), { strategy }).verdict).toBe('clean')
  })

  it('what an atomic write publishes is ordered for whoever reads it', () => {
    const reader = ['base 1', 'rd f flag', 'if f == 0 OUT', 'ld a x', 'label OUT']
    expect(check(lines('base 0', 'st x 1', 'wr flag 1', ...reader), { strategy }).verdict).toBe('clean')
    expect(check(lines('base 0', 'wr flag 1', 'st x 1', ...reader), { strategy }).violation?.kind).toBe('data-race')
  })

  it('base and handler of one CPU do not race', () => {
    expect(check(lines('base 0', 'st x 1', 'irq h 0', 'ld a x'), { strategy }).verdict).toBe('clean')
    expect(check(lines('base 0', 'st x 1', 'base 1', 'irq h 1', 'ld a x'), { strategy }).violation?.kind).toBe('data-race')
  })

  it('use after free, double free, free of no block, and a leak are found', () => {
    const shared = ['base 0', 'alloc p 2', 'wr box p', 'free p']
    const use = lines(...shared, 'base 1', 'rd q box', 'if q == 0 OUT', 'rd a [q+1]', 'label OUT')
    expect(check(use, { strategy }).violation?.kind).toBe('use-after-free')
    const twice = lines(...shared, 'base 1', 'rd q box', 'if q == 0 OUT', 'free q', 'label OUT')
    expect(check(twice, { strategy, dataRaces: false }).violation?.kind).toBe('double-free')
    expect(check(lines('base 0', 'alloc p 2', 'free p+1'), { strategy }).violation?.kind).toBe('bad-free')
    expect(check(lines('base 0', 'alloc p 2'), { strategy }).violation?.kind).toBe('leak')
    expect(check(lines('base 0', 'alloc p 2', 'wr [p] 1', 'free p'), { strategy }).verdict).toBe('clean')
  })

  it('a predicate at rest sees every class of ends', () => {
    const text = lines('base 0', 'rd a x', 'wr x a+1', 'base 1', 'rd a x', 'wr x a+1')
    const compiled = program(text)
    const word = compiled.words.get('x') ?? 0
    const lost = checkProgram(compiled, { strategy, atRest: (state) => state.word(word) === 2 ? undefined : 'an increment is lost' })
    expect(lost.violation).toMatchObject({ kind: 'at-rest', message: 'an increment is lost' })
    const atomic = program(lines('base 0', 'add a x 1', 'base 1', 'add a x 1'))
    const address = atomic.words.get('x') ?? 0
    expect(checkProgram(atomic, { strategy, atRest: (state) => state.word(address) === 2 ? undefined : 'lost' }).verdict).toBe('clean')
  })
})

describe('vectors', () => {
  const sleeper = (...check: string[]): string[] => ['base 0', 'cli', ...check, 'halt', 'rd b done', 'base 1', 'wr work 1', 'raise 0 33',
    'vec ipi 0', 'wr done 1']

  it.each(strategyNames)('%s: a halt ends behind an interrupt, never before it', (strategy) => {
    const result = check(lines(...sleeper(), 'wr after b', 'assert 1 == 1'), { strategy, runs: 50 })
    expect(result.violation).toBeNull()
    const early = lines('base 0', 'cli', 'halt', 'rd b done', 'assert b == 1', 'base 1', 'raise 0 33', 'vec ipi 0', 'wr done 1')
    expect(check(early, { strategy, runs: 50 }).violation).toBeNull()
    const never = lines('base 0', 'cli', 'halt', 'rd b done', 'assert b == 0', 'base 1', 'raise 0 33', 'vec ipi 0', 'wr done 1')
    expect(check(never, { strategy, runs: 50 }).violation?.kind).toBe('assertion')
  })

  it('requests of one vector coalesce until it enters: two raises are served once or twice', () => {
    const result = check(lines('base 0', 'base 1', 'raise 0 33', 'raise 0 33', 'vec ipi 0', 'add a runs 1'), { collect: true })
    // both raises, then one run; a raise, a run, a raise, a run with the second raise before or behind the first run's step
    const naive = check(lines('base 0', 'base 1', 'raise 0 33', 'raise 0 33', 'vec ipi 0', 'add a runs 1'),
      { collect: true, strategy: 'naive' })
    expect(result.digest()).toBe(naive.digest())
    expect(naive.classes.complete).toBe(2)
  })

  it.each(['dpor', 'optimal'] as const)('HB3: %s finds a vector between any two steps of its target', (strategy) => {
    const text = lines('base 0', 'rd a x', 'rd b y', 'base 1', 'raise 0 33', 'vec ipi 0', 'wr x 1', 'wr y 1')
    const naive = check(text, { strategy: 'naive', collect: true })
    for (const order of ['base-first', 'reversed', 1, 2, 3] as const) {
      expect(check(text, { strategy, collect: true, order }).digest()).toBe(naive.digest())
    }
  })
})

describe('livelock', () => {
  // each takes a flag, sees the other's, and gives its own back
  const polite = (mine: string, other: string): string[] =>
    ['label AGAIN', `wr ${mine} 1`, `rd r ${other}`, 'if r == 0 IN', `wr ${mine} 0`, 'jmp AGAIN', 'label IN', `wr ${mine} 0`]
  const text = lines('base 0', ...polite('a', 'b'), 'base 1', ...polite('b', 'a'))

  it('stateful: a circle in which everybody runs is found and its schedule goes round it', () => {
    const result = check(text, { strategy: 'stateful' })
    expect(result.violation).toMatchObject({ kind: 'livelock', message: expect.stringContaining('base0, base1') as unknown })
    expect(result.states).toBeGreaterThan(8)
  })

  it('stateful: a circle that a fair scheduler leaves is none', () => {
    const spin = lines('base 0', 'label AGAIN', 'rd r x', 'if r == 0 AGAIN', 'base 1', 'wr x 1')
    expect(check(spin, { strategy: 'stateful' }).verdict).toBe('clean')
    const never = lines('base 0', 'label AGAIN', 'rd r x', 'if r == 0 AGAIN', 'base 1', 'wr y 1')
    expect(check(never, { strategy: 'stateful' }).violation?.kind).toBe('livelock')
  })

  it('an execution that goes in circles for ever is told from one that starves somebody', () => {
    const alone = lines('base 0', 'label AGAIN', 'rd r x', 'if r == 0 AGAIN')
    expect(check(alone, { maxSteps: 200 }).violation).toMatchObject({ kind: 'livelock', context: 'base0' })
    const starving = lines('base 0', 'label AGAIN', 'rd r x', 'if r == 0 AGAIN', 'base 1', 'wr x 1')
    expect(check(starving, { maxSteps: 200 }).violation).toMatchObject({
      kind: 'step-limit', message: expect.stringContaining('base1 could run and never does') as unknown,
    })
  })
})

describe('sampling', () => {
  const rare = lines('base 0', 'wr x 1', 'wr x 2', 'wr x 3', 'wr x 4', 'base 1', 'rd a x', 'rd b x', 'assert b != a+1')

  it.each(['random', 'pct'] as const)('%s finds what it can, and never says clean', (strategy) => {
    expect(check(rare, { strategy, runs: 500 }).violation?.kind).toBe('assertion')
    const clean = check(lines('base 0', 'wr x 1', 'base 1', 'rd a x'), { strategy, runs: 20 })
    expect(clean).toMatchObject({ verdict: 'unfinished', executions: 20 })
  })

  it.each(['random', 'pct'] as const)('%s: one seed gives one search', (strategy) => {
    const once = (seed: number) => check(rare, { strategy, runs: 40, seed, collect: true })
    expect(once(7).digest()).toBe(once(7).digest())
    expect(new Set([1, 2, 3, 4].map((seed) => once(seed).digest())).size).toBeGreaterThan(1)
  })
})

describe('bounded', () => {
  it('counts schedules by preemptions: each bound is exhausted before the next', () => {
    const needs = (preemptions: number) => check(lines('base 0', 'rd a x', 'wr x a+1', 'rd b x', 'assert b == a+1', 'base 1', 'wr x 7'),
      { strategy: 'bounded', preemptions })
    expect(needs(0)).toMatchObject({ verdict: 'clean', preemptions: 0 })
    expect(needs(1)).toMatchObject({ verdict: 'violation', violation: { kind: 'assertion' } })
  })

  it('says null when no bound cut anything', () => {
    expect(check(lines('base 0', 'wr x 1', 'base 1', 'rd a x'), { strategy: 'bounded', preemptions: 9 }).preemptions).toBeNull()
  })
})
