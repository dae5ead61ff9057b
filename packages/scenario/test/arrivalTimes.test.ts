// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { arrivalTimes, parseDurationNs, parseRate, recordingKey } from '../src/index.js'

function take(times: Generator<number, void>, n: number): number[] {
  return Array.from({ length: n }, () => times.next().value ?? NaN)
}

test('constant arrivals are one period apart', () => {
  expect(take(arrivalTimes({ constant: 1000 }, 1), 3)).toEqual([1e6, 2e6, 3e6])
})

test('bursts keep the mean rate: size arrivals at once, size periods apart', () => {
  expect(take(arrivalTimes({ burst: { rate: 1000, size: 2 } }, 1), 4)).toEqual([2e6, 2e6, 4e6, 4e6])
})

test('Poisson arrivals repeat with their seed, differ with another, and have their mean rate', () => {
  const mean = (seed: number): number => (take(arrivalTimes({ poisson: 1e6 }, seed), 20_000).at(-1) ?? 0) / 20_000
  expect(take(arrivalTimes({ poisson: 1e6 }, 7), 5)).toEqual(take(arrivalTimes({ poisson: 1e6 }, 7), 5))
  expect(take(arrivalTimes({ poisson: 1e6 }, 7), 5)).not.toEqual(take(arrivalTimes({ poisson: 1e6 }, 8), 5))
  expect(mean(7)).toBeGreaterThan(970)   // 1000 ns, five sigma of 20 000 draws are 35 ns
  expect(mean(7)).toBeLessThan(1030)
})

test('a recording is replayed at its speed, over and over, or once', () => {
  const recording = { timesNs: [10e6, 20e6], spanNs: 30e6 }
  const trace = (speed: number, repeat: boolean) => ({ trace: { file: 'x', speed, repeat } })
  expect(take(arrivalTimes(trace(1, true), 1, recording), 5)).toEqual([10e6, 20e6, 55e6, 65e6, 100e6])
  expect(take(arrivalTimes(trace(10, true), 1, recording), 3)).toEqual([1e6, 2e6, 5.5e6])
  expect([...arrivalTimes(trace(1, false), 1, recording)]).toEqual([10e6, 20e6])
})

test('a recording of one moment repeats, a millisecond apart', () => {
  const once = arrivalTimes({ trace: { file: 'x', speed: 1, repeat: true } }, 1, { timesNs: [0], spanNs: 0 })
  expect(take(once, 3)).toEqual([0, 1e6, 2e6])
})

test('a recording is kept by file, number and name: no two choices share one', () => {
  const choices = [{}, { irq: 36 }, { name: '36' }, { irq: 36, name: 'a' }, { irq: 36, name: 'b' }, { name: '' }]
  expect(new Set(choices.map((choice) => recordingKey({ file: 'x', ...choice }))).size).toBe(choices.length)
})

test('times never go back, whatever the arrivals', () => {
  const arrivals = fc.oneof(
    fc.record({ constant: fc.integer({ min: 1, max: 1e7 }) }),
    fc.record({ poisson: fc.integer({ min: 1, max: 1e7 }) }),
    fc.record({ burst: fc.record({ rate: fc.integer({ min: 1, max: 1e6 }), size: fc.integer({ min: 1, max: 9 }) }) }),
  )
  fc.assert(fc.property(arrivals, fc.integer(), (a, seed) => {
    const times = take(arrivalTimes(a, seed), 50)
    return times.every((t, i) => t >= (times[i - 1] ?? 0))
  }))
})

test.each([['5s', 5e9], ['20ms', 2e7], ['1.5us', 1500], ['7', 7e9], ['2m', 12e10]])('duration %s', (text, ns) => {
  expect(parseDurationNs(text)).toBe(ns)
})

test.each(['', 'fast', '5 parsecs', '-1s', '1e3s'])('no duration: %s', (text) => {
  expect(parseDurationNs(text)).toBeUndefined()
})

test.each([['20k/s', 20_000], ['1kHz', 1000], ['250', 250]])('rate %s', (text, rate) => {
  expect(parseRate(text)).toBe(rate)
})
