// SPDX-License-Identifier: MIT
// A guest that masks its message for ever beside a good one, in the stepped build.
import { faultsAtRest } from '@bottomhalf/hypervisor'
import { NO_CPU } from '@bottomhalf/machine'
import { lockstep, random, roundRobin } from '@bottomhalf/testkit/lockstep'
import { expect, test } from 'vitest'
import { deviceRaised, driverCounts, guestState } from '../src/index.js'
import { boot, runCpu, type Pair } from './machine.model.js'
import { conductMasker } from './mask.model.js'

const ARRIVALS = 5

test.each([
  ['round robin', () => roundRobin(1)],
  ['random schedule 1', () => random(1)],
  ['random schedule 2', () => random(2)],
] as const)('BAD1: a guest that masks its message says so, is served no more, and takes nothing from a good one: %s', (_, scheduler) => {
  const machine = lockstep({ cpus: 2, debug: true, interrupts: 'free', nsPerStep: 20 })
  machine.call(0, () => boot())
  for (let cpu = 0; cpu < 2; cpu++) machine.spawn(cpu, () => runCpu(cpu), `CPU ${cpu}`)
  const outside = machine.spawn(NO_CPU, () => conductMasker(ARRIVALS), 'conductor')
  const { verdict, waiting, error } = machine.run(scheduler(), { maxSteps: 3_000_000 })
  expect({ verdict, waiting, error: error?.message }).toEqual({ verdict: 'finished', waiting: [], error: undefined })
  expect(machine.call(0, () => faultsAtRest())).toEqual([])
  const accounts = (outside.value as Pair[]).map(({ device, driver, guest }) => {
    const { delivered, coalesced } = machine.call(0, () => driverCounts(driver))
    const raised = machine.call(0, () => deviceRaised(device))
    return { raised, served: delivered + coalesced, masked: machine.call(0, () => guestState(guest)).masked }
  })
  expect(accounts).toEqual([
    { raised: ARRIVALS, served: ARRIVALS, masked: false },
    { raised: 2 + ARRIVALS, served: 2, masked: true },
  ])
})
