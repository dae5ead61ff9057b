// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest'
import { eventLabel, parseScenario, timeline } from '../src/index.js'

const scenario = (events: string): ReturnType<typeof parseScenario> =>
  parseScenario(`guests: [{name: a, cpu: 0, devices: [{name: d, arrivals: {constant: 1kHz}}]}]\nevents:\n${events}`, 's.yaml')

const times = (events: string, endNs: number): [string, number][] => {
  const { events: parsed } = scenario(events)
  return timeline(parsed, endNs).map(({ atNs, index }) => [eventLabel(parsed[index] ?? { at: 0 }), atNs])
}

test('EV1: events happen in order of time, of one time in the order of the file', () => {
  expect(times('- {at: 3ms, calm: a/d}\n- {at: 1ms, every: 2ms, count: 2, reload: a/d}', 1e9))
    .toEqual([['reload a/d', 1e6], ['calm a/d', 3e6], ['reload a/d', 3e6]])
})

test('an event without a count goes on until the run ends, and none happens at its end or after', () => {
  expect(times('- {at: 0.5ms, every: 1ms, reload: a/d}', 3.5e6).map(([, at]) => at)).toEqual([5e5, 15e5, 25e5])
  expect(times('- {at: 4ms, every: 1ms, count: 9, reload: a/d}', 4e6)).toEqual([])
  expect(times('- {at: 1ms, storm: {device: a/d, rate: 1M/s}}', 4e6)).toEqual([['storm a/d', 1e6]])
})
