// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest'
import { chromeTrace } from '../src/chromeTrace.js'
import { rulesAt } from '../src/rules.js'
import { shapesOf, stateAt } from '../src/view/state.js'
import { sentenceOf } from '../src/view/words.js'
import { brokenBy, handmade, node, tornText, writing } from './helpers.js'

const torn = brokenBy(tornText)

describe('the data of a replay', () => {
  test('steps say who did what to which word, with IF, and where it stands in the source', () => {
    const entry = torn.steps.find((step) => step.op === 'enter')
    expect(entry).toMatchObject({ context: 1, touched: [], irqOn: [true, false], places: [] })
    const write = torn.steps.find((step) => step.context === 1 && step.op === 'store')
    expect(write).toMatchObject({
      text: 'store x = 1', irqOn: [false, false], returns: false, places: [{ source: 0, line: 12 }],
      touched: [{ name: 'x', before: 0, after: 1, writes: true }],
    })
    expect(torn.steps.find((step) => step.returns)).toMatchObject({ text: 'store done = 1', irqOn: [false, true] })
    expect(torn.violation).toMatchObject({ kind: 'assertion', message: 'assert b == 2' })
  })

  test('the source is an excerpt around the lines that ran, the rule is the one at the line', () => {
    expect(torn.sources[0]).toMatchObject({ name: 'torn.txt', firstLine: 1 })
    const first = torn.steps.find((step) => step.places[0]?.line === 3)
    expect(first?.rules).toEqual([{ label: 'T1', text: 'nobody else writes x meanwhile' }])
  })

  test('a block of the heap is an object from its allocation to its end, and words that held its address are links', () => {
    const data = brokenBy('prog b\nbase 0\n  alloc p 2\n  wr head p\n  wr [p] 7\n  free p\n  rd q head\n  assert q == 0\nend\n')
    const block = data.objects.find((object) => object.isBlock)
    expect(block).toMatchObject({ from: 0, to: 3, words: 2, fields: [{ name: '[0]', kind: 'word' }] })
    expect(data.objects.find((object) => !object.isBlock)?.fields).toMatchObject([{ name: 'head', kind: 'link' }])
  })

  test('a lock is drawn by its holder', () => {
    const data = brokenBy('prog l\nbase 0\n  lock L\n  rd a x\n  assert a == 1\nend\n')
    expect(data.objects[0]?.fields.map(({ name, kind }) => [name, kind])).toEqual([['L', 'lock'], ['x', 'word']])
  })
})

describe('the state behind a step', () => {
  const data = handmade([node(10)], [
    writing(12, 5), writing(12, 6, { cpu: 1, context: 1 }),
    { ...writing(12, 0), op: 'enter', context: 2, cpu: 1, touched: [], irqOn: [true, false] },
    writing(12, 7, { cpu: 1, context: 2, irqOn: [false, true], returns: true, waiting: [0] }),
  ])

  test.each([[-1, 0, -1], [0, 5, 0], [1, 6, 1], [2, 6, 1], [3, 7, 3]])('behind step %i the word is %i, written by step %i', (position, value, writer) => {
    expect(stateAt(data, position).words.get(12)).toEqual({ value, writer })
  })

  test('handlers stack on their CPU with IF = 0 and leave it as it was', () => {
    const cpu = (position: number) => stateAt(data, position).cpus[1]
    expect(cpu(1)).toEqual({ stack: [1], irqOn: true, waits: false })
    expect(cpu(2)).toEqual({ stack: [1, 2], irqOn: false, waits: false })
    expect(cpu(3)).toEqual({ stack: [1], irqOn: true, waits: false })
    expect(stateAt(data, 3).cpus[0]?.waits).toBe(true)
  })

  test('the shape of a step: nested as deep as its handler, entered and left at its edges', () => {
    expect(shapesOf(data).map(({ depth, edge, irqOn }) => [depth, edge, irqOn[1]])).toEqual([
      [0, 'none', true], [0, 'none', true], [1, 'enters', true], [1, 'returns', false],
    ])
  })
})

describe('words', () => {
  test('a step is one sentence for who cannot see it', () => {
    const last = torn.steps.length - 1
    expect(sentenceOf(torn, last)).toMatch(/^Step \d+, CPU 0, base0: load x : 1\. x is 1\. torn\.txt line 6\. Here it breaks: assertion: assert b == 2\.$/)
    expect(sentenceOf(torn, -1)).toBe(`Start, before the first of ${torn.steps.length} steps.`)
  })
})

describe('rules at a line', () => {
  const source = ['/**', ' * S1  A bit is cleared before', ' *     its handler runs.', ' */', 'f()   // S1: now', '// DP-7 above', 'g()', 'h()']

  test.each([
    [5, [{ label: 'S1', text: 'A bit is cleared before its handler runs.' }]],
    [7, [{ label: 'DP-7', text: 'above' }]],
    [8, []], [1, []], [99, []],
  ])('line %i', (line, rules) => {
    expect(rulesAt(source, line)).toEqual(rules)
  })
})

describe('Chrome trace events', () => {
  interface Event { name: string, ph: string, tid: number, ts: number, args?: Record<string, unknown> }
  const eventsOf = (data: typeof torn): Event[] =>
    (JSON.parse(chromeTrace(data)) as { traceEvents: Event[] }).traceEvents
  const events = eventsOf(torn)

  test('a step is a millisecond on its CPU with what it changed, a handler a slice around its steps', () => {
    const write = events.find(({ ph, name }) => ph === 'X' && name === 'store x = 1')
    expect(write?.args).toMatchObject({ IF: 0, x: '0 -> 1', source: 'torn.txt:12' })
    const slices = events.filter(({ name, ph }) => name === 'h1' && 'BE'.includes(ph)).map(({ ph, ts }) => [ph, ts])
    const entry = torn.steps.findIndex((step) => step.op === 'enter')
    const end = torn.steps.findIndex((step) => step.returns)
    expect(slices).toEqual([['B', entry * 1000], ['E', (end + 1) * 1000]])
  })

  test('the violation stands behind the last step, and a handler that never returns is closed there', () => {
    expect(events.at(-1)).toMatchObject({ name: 'assertion: assert b == 2', ph: 'i', ts: torn.steps.length * 1000 })
    const stuck = eventsOf(brokenBy('prog s\nbase 0\n  lock L\n  unlock L\nirq h 0\n  lock L\n  unlock L\nend\n'))
    const open = stuck.filter(({ ph }) => ph === 'B').length
    expect(open).toBeGreaterThan(0)
    expect(stuck.filter(({ ph }) => ph === 'E').length).toBe(open)
  })
})
