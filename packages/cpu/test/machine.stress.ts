// SPDX-License-Identifier: MIT
import { formatMemory, load, setCurrentCpu } from '@bottomhalf/machine'
import { stressThreads } from '@bottomhalf/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { ipisSent, setupCpus } from '../src/index.js'
import { Stress } from './machine.threads.js'

const CPUS = 4
const module = new URL('./machine.threads.ts', import.meta.url)

beforeEach(() => {
  formatMemory({ cpus: CPUS })
  setCurrentCpu(0)
  setupCpus(CPUS)
})

const sum = (numbers: readonly unknown[]): number => numbers.reduce<number>((total, n) => total + Number(n), 0)

describe('on real threads', () => {
  test('C4, C5: four CPUs call each other 2 000 times: each call happens once', async () => {
    const { results, failures } = await stressThreads({ threads: CPUS, module, export: 'callOthers', args: [CPUS, 500] })
    expect(failures).toEqual([])
    expect(load(Stress.base + Stress.called)).toBe(sum(results))
  })

  test('CPU-4: 300 CPUs down and up again beside idle ones: every operation succeeds, every CPU ends', async () => {
    const { results, failures } = await stressThreads({ threads: CPUS, module, export: 'comeAndGo', args: [CPUS, 300] })
    expect(failures).toEqual([])
    expect(results[0]).toBe(0)
    expect(ipisSent(0)).toBeGreaterThanOrEqual(300 * CPUS)
  })
})
