// SPDX-License-Identifier: MIT
/** Tasklets in every interleaving: two CPUs that schedule and run one, and a third that kills it. */
import { defineModel, explore, type End } from '@bottomhalf/checker'
import { describe, expect, test } from 'vitest'
import { TASKLET_LOCK_GLOBAL, TASKLET_LOCK_PER_CPU } from '../src/index.js'
import { boot, idle, killThenIdle, killWithoutWait, produceCarelessly, produceThenIdle, World } from './tasklet.model.js'

const locks = [['one lock', TASKLET_LOCK_GLOBAL], ['a lock per CPU', TASKLET_LOCK_PER_CPU]] as const

const model = (name: string, lock: number, ...threads: (() => unknown)[]) => defineModel({
  name, cpus: threads.length, irqs: 'off',
  setup: () => boot(threads.length, lock),
  threads: threads.map((run) => ({ run })),
  atRest: (_shared, end) => workLeft(end),
})

// a killed tasklet takes nothing any more
function workLeft({ word }: End): string | undefined {
  const left = word(World.base + World.left)
  return left === 0 || word(World.base + World.freed) !== 0 ? undefined : `I1: ${left} pieces of work are left, and all CPUs sleep`
}

describe.each(locks)('with %s', (_name, lock) => {
  const idles = (): unknown => idle()

  test('T3, TL-3, TL-4: scheduled here and there, it runs on one CPU at a time and leaves no work, up to 2 preemptions', async () => {
    const handOver = model('hand over', lock, idles, () => produceThenIdle(2, 2))
    const result = await explore(handOver, { strategy: 'bounded', preemptions: 2 })
    expect(result.verdict, result.report).toBe('clean')
    expect(result.executions).toBeGreaterThan(20)
  })

  test('T3: both CPUs schedule it on each other, up to 2 preemptions', async () => {
    const both = model('each other', lock, () => produceThenIdle(2, 1), () => produceThenIdle(2, 2))
    const result = await explore(both, { strategy: 'bounded', preemptions: 2 })
    expect(result.verdict, result.report).toBe('clean')
  })

  test('TL-5, T4: nothing runs after a kill, up to 2 preemptions', async () => {
    const killed = model('kill', lock, () => produceThenIdle(2, 2), () => killThenIdle())
    const result = await explore(killed, { strategy: 'bounded', preemptions: 2 })
    expect(result.verdict, result.report).toBe('clean')
  })

  test('TL-5: twin: a kill that does not wait frees it under its run', async () => {
    const killed = model('kill at once', lock, () => produceThenIdle(2, 1), () => killWithoutWait())
    const { violation } = await explore(killed, { strategy: 'bounded', preemptions: 2 })
    expect(violation?.message).toContain('a tasklet runs after it was killed')
  })

  test('T3: twin: a scheduler that does not ask who runs it has two CPUs inside', async () => {
    const careless = model('careless', lock, idles, () => produceCarelessly(2, 3))
    const { violation } = await explore(careless, { strategy: 'bounded', preemptions: 2, dataRaces: false })
    expect(violation?.message).toMatch(/two CPUs run one tasklet|a running tasklet/)
  })
})
