// SPDX-License-Identifier: MIT
import type { SoftirqNr } from '@bottomhalf/base'
import { setupCpus } from '@bottomhalf/cpu'
import { formatMemory, liveBlocks, load, setCurrentCpu } from '@bottomhalf/machine'
import { openSoftirq, setupSoftirqs } from '@bottomhalf/softirq'
import { stressThreads } from '@bottomhalf/testkit'
import { expect, test } from 'vitest'
import { setupRcu } from '../src/index.js'
import { freeThing, Stress } from './rcu.threads.js'

test('TM-4, I6: four threads read and replace 4 x 4 000 times, asleep between: no reader sees a freed object, none leaks', async () => {
  const CPUS = 4
  formatMemory({ cpus: CPUS })
  setCurrentCpu(0)
  setupCpus(CPUS)
  setupSoftirqs(1 as SoftirqNr)
  openSoftirq(1 as SoftirqNr, freeThing)
  setupRcu(3 as SoftirqNr)
  const { results, failures } = await stressThreads({
    threads: CPUS, module: new URL('./rcu.threads.ts', import.meta.url), export: 'readAndReplace', args: [CPUS, 4000],
  })
  expect(failures).toEqual([])
  expect(load(Stress.base + Stress.made)).toBe(CPUS * 500)
  expect(results[0]).toBe(CPUS * 500 - 1)
  expect(liveBlocks()).toHaveLength(1)
})
