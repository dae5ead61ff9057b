// SPDX-License-Identifier: MIT
import { describe, expect, test } from 'vitest'
import { pages } from '../rules.mjs'
import { cites, testNames } from '../rules/citations.mjs'
import { defects, rules } from '../rules/spec.mjs'

describe('names of tests', () => {
  test('every form of a call is found, what is filled in later is an ellipsis, a string elsewhere is no name', () => {
    const text = [
      "test('DP-1: a', () => {})", "it.each([['b']])('DP-2: %s', () => {})", "test.each`x`('DP-3: c', () => {})",
      'test(`DP-4: ${n} times`, () => {})', "expect('DP-5: no')", "suite('DP-6: no', () => {})",
    ].join('\n')
    expect(testNames('x.ts', text)).toEqual(['DP-1: a', 'DP-2: %s', 'DP-3: c', 'DP-4: … times'])
  })

  test('a group gives its name to the tests in it, and to no others', () => {
    const text = "describe('PCI-7: faults', () => { test('a', () => {}) })\ntest('b', () => {})"
    expect(testNames('x.ts', text)).toEqual(['PCI-7: faults › a', 'b'])
  })

  test('an id is cited as a word of its own', () => {
    expect(cites('DP-14, I5: x', 'DP-14')).toBe(true)
    expect(cites('DP-14, I5: x', 'DP-1')).toBe(false)
    expect(cites('I10: x', 'I1')).toBe(false)
    expect(cites('keeps (I1)', 'I1')).toBe(true)
  })
})

describe('the tables', () => {
  const all = Object.keys(rules).map((id) => ({ file: 'packages/x/test/x.test.ts', name: `${id}: holds` }))

  test('a rule without a test is a fault', () => {
    expect(pages(all)[0].faults).toEqual([])
    expect(pages(all.filter(({ name }) => name !== 'DP-5: holds'))[0].faults).toEqual(["rule DP-5: no test's name cites it"])
  })

  test('a defect that no form of the past has, no test cites and nobody explains is a fault', () => {
    const unexplained = defects.filter(({ not, also }) => not === undefined && also === undefined).length
    expect(pages(all)[1].faults).toHaveLength(unexplained)
    const found = [...all, { file: 'packages/x/test/x.test.ts', name: `I9 (${defects[0].ref}): found` }]
    expect(pages(found)[1].faults).toHaveLength(unexplained - 1)
  })
})
