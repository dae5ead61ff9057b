// SPDX-License-Identifier: MIT
import { formatMemory, liveBlocks, load, setCurrentCpu } from '@bottomhalf/machine'
import { stressThreads } from '@bottomhalf/testkit'
import { expect, test } from 'vitest'
import {
  countDestroyedHandler, countMadeHandler, devicesHandler, Kill, registerDomainPart, setRelinquishOperations,
  setupMachine,
} from './kill.threads.js'

test('DOM-4, I11: 600 domains are killed by 3 CPUs at once that give them pages: each dies once, all memory back', async () => {
  const rounds = 600
  formatMemory({ cpus: 3, debug: true })
  setCurrentCpu(0)
  setupMachine(3)
  setRelinquishOperations({ devices: devicesHandler })
  registerDomainPart({ domainInit: countMadeHandler, domainDestroy: countDestroyedHandler })
  const { failures, results } = await stressThreads({
    threads: 3, module: new URL('./kill.threads.ts', import.meta.url), export: 'makeOrKill', args: [rounds],
  })
  expect(failures).toEqual([])
  expect(results[0]).toBe(rounds)
  // each teardown was asked to restart once
  expect(load(Kill.base + Kill.teardowns)).toBe(2 * rounds)
  expect(liveBlocks()).toEqual([])
})
