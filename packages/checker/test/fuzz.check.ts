// SPDX-License-Identifier: MIT
/**
 * Random small programs with interrupts, locks, awaits, masking and nesting: dpor and optimal find the classes that full
 * enumeration finds. Longer: BOTTOMHALF_FUZZ=seeds.
 */
import { describe, expect, it } from 'vitest'
import type { ProgramMode } from '../src/runProgram.js'
import { count, orders } from './helpers.js'
import { randomProgram, type Shape } from './randomProgram.js'

const seeds = Number(process.env.BOTTOMHALF_FUZZ ?? 60)
const LARGEST = 1500

function agrees(seed: number, shape: Shape): void {
  const text = randomProgram(seed, shape)
  for (const mode of ['exactly', 'atMost'] as const satisfies ProgramMode[]) {
    const naive = count(text, mode, { strategy: 'naive', merge: true, maxExecutions: LARGEST + 1 })
    if (naive.executions > LARGEST || naive.broken > 0) continue
    for (const strategy of ['dpor', 'optimal'] as const) {
      const order = orders[seed % orders.length] ?? 1
      for (const sleep of naive.executions < 200 ? [true, false] : [true]) {
        const result = count(text, mode, { strategy, order, sleep })
        expect(result.digest() === naive.digest(), `${strategy} ${mode} ${order} sleep ${sleep}:\n${text}`).toBe(true)
        expect(result.waitSignatures).toEqual(naive.waitSignatures)
      }
    }
  }
}

const shapes: Readonly<Record<string, Shape>> = {
  'up to 3 CPUs and 3 handlers': { cpus: 3, handlers: 3, length: 3 },
  'up to 2 CPUs and 4 handlers': { cpus: 2, handlers: 4, length: 2 },
  'one CPU and 3 handlers': { cpus: 1, handlers: 3, length: 4 },
  'up to 4 CPUs and no handlers': { cpus: 4, handlers: 0, length: 3 },
  'up to 3 CPUs with vectors and halts': { cpus: 3, handlers: 1, length: 3, vectors: true },
}

describe.each(Object.entries(shapes))('%s', (_name, shape) => {
  it(`${seeds} programs: dpor and optimal find the classes of full enumeration`, { timeout: 600_000 }, () => {
    for (let seed = 0; seed < seeds; seed++) agrees(seed, shape)
  })
})

// each showed a mistake of an earlier form of the search
describe('programs that once were missed', () => {
  it.each([279, 1484, 1569, 19, 30, 1135, 1144, 2766])('%i', (seed) => {
    for (const shift of [0, 1, 2, 3, 4]) {
      const text = randomProgram(seed, { cpus: 3, handlers: 3, length: 3 })
      const order = orders[shift] ?? 1
      for (const mode of ['exactly', 'atMost'] as const) {
        const naive = count(text, mode, { strategy: 'naive', merge: true })
        for (const strategy of ['dpor', 'optimal'] as const) {
          expect(count(text, mode, { strategy, order }).digest() === naive.digest(), `${strategy} ${mode} ${order}`).toBe(true)
        }
      }
    }
  })
})
