// SPDX-License-Identifier: MIT
// The whole machine in the stepped build: boot, control operations, guests, interrupts, unbind, stop.
import { faultsAtRest } from '@bottomhalf/hypervisor'
import { NO_CPU } from '@bottomhalf/machine'
import { lockstep, random, roundRobin, type Scheduler } from '@bottomhalf/testkit/lockstep'
import { expect, test } from 'vitest'
import { deviceRaised, driverCounts, guestTicks } from '../src/index.js'
import { boot, conduct, leaveBinding, leaveReference, runCpu, type Pair } from './machine.model.js'

const ARRIVALS = 7

function runMachine(cpus: number, scheduler: Scheduler, tickNs = 0) {
  const machine = lockstep({ cpus, debug: true, interrupts: 'free', nsPerStep: 20 })
  machine.call(0, () => boot())
  for (let cpu = 0; cpu < cpus; cpu++) machine.spawn(cpu, () => runCpu(cpu), `CPU ${cpu}`)
  const outside = machine.spawn(NO_CPU, () => conduct(cpus, ARRIVALS, tickNs), 'conductor')
  const outcome = machine.run(scheduler, { maxSteps: 3_000_000 })
  return { machine, outcome, pairs: outside.value as Pair[] }
}

test.each([
  ['1 CPU round robin', 1, () => roundRobin(1)],
  ['3 CPUs round robin', 3, () => roundRobin(1)],
  ['2 CPUs, random schedule 1', 2, () => random(1)],
  ['2 CPUs, random schedule 2', 2, () => random(2)],
  ['3 CPUs, random schedule 3', 3, () => random(3)],
] as const)('I1-I7: nothing lost, nothing delivered after unbind, all at rest: %s', (_, cpus, scheduler) => {
  const { machine, outcome, pairs } = runMachine(cpus, scheduler())
  expect({ verdict: outcome.verdict, waiting: outcome.waiting, error: outcome.error?.message })
    .toEqual({ verdict: 'finished', waiting: [], error: undefined })
  expect(pairs).toHaveLength(cpus)
  for (const { device, driver } of pairs) {
    const { delivered, coalesced } = machine.call(0, () => driverCounts(driver))
    expect(machine.call(0, () => deviceRaised(device))).toBe(ARRIVALS)
    expect(delivered + coalesced).toBe(ARRIVALS)
  }
  expect(machine.call(0, () => faultsAtRest())).toEqual([])
})

test('SCH-5: a guest with a timer ticks in virtual time while its interrupts are served', () => {
  const { machine, outcome, pairs } = runMachine(2, roundRobin(3), 20_000)
  expect(outcome.verdict).toBe('finished')
  expect(machine.call(0, () => faultsAtRest())).toEqual([])
  for (const { guest } of pairs) expect(machine.call(0, () => guestTicks(guest))).toBeGreaterThan(0)
})

test('the checks at rest can see: a record that is left shows as I6, a reference that is left as I4', () => {
  const { machine } = runMachine(1, roundRobin(1))
  machine.call(0, () => leaveBinding())
  machine.call(0, () => leaveReference())
  const labels = machine.call(0, () => faultsAtRest()).map(({ label }) => label)
  expect(labels).toContain('I4')
  expect(labels).toContain('I6')
})
