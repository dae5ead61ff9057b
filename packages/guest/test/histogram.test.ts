// SPDX-License-Identifier: MIT
import { formatMemory, ld, xzalloc } from '@bottomhalf/machine'
import fc from 'fast-check'
import { beforeAll, expect, test } from 'vitest'
import { Histogram, histogramRead, percentile } from '../src/index.js'
import { histogramRecord } from '../src/histogram.js'

beforeAll(() => { formatMemory({ cpus: 1 }) })

function histogramOf(values: readonly number[]): number[] {
  const histogram = xzalloc(Histogram.sizeWords, Histogram.tag)
  for (const value of values) histogramRecord(histogram, value)
  const counts: number[] = []
  histogramRead(histogram, counts)
  return counts
}

test('no values: every percentile is 0', () => {
  expect(percentile(histogramOf([]), 0.5)).toBe(0)
})

test('a percentile is at most 3.2 % above the value that a sorted array has at that place', () => {
  const values = fc.array(fc.integer({ min: 0, max: 0xffffffff }), { minLength: 1, maxLength: 60 })
  fc.assert(fc.property(values, fc.constantFrom(0.01, 0.5, 0.9, 0.99, 1), (list, fraction) => {
    const sorted = [...list].sort((a, b) => a - b)
    const exact = sorted[Math.ceil(list.length * fraction) - 1] ?? 0
    const found = percentile(histogramOf(list), fraction)
    return found >= exact && found <= exact * (1 + 1 / 32) + 1
  }))
})

test('reading adds to what was read before, so that histograms sum', () => {
  const one = xzalloc(Histogram.sizeWords, Histogram.tag)
  histogramRecord(one, 7)
  const counts: number[] = []
  histogramRead(one, counts)
  histogramRead(one, counts)
  expect(counts[7]).toBe(2)
  expect(ld(one + Histogram.counts + 7)).toBe(1)
})
