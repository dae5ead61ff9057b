// SPDX-License-Identifier: MIT
import type { SoftirqNr } from '@bottomhalf/base'
import { setupCpus } from '@bottomhalf/cpu'
import { formatMemory, load, setCurrentCpu } from '@bottomhalf/machine'
import { stressThreads } from '@bottomhalf/testkit'
import { expect, test } from 'vitest'
import { openSoftirq, setupSoftirqs, softirqPending } from '../src/index.js'
import { NUMBERS, Stress, takeWork } from './softirq.threads.js'

test.each([[2, 20_000], [4, 5_000]])(
  'CPU-3, S1, S2: %i threads hand %i pieces each to the others, asleep between: none is left', async (cpus, rounds) => {
    formatMemory({ cpus })
    setCurrentCpu(0)
    setupCpus(cpus)
    setupSoftirqs(1 as SoftirqNr)
    for (const nr of NUMBERS) openSoftirq(nr, takeWork)
    const { failures } = await stressThreads({
      threads: cpus, module: new URL('./softirq.threads.ts', import.meta.url), export: 'handAndServe', args: [cpus, rounds],
    })
    expect(failures).toEqual([])
    expect(load(Stress.base + Stress.taken)).toBe(cpus * rounds)
    for (let cpu = 0; cpu < cpus; cpu++) expect(softirqPending(cpu)).toBe(0)
  })
