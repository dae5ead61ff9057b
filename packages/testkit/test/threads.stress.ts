// SPDX-License-Identifier: MIT
import { NO_CPU, currentCpu, formatMemory, ld } from '@bottomhalf/machine'
import { beforeEach, expect, test } from 'vitest'
import { onEachCpu, stressThreads } from '../src/index.js'
import { Counter } from './counter.threads.js'

const module = new URL('./counter.threads.ts', import.meta.url)

beforeEach(() => { formatMemory({ cpus: 4 }) })

test('threads are CPUs of one memory: an atomic counter is exact, a plain one loses updates', async () => {
  const times = 1_000_000
  let total = 0
  do {
    const { results, failures } = await stressThreads({ threads: 4, module, export: 'count', args: [times] })
    expect(failures).toEqual([])
    expect(results).toEqual([0, 1, 2, 3].map((index) => ({ index, cpu: index })))
    total += 4 * times
    expect(ld(Counter.base + Counter.atomic)).toBe(total)
  } while (ld(Counter.base + Counter.plain) === total && total < 40 * times)
  expect(ld(Counter.base + Counter.plain)).toBeLessThan(total)
})

test('threads that are no CPU', async () => {
  const { results } = await stressThreads({ threads: 2, module, export: 'count', args: [1], asCpus: false })
  expect(results).toEqual([0, 1].map((index) => ({ index, cpu: NO_CPU })))
})

test('what a thread throws is a failure of the run, the others end', async () => {
  const { results, failures } = await stressThreads({ threads: 3, module, export: 'fail' })
  expect(results).toEqual([0, undefined, 2])
  expect(failures).toHaveLength(1)
  expect(failures[0]).toContain('thread 1: Error: thread 1 gives up')
})

test('threads that hang are ended', async () => {
  const { results, failures } = await stressThreads({ threads: 2, module, export: 'spinForever', timeoutMs: 300 })
  expect(results).toEqual([undefined, undefined])
  expect(failures[0]).toContain('no end within 300 ms')
})

test('onEachCpu: one thread is every CPU in turn, then itself again', () => {
  expect(onEachCpu(() => currentCpu())).toEqual([0, 1, 2, 3])
  expect(currentCpu()).toBe(NO_CPU)
})
