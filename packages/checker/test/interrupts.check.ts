// SPDX-License-Identifier: MIT
/** Every program with interrupts, in every mode: the counts of two independent enumerators, by every exhaustive strategy. */
import { describe, expect, it } from 'vitest'
import type { ProgramMode } from '../src/runProgram.js'
import { countInterrupts, orders, rowOf } from './helpers.js'
import { interruptCounts, type Row } from './interruptCounts.js'
import { interruptPrograms } from './programs/interrupts.js'

describe.each(interruptCounts)('%s', (name, exactly, atMost, threads, schedules, executions) => {
  const entry = interruptPrograms.get(name)
  if (entry === undefined) throw new Error(`no program ${name}`)
  const modes: [ProgramMode, Row][] = [['exactly', exactly], ['atMost', atMost]]
  if (threads !== null) modes.push(['threads', threads])

  it.each(modes)('%s: complete, blocked, signatures and wrong classes are %j in every order, with and without sleep sets', (mode, row) => {
    const oracle = countInterrupts(entry, mode, { strategy: 'naive', merge: true })
    // the published table has no signatures for threads
    const expected = mode === 'threads' ? [row[0], row[1], rowOf(oracle)[2], row[3]] : row
    expect(rowOf(oracle)).toEqual(expected)
    for (const strategy of ['dpor', 'optimal'] as const) {
      for (const order of orders) {
        for (const sleep of [true, false]) {
          if (!sleep && row[0] > 1000 && order !== 'base-first') continue
          const result = countInterrupts(entry, mode, { strategy, order, sleep })
          expect({ strategy, order, sleep, row: rowOf(result), digest: result.digest() })
            .toEqual({ strategy, order, sleep, row: expected, digest: oracle.digest() })
        }
      }
    }
  })

  it(`exactly: full enumeration has ${schedules} schedules, dpor base-first ${executions} executions`, () => {
    const naive = countInterrupts(entry, 'exactly', { strategy: 'naive', fused: true })
    expect(naive.executions).toBe(schedules)
    expect(rowOf(naive)).toEqual(exactly)
    expect(countInterrupts(entry, 'exactly', { strategy: 'dpor' })).toMatchObject({ executions })
  })
})
