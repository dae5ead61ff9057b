// SPDX-License-Identifier: MIT
/** Random programs: both builds give the same value or error, the same accesses in order and the same memory. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { body, moduleOf } from './programs.js'
import { load, packageWith, PRELUDE } from './support.js'
import type { Outcome, Runner } from './support.js'

const entry = `export { drive, log, words } from '@fixture/machine'\nexport * as subject from './subject.js'\n`
const PROGRAMS = 10
const RUNS = 30
const SEED = 20141

const outcomes = (runner: Runner): Outcome[] => Array.from({ length: PROGRAMS }, (_, i) => runner.run(`f${i}`))

const packageOf = (bodies: readonly string[]): string =>
  packageWith({ 'src/index.ts': entry, 'src/subject.ts': PRELUDE + moduleOf(bodies) })

test(`${PROGRAMS * RUNS} random programs do the same in both builds`, async () => {
  const seen = { accesses: 0, thrown: 0 }
  const programs = fc.array(body, { minLength: PROGRAMS, maxLength: PROGRAMS })
  await fc.assert(fc.asyncProperty(programs, async (bodies) => {
    const root = packageOf(bodies)
    const native = outcomes(await load(root, 'native'))
    expect(outcomes(await load(root, 'stepped'))).toEqual(native)
    for (const { log, thrown } of native) {
      seen.accesses += log.length
      seen.thrown += thrown === undefined ? 0 : 1
    }
  }), { numRuns: RUNS, seed: SEED })
  expect(seen.accesses).toBeGreaterThan(PROGRAMS * RUNS * 10)
  expect(seen.thrown).toBeGreaterThan(5)
})

test('the same programs tell a build apart whose steps lose their value', async () => {
  const bodies = fc.sample(body, { seed: SEED, numRuns: PROGRAMS })
  const root = packageOf(bodies)
  const native = outcomes(await load(root, 'native'))
  const spoiled = await load(root, 'stepped', {}, (code) => code.replaceAll('? yield :', '? (yield, 1) :'))
  expect(outcomes(spoiled)).not.toEqual(native)
})
