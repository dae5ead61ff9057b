// SPDX-License-Identifier: MIT
/** Teardown and interception under fire, in random schedules on an engine that stops before each access. */
import { MSI_GUEST_MASKED, MSI_HOST_MASKED } from '@bottomhalf/irq'
import { NO_CPU } from '@bottomhalf/machine'
import { lockstep, sample } from '@bottomhalf/testkit/lockstep'
import { describe, expect, test } from 'vitest'
import {
  bootWithGuest, controlOf, entry, fire, hammer, noted, release, releaseTwin, takeAway, takeAwayTwin,
} from './programs.model.js'
import { Note } from './setup.model.js'

const random = { runs: 150, seed: 20260401, maxSteps: 100_000 }

describe('PCI-6: a domain that is killed while its device fires, 1 CPU', () => {
  const machine = lockstep({ cpus: 1, irqsOn: true, interrupts: 'free' })
  const d = machine.call(0, () => bootWithGuest(1))
  const msi = machine.call(0, () => entry())
  const seen = { restarts: 0 }
  const killed = (kill: () => void) => sample(machine, () => {
    machine.spawn(NO_CPU, () => fire(msi, 3))
    machine.spawn(0, kill)
  }, (outcome) => {
    expect(outcome.verdict).toBe('finished')
    expect([Note.late, Note.result].map((at) => machine.call(0, () => noted(at)))).toEqual([0, 0])
    seen.restarts += machine.call(0, () => noted(Note.restarts))
  }, random)

  test('DP-16: has no active record, no device and no reference left when its release is over', () => {
    expect(killed(() => release(d)).failure?.reason).toBeUndefined()
    // the sample would prove nothing if no run had ever been under way
    expect(seen.restarts).toBeGreaterThan(0)
  })

  test('H4: the twin that takes -ERESTART for done is found', () => {
    // finished, and something is left: not a BUG of the twin itself
    expect(killed(() => releaseTwin(d)).failure?.outcome.verdict).toBe('finished')
  })
})

describe('MX1: a guest that hammers its vector table while the interrupt is taken away, 2 CPUs', () => {
  const atReset = (takenAway: (d: number) => void) => {
    const machine = lockstep({ cpus: 2, irqsOn: true, interrupts: 'free' })
    const d = machine.call(0, () => bootWithGuest(2))
    const msi = machine.call(0, () => entry())
    return sample(machine, () => {
      machine.spawn(0, () => hammer(d))
      machine.spawn(1, () => takenAway(d))
    }, (outcome) => {
      expect(outcome.verdict).toBe('finished')
      expect(machine.call(0, () => controlOf(msi))).toBe(MSI_GUEST_MASKED | MSI_HOST_MASKED)
    }, random)
  }

  test('leaves the entry as a reset leaves it', () => {
    expect(atReset(takeAway).failure?.reason).toBeUndefined()
  })

  test('the twin that leaves the entry live is found', () => {
    expect(atReset(takeAwayTwin).failure?.outcome.verdict).toBe('finished')
  })
})
