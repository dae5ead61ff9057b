// SPDX-License-Identifier: MIT
import { formatMemory, liveBlocks, load, setCurrentCpu } from '@bottomhalf/machine'
import { stressThreads } from '@bottomhalf/testkit'
import { expect, test } from 'vitest'
import { countDestroyed, countMade, registerDomainPart, setupMachine, Stress } from './references.threads.js'

test('DOM-2, D1, D3: 2000 domains are made and dropped under the hands of 2 users: each is destroyed once, all memory back',
  async () => {
    const rounds = 2000
    formatMemory({ cpus: 3, debug: true })
    setCurrentCpu(0)
    setupMachine(3)
    registerDomainPart({ domainInit: countMade, domainDestroy: countDestroyed })
    const { failures, results } = await stressThreads({
      threads: 3, module: new URL('./references.threads.ts', import.meta.url), export: 'makeOrUse', args: [rounds],
    })
    expect(failures).toEqual([])
    expect(results[0]).toBe(rounds)
    expect(load(Stress.base + Stress.destroyed)).toBe(load(Stress.base + Stress.made))
    expect(load(Stress.base + Stress.broken)).toBe(0)
    expect(liveBlocks()).toEqual([])
  })
