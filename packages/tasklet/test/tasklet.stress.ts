// SPDX-License-Identifier: MIT
import type { SoftirqNr } from '@bottomhalf/base'
import { setupCpus } from '@bottomhalf/cpu'
import { formatMemory, load, setCurrentCpu } from '@bottomhalf/machine'
import { openSoftirq, setupSoftirqs } from '@bottomhalf/softirq'
import { stressThreads } from '@bottomhalf/testkit'
import { describe, expect, test } from 'vitest'
import {
  setupTasklets, softirqTaskletInit, TASKLET_LOCK_GLOBAL, TASKLET_LOCK_PER_CPU, taskletIsActive,
} from '../src/index.js'
import { Stress, taskletOf, TASKLETS, takeWork, victimOf, VICTIMS } from './tasklet.threads.js'

const module = new URL('./tasklet.threads.ts', import.meta.url)
const SCHEDULE = 1 as SoftirqNr
const TASKLET = 4 as SoftirqNr

function boot(cpus: number, lock: number): void {
  formatMemory({ cpus })
  setCurrentCpu(0)
  setupCpus(cpus)
  setupSoftirqs(SCHEDULE)
  openSoftirq(SCHEDULE, takeWork)
  setupTasklets({ softirqNr: TASKLET, scheduleNr: SCHEDULE, lock })
  for (let n = 0; n < TASKLETS; n++) softirqTaskletInit(taskletOf(n), takeWork, n)
}

describe.each([['one lock', TASKLET_LOCK_GLOBAL], ['a lock per CPU', TASKLET_LOCK_PER_CPU]])('with %s', (_, lock) => {
  test('TL-3, T3: four threads schedule eight tasklets on each other: none is run twice at once, no work is left', async () => {
    boot(4, lock)
    const { failures } = await stressThreads({ threads: 4, module, export: 'scheduleAndServe', args: [4, 3000] })
    expect(failures).toEqual([])
    expect(load(Stress.base + Stress.taken)).toBe(4 * 3000)
    for (let n = 0; n < TASKLETS; n++) expect(taskletIsActive(taskletOf(n))).toBe(false)
  })

  test('TL-5: 200 kills under fire of three threads: nothing runs after its kill', async () => {
    boot(4, lock)
    const { failures } = await stressThreads({ threads: 4, module, export: 'killUnderFire', args: [4] })
    expect(failures).toEqual([])
    for (let n = 1; n <= VICTIMS; n++) expect(taskletIsActive(victimOf(n))).toBe(false)
    expect(load(Stress.base + Stress.runs)).toBeGreaterThanOrEqual(VICTIMS)
  })
})
