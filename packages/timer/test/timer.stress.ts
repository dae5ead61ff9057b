// SPDX-License-Identifier: MIT
import type { SoftirqNr } from '@bottomhalf/base'
import { setupCpus } from '@bottomhalf/cpu'
import { formatMemory, load, setCurrentCpu } from '@bottomhalf/machine'
import { openSoftirq, setupSoftirqs } from '@bottomhalf/softirq'
import { stressThreads } from '@bottomhalf/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import { setupTimers, timerIsActive } from '../src/index.js'
import { periodic, Stress, timerOf, TIMERS, victimOf, VICTIMS } from './timer.threads.js'

const CPUS = 4
const ROUNDS = 200
const module = new URL('./timer.threads.ts', import.meta.url)

beforeEach(() => {
  formatMemory({ cpus: CPUS })
  setCurrentCpu(0)
  setupCpus(CPUS)
  setupSoftirqs(1 as SoftirqNr)
  openSoftirq(1 as SoftirqNr, periodic)
  setupTimers(0 as SoftirqNr)
})

describe('on real threads', () => {
  test('TM-1, W4: eight timers set themselves 200 times while four threads move them: each is called 200 times', async () => {
    const { failures } = await stressThreads({ threads: CPUS, module, export: 'runTimers', args: [CPUS, ROUNDS] })
    expect(failures).toEqual([])
    for (let n = 0; n < TIMERS; n++) {
      expect(load(Stress.base + Stress.calls + n)).toBe(ROUNDS)
      expect(timerIsActive(timerOf(n))).toBe(false)
    }
  })

  test('TM-1, W3: 100 timers killed while they run about and others set them: none is called after its kill', async () => {
    const { failures } = await stressThreads({ threads: CPUS, module, export: 'killUnderFire', args: [CPUS] })
    expect(failures).toEqual([])
    expect(load(Stress.base + Stress.runs)).toBeGreaterThanOrEqual(VICTIMS)
    for (let n = 1; n <= VICTIMS; n++) expect(timerIsActive(victimOf(n))).toBe(false)
  })
})
