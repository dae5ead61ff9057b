// SPDX-License-Identifier: MIT
// A line that two guests share, in the stepped build: interrupt handlers that look, make quiet and end.
import { faultsAtRest } from '@bottomhalf/hypervisor'
import { NO_CPU } from '@bottomhalf/machine'
import { lockstep, random, roundRobin, type Scheduler } from '@bottomhalf/testkit/lockstep'
import { expect, test } from 'vitest'
import { driverCounts, guestState, type Misbehaviour } from '../src/index.js'
import { conductSharers, type Sharer } from './lines.model.js'
import { boot, runCpu } from './machine.model.js'

const ARRIVALS = 5

function share(scheduler: Scheduler, how: Misbehaviour, awaited: readonly number[]) {
  const machine = lockstep({ cpus: 2, debug: true, interrupts: 'free', nsPerStep: 20 })
  machine.call(0, () => boot())
  for (let cpu = 0; cpu < 2; cpu++) machine.spawn(cpu, () => runCpu(cpu), `CPU ${cpu}`)
  const outside = machine.spawn(NO_CPU, () => conductSharers(ARRIVALS, how, awaited), 'conductor')
  const { verdict, waiting, error } = machine.run(scheduler, { maxSteps: 3_000_000 })
  expect({ verdict, waiting, error: error?.message }).toEqual({ verdict: 'finished', waiting: [], error: undefined })
  expect(machine.call(0, () => faultsAtRest())).toEqual([])
  const sharers = outside.value as Sharer[]
  return {
    served: sharers.map(({ driver }) => {
      const { delivered, coalesced } = machine.call(0, () => driverCounts(driver))
      return delivered + coalesced
    }),
    states: sharers.map(({ guest }) => machine.call(0, () => guestState(guest))),
  }
}

test.each([
  ['round robin', () => roundRobin(1)],
  ['random schedule 1', () => random(1)],
  ['random schedule 2', () => random(2)],
] as const)('DRV3: each driver on a shared line serves its own device, and the line is released: %s', (_, scheduler) => {
  expect(share(scheduler(), {}, [0, 1]).served).toEqual([ARRIVALS, ARRIVALS])
})

test('IRQ-5: a neighbour that never ends the shared line delays it and takes nothing from a good guest', () => {
  const { served, states } = share(roundRobin(1), { neverEoi: 1 }, [0])
  expect(served[0]).toBe(ARRIVALS)
  expect(states.map(({ owesEoi }) => owesEoi)).toEqual([false, true])
})

test('DP-9: a neighbour that ends too much takes nothing from a good guest', () => {
  expect(share(roundRobin(1), { strayEoi: 1 }, [0, 1]).served).toEqual([ARRIVALS, ARRIVALS])
})

test('BAD1: a neighbour that masks its line says so, and takes nothing from a good guest', () => {
  const { served, states } = share(roundRobin(1), { maskForEver: 1 }, [0])
  expect(served[0]).toBe(ARRIVALS)
  expect(states.map(({ masked }) => masked)).toEqual([false, true])
})

test('BAD1: a neighbour that crashes says so, and takes nothing from a good guest', () => {
  const { served, states } = share(roundRobin(1), { crash: 1 }, [0])
  expect(served[0]).toBe(ARRIVALS)
  expect(states.map(({ crashed }) => crashed)).toEqual([false, true])
})
