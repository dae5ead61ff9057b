// SPDX-License-Identifier: MIT
// A guest that writes any values into its vector table, of any size and anywhere, beside a good one with the same addresses.
import { faultsAtRest, type RestFault } from '@bottomhalf/hypervisor'
import { NO_CPU } from '@bottomhalf/machine'
import { lockstep, type Lockstep, reasonOf, sticky } from '@bottomhalf/testkit/lockstep'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { driverCounts, guestState } from '../src/index.js'
import { runCpu } from './machine.model.js'
import { bootWithDevices, conductScribbler, type Wired } from './table.model.js'

const ARRIVALS = 12
const RUNS = Number(process.env['BOTTOMHALF_SEQUENCES'] ?? 16)

interface Account { readonly scribbled: boolean, readonly served: boolean }
interface Outcome { readonly faults: readonly RestFault[], readonly accounts: readonly Account[] }

function scribblers(misled: boolean): (seed: number, schedule: number) => string | Outcome {
  const machine = lockstep({ cpus: 2, debug: true, interrupts: 'free', nsPerStep: 20 })
  machine.call(0, () => bootWithDevices())
  const start = machine.snapshot()
  return (seed, schedule) => {
    machine.restore(start)
    for (let cpu = 0; cpu < 2; cpu++) machine.spawn(cpu, () => runCpu(cpu), `CPU ${cpu}`)
    const outside = machine.spawn(NO_CPU, () => conductScribbler(ARRIVALS, seed, misled), 'conductor')
    const outcome = machine.run(sticky(schedule, 0.95), { maxSteps: 4_000_000 })
    if (outcome.verdict !== 'finished') return reasonOf(outcome)
    const faults = machine.call(0, () => faultsAtRest())
    return { faults, accounts: (outside.value as Wired[]).map((wired) => accountOf(machine, wired)) }
  }
}

/** What a guest says of itself, and whether its drivers have served all. */
function accountOf(machine: Lockstep, { guest, drivers }: Wired): Account {
  const counts = drivers.map((driver) => machine.call(0, () => driverCounts(driver)))
  const { scribbled } = machine.call(0, () => guestState(guest))
  return { scribbled, served: counts.every(({ delivered, coalesced }) => delivered + coalesced === ARRIVALS) }
}

test(`PCI-8, VT1: whatever a guest writes into its vector table, it harms itself only: ${RUNS} random guests`, () => {
  const run = scribblers(false)
  let harmed = 0
  fc.assert(fc.property(fc.integer(), fc.integer({ min: 1 }), (seed, schedule) => {
    const outcome = run(seed, schedule)
    const served = expect.any(Boolean) as boolean
    expect(outcome).toEqual({ faults: [], accounts: [{ scribbled: false, served: true }, { scribbled: true, served }] })
    if (typeof outcome !== 'string' && outcome.accounts[1]?.served === false) harmed++
  }), { numRuns: RUNS, seed: 1 })
  expect(harmed).toBeGreaterThan(0)
})

test('VT1: the check can see, twin: the good guest\'s message follows another\'s word', () => {
  expect(scribblers(true)(1, 1)).toMatch(/^hang; .*waits for Driver/)
})
