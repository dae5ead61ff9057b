// SPDX-License-Identifier: MIT
/** Softirqs in every interleaving: a CPU that sleeps, CPUs that hand it work. */
import { defineModel, explore } from '@bottomhalf/checker'
import { expect, test } from 'vitest'
import {
  boot, idle, idleThatClearsLate, idleThatLooksTooEarly, idleWithIrqsOn, produce, produceLookingFirst, Work,
} from './softirq.model.js'

const handOver = (sleeper: () => unknown, producer: () => unknown) => defineModel({
  name: 'hand over', cpus: 2,
  setup: () => boot(2),
  threads: [{ run: sleeper }, { run: producer }],
  atRest: (_shared, { word }) => {
    const left = word(Work.base + Work.left)
    return left === 0 ? undefined : `S1: ${left} pieces of work are left, and all CPUs sleep`
  },
})

test('S1 to S5, SQ-2, CPU-3: two pieces of work for a CPU that goes to sleep are always taken', async () => {
  const result = await explore(handOver(() => idle(), () => produce(0, 2)))
  expect(result.verdict, result.report).toBe('clean')
  expect(result.executions).toBeGreaterThan(20)
})

test.each([
  ['S5: the flag goes down after the last look', () => idleThatLooksTooEarly(), () => produce(0, 1)],
  ['CPU-3: the last look is with IF = 1', () => idleWithIrqsOn(), () => produce(0, 1)],
  ['SQ-2: the raiser looks before it sets the bit', () => idle(), () => produceLookingFirst(0, 1)],
  ['S1: the bit is cleared after the handler', () => idleThatClearsLate(), () => produce(0, 2)],
])('twin of %s', async (_what, sleeper, producer) => {
  const { violation, rule } = await explore(handOver(sleeper, producer))
  expect(violation?.kind).toBe('at-rest')
  expect(rule).toBe('S1')
})
