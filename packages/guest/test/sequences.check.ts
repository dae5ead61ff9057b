// SPDX-License-Identifier: MIT
/**
 * Random sequences of control operations, interrupts by messages and shared lines, time that passes, hotplug and misbehaviour
 * against the whole machine, compared with a reference of a few maps. `BOTTOMHALF_SEQUENCES` says how many (`npm run check` asks for 10 000), `BOTTOMHALF_SEED` where
 * they begin.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { asPinned, GOOD, kinds, scripts, type Script } from './sequences/script.js'
import { pinned } from './sequences/pinned.js'
import { sequences } from './sequences/run.js'

const numRuns = Number(process.env['BOTTOMHALF_SEQUENCES'] ?? 100)
const seed = Number(process.env['BOTTOMHALF_SEED'] ?? 1)

test(`I1-I11, SEQ1-SEQ3: ${numRuns} random sequences from seed ${seed} answer and serve as the reference says, and leave nothing`, () => {
  const run = sequences()
  fc.assert(fc.property(scripts, fc.noShrink(fc.integer({ min: 1, max: 1_000_000 })), (script, schedule) => {
    const wrong = run(script, schedule)
    if (wrong !== undefined) throw new Error(`${wrong}\nto keep it, add to test/sequences/pinned.ts:\n${asPinned(script, schedule)}`)
  }), { numRuns, seed })
}, 3_600_000)

test.each(pinned)('I1-I11: a sequence that once failed holds: $script', ({ script, seed }) => {
  expect(sequences()(script, seed)).toBeUndefined()
})

const plainOf = (device: number): Script =>
  [['create', 1, 1, GOOD], ['bind', 1, 0, device], ['arrive', device, 2], ['settle'], ['unbind', 1, 0]]

test.each([
  ['none', /^undefined$/],
  ['message is dropped', /^hang; .*outside waits for Driver/],
  ['run after unbind', /I2: a driver ran after its unbind/],
  ['domain is left', /I11: a domain is left/],
  ['bind goes wrong', /SEQ1: bind 1 0 \d answers -22, expected 0/],
] as const)('I1, I2, I11, SEQ1-SEQ3: the check can see, twin: %s', (sabotage, wrong) => {
  const run = sequences(sabotage)
  for (const device of kinds.keys()) expect(String(run(plainOf(device), 1)), kinds[device]).toMatch(wrong)
}, 60_000)
