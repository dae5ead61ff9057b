// SPDX-License-Identifier: MIT
/** Mutants are made of the labels, one statement each. */
import ts from 'typescript'
import { describe, expect, test } from 'vitest'
import { mutantsOf } from '../src/mutate.js'

const source = `
export function run(d: number): number {
  const before = fetchOr(d, 1)                  // P1, P2
  if (before === 0) take(d)                     // P2
  if (before === 2) return leave(d)             // P3: another one is inside
  clear(d)                                      // DP-6
  clear(d)                                      // neither a label nor P7
  return load(d) // I1
}
const ALL = 7 // P4
`
const mutants = mutantsOf(source, ts)
const changed = (text: string): string[] => {
  const lines = source.split('\n')
  return text.split('\n').flatMap((line, i) => line === lines[i] ? [] : [line.trim()])
}

describe('MU1: one statement of a labelled line', () => {
  test('MU1: is gone, returns 0, is 0, or is done whatever is so; nothing else changes', () => {
    expect(mutants.map(({ line, what, text }) => [line, what, ...changed(text)])).toEqual([
      [3, 'off', 'const before = 0                  // P1, P2'],
      [4, 'off', ';                     // P2'],
      [4, 'unguarded', 'if (true) take(d)                     // P2'],
      [5, 'off', ';             // P3: another one is inside'],
      [5, 'unguarded', 'if (true) return leave(d)             // P3: another one is inside'],
      [6, 'off', ';                                      // DP-6'],
      [8, 'off', 'return 0 as never // I1'],
      [10, 'off', 'const ALL = 0 // P4'],
    ])
  })

  test('MU1: knows its labels, its function and its text', () => {
    expect(mutants[0]).toMatchObject({ labels: ['P1', 'P2'], where: 'run', statement: 'const before = fetchOr(d, 1)' })
    expect(mutants.at(-1)).toMatchObject({ labels: ['P4'], where: '', statement: 'const ALL = 7' })
  })

  test('MU1: a source without labels has none', () => {
    expect(mutantsOf('export const x = 1\n', ts)).toEqual([])
  })
})
