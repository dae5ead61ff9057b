// SPDX-License-Identifier: MIT
/** Schedules as data: written, read, run again, made small, shown. */
import { describe, expect, it } from 'vitest'
import { checkProgram, type CheckOptions } from '../src/check.js'
import { lanes } from '../src/lanes.js'
import { minimise } from '../src/minimise.js'
import { modelText } from '../src/models/registry.js'
import { replay, ReplayError } from '../src/replay.js'
import { formatSchedule, labelsOf, parseSchedule, ScheduleError, type Schedule } from '../src/schedule.js'
import { program } from './helpers.js'
import { interruptPrograms } from './programs/interrupts.js'

const lines = (...text: string[]): string => ['prog t', ...text, 'end'].join('\n')

function broken(text: string, options: CheckOptions = {}): Schedule {
  const { schedule } = checkProgram(program(text), options)
  if (schedule === null) throw new Error('nothing is broken')
  return schedule
}

// base1 must see the second of three writes of base0, in the middle of its own work
const deep = lines('base 0', 'wr x 1', 'wr x 2', 'wr x 3', 'base 1', 'wr y 1', 'rd a x', 'wr y 2', 'assert a != 2',
  'base 2', 'wr z 1', 'wr z 2', 'wr z 3')

describe('files', () => {
  it('what is written is read back as it was', () => {
    const schedule = broken(deep)
    expect(parseSchedule(formatSchedule(schedule))).toEqual(schedule)
    expect(formatSchedule(schedule).length).toBeLessThan(800)
  })

  it.each([
    ['a truncated file', (text: string) => text.slice(0, 100), 'is not JSON'],
    ['another version', (text: string) => text.replace('"version": 1', '"version": 9'), 'has version 9, expected 1'],
    ['no object', () => '7', 'is no object'],
    ['no choices', (text: string) => text.replace('"choices"', '"chosen"'), 'has no choices'],
    ['choices of nobody', (text: string) => text.replace(/"choices": \[\[\d+/, '"choices": [[30'), 'a choice of context 30, but only 3'],
    ['steps left out', (text: string) => text.replace(/"steps": "..../, '"steps": "'), 'has no record of its'],
    ['no contexts', (text: string) => text.replace('"contexts"', '"context"'), 'has no contexts'],
    ['no mode', (text: string) => text.replace('exactly', 'often'), 'has no mode'],
  ])('%s is refused with what is wrong', (_what, damage, message) => {
    const text = damage(formatSchedule(broken(deep)))
    expect(() => parseSchedule(text)).toThrow(ScheduleError)
    expect(() => parseSchedule(text)).toThrow(message)
  })
})

describe('replay', () => {
  it.each(['dpor', 'optimal', 'naive', 'bounded', 'stateful', 'random', 'pct'] as const)('%s: its schedule breaks the same thing again, bit for bit', (strategy) => {
    const schedule = broken(deep, { strategy, runs: 3000, preemptions: 3 })
    const { session, violation } = replay(program(deep), schedule)
    expect(violation).toEqual(schedule.violation)
    expect(session.executor.depth).toBe(labelsOf(schedule).length)
  })

  it('SC1: other code is recognised at the first step that differs', () => {
    const schedule = broken(deep)
    const other = program(deep.replace('wr y 2', 'wr y 4'))
    const labels = labelsOf(schedule)
    const step = labels.findIndex((label, d) => label === 1 && labels.slice(0, d).filter((l) => l === 1).length === 2)
    expect(() => replay(other, schedule)).toThrow(new ReplayError(step, 'base1 does store y = 0, the schedule has another step (the schedule is of another version of the code)'))
  })

  it('a step that cannot be taken is named', () => {
    const schedule = broken(lines('base 0', 'wr x 1', 'base 1', 'rd a x', 'assert a == 0'))
    const other = program(lines('base 0', 'wait never', 'base 1', 'rd a x', 'assert a == 0'))
    expect(() => replay(other, schedule)).toThrow('step 0: base0 cannot run here (the schedule is of another version of the code)')
  })

  it('other contexts are named', () => {
    expect(() => replay(program(lines('base 0', 'wr x 1')), broken(deep))).toThrow('the program has contexts base0, the schedule base0, base1, base2')
  })
})

describe('minimise', () => {
  it('finds the fewest preemptions, then the fewest steps', () => {
    const found = minimise(program(deep), broken(deep, { strategy: 'random', runs: 3000 }))
    expect(found).toMatchObject({ preemptions: 1, isMinimal: true })
    // base0 wrote twice and was preempted; base1 did all it does; base2 nothing
    expect(labelsOf(found.schedule)).toEqual([0, 0, 1, 1, 1])
    expect(replay(program(deep), found.schedule).violation?.kind).toBe('assertion')
  })

  it('keeps the kind of violation', () => {
    const text = modelText('dining', { n: 3 })
    const found = minimise(program(text), broken(text))
    expect(found.schedule.violation?.kind).toBe('deadlock')
    expect(labelsOf(found.schedule)).toHaveLength(3)
  })

  it('gives back what it got when there is no time', () => {
    const schedule = broken(deep)
    let calls = 0
    expect(minimise(program(deep), schedule, { maxSeconds: 1, now: () => calls++ * 1000 }))
      .toEqual({ schedule, preemptions: null, isMinimal: false })
  })
})

describe('lanes', () => {
  it('shows CPUs side by side, IF = 0 shaded, entries marked, the violation below', () => {
    const entry = interruptPrograms.get('8.badsave')
    if (entry === undefined) throw new Error('no program')
    const compiled = program(entry.text)
    const { schedule } = minimise(compiled, broken(entry.text))
    const { session, violation } = replay(compiled, schedule)
    expect(lanes(session.executor, violation)).toMatchInlineSnapshot(`
      "step  cpu 0
         0   lock L
         1   >h1

      deadlock: base0 is below h1: preempted; h1 waits for lock L"
    `)
  })

  it('nests the steps of a handler from its entry to its return, beside what the other CPU does, and says remarks', () => {
    const text = lines('base 0', 'wr y 1', 'rd b x', 'assert b == 0', 'irq h 0', 'rd c z', 'wr x 1', 'base 1', 'wr z 1', 'irq i 1', 'wr z 2')
    const { schedule } = checkProgram(program(text))
    if (schedule === null) throw new Error('nothing is broken')
    const { session, violation } = replay(program(text), schedule)
    const shown = lanes(session.executor, violation, { remark: (d) => `<${d}>` }).split('\n')
    const entry = shown.findIndex((line) => line.includes('>h '))
    expect(shown[entry + 1]).toMatch(/^ +\d+ {2}░│ load z : \d/)
    expect(shown.find((line) => line.includes('store x = 1'))).toMatch(/^ +\d+ {2}░└ store x = 1/)
    expect(shown.slice(1, session.executor.depth + 1).map((line) => /<\d+>$/.exec(line)?.[0]))
      .toEqual(Array.from({ length: session.executor.depth }, (_, d) => `<${d}>`))
  })

  it('shows two CPUs', () => {
    const text = lines('base 0', 'cli', 'wr x 1', 'sti', 'base 1', 'rd a x', 'assert a == 0')
    const { schedule } = minimise(program(text), broken(text))
    const { session, violation } = replay(program(text), schedule)
    expect(lanes(session.executor, violation, { width: 18 })).toMatchInlineSnapshot(`
      "step  cpu 0             cpu 1
         0   irqDisable
         1  ░store x = 1
         2  ░irqEnable
         3                     load x : 1

      assertion: assert a == 0"
    `)
  })
})
