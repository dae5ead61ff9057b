// SPDX-License-Identifier: MIT
import { Cpu, cpuArea, NO_CPU } from '@bottomhalf/machine'
import { exhaustive, lockstep, sample } from '@bottomhalf/testkit/lockstep'
import type { Lockstep } from '@bottomhalf/testkit/lockstep'
import { describe, expect, test } from 'vitest'
import {
  doIrq, IrqDesc, irqDescOf, MSI_GUEST_MASKED, MSI_HOST_MASKED, MsiEntry, msiReset, msiWriteTarget, unmappedArrivals,
} from '../src/index.js'
import { ownerWord } from '../src/vectors.js'
import {
  aim, bootWithGuestIrq, bootWithHostIrq, doIrqTwin, free, freeTwin, move, send, unbindAndTell, unbindAndTellTwin,
  unmaskBoth, unmaskBothTwin,
} from './programs.model.js'
import { Seen, seen, setupMachine } from './setup.model.js'

const random = { runs: 2000, seed: 20260301, plainIsQuiet: true }
const vectorOf = (machine: Lockstep, irq: number): number =>
  machine.memory[machine.call(0, () => irqDescOf(irq)) + IrqDesc.vector] ?? 0
const at = (machine: Lockstep, field: number): number => machine.memory[seen(field)] ?? 0

describe('MSI1, MSI2 under every interleaving', () => {
  function machineWithEntry(): Lockstep {
    const machine = lockstep({ cpus: 2 })
    machine.call(0, () => setupMachine(2))
    machine.call(0, () => msiReset(seen(Seen.msi)))
    machine.call(0, () => msiWriteTarget(seen(Seen.msi), 0, 0x51))
    return machine
  }
  // at rest both masks are off: a message that is still held back is lost
  const nothingHeld = (machine: Lockstep) => () => {
    const control = machine.memory[seen(Seen.msi) + MsiEntry.control] ?? 0
    expect(control & (MSI_HOST_MASKED | MSI_GUEST_MASKED)).toBe(0)
    expect(control >>> 26).toBe(0)
    const requested = [0, 1].map((cpu) => machine.memory[cpuArea(cpu, { base: 0 }) + Cpu.vectorSummary] ?? 0)
    expect(requested.reduce((sum, n) => sum + n, 0)).toBeGreaterThan(0)
  }
  const program = (machine: Lockstep, unmask: () => void) => () => {
    machine.spawn(NO_CPU, () => send(1))
    machine.spawn(0, unmask)
    machine.spawn(1, () => aim(1, 0x61))
  }

  test('MSI1: a message sent while masks and target change is neither lost nor left behind', () => {
    const machine = machineWithEntry()
    const result = exhaustive(machine, program(machine, unmaskBoth), nothingHeld(machine))
    expect(result.failure?.reason).toBeUndefined()
    expect(result.complete).toBe(true)
    expect(result.executions).toBeGreaterThan(100)
  })

  test('MSI1: the twin that does not look for a held-back message loses it', () => {
    const machine = machineWithEntry()
    expect(exhaustive(machine, program(machine, unmaskBothTwin), nothingHeld(machine)).failure).toBeDefined()
  })
})

describe('IRQ-2 under random schedules', () => {
  test('IRQ-2: an action never runs on two CPUs at once, and begins after every arrival, while the interrupt moves', () => {
    const machine = lockstep({ cpus: 3, irqsOn: true, interrupts: 'free' })
    const irq = machine.call(0, () => bootWithHostIrq(3))
    const result = sample(machine, () => {
      machine.spawn(NO_CPU, () => send(3))
      machine.spawn(2, () => move(irq, [1, 2, 0]))
    }, () => {
      expect(at(machine, Seen.overlaps)).toBe(0)
      expect(at(machine, Seen.covered)).toBe(3)
      expect([0, 1, 2].map((cpu) => machine.call(0, () => unmappedArrivals(cpu)))).toEqual([0, 0, 0])
    }, random)
    expect(result.failure?.reason).toBeUndefined()
  })

  test('IRQ-2: two CPUs that take the same interrupt at once run its action one after the other', () => {
    const machine = lockstep({ cpus: 2 })
    const irq = machine.call(0, () => bootWithHostIrq(2))
    const vector = vectorOf(machine, irq)
    // the same vector of both CPUs belongs to the descriptor, as it can in the middle of a move
    machine.memory[ownerWord(1, vector)] = machine.memory[ownerWord(0, vector)] ?? 0
    const both = (one: () => void) => () => {
      machine.spawn(0, one)
      machine.spawn(1, one)
    }
    const once = () => {
      expect(at(machine, Seen.overlaps)).toBe(0)
      expect(at(machine, Seen.actions)).toBe(2)
    }
    const result = sample(machine, both(() => doIrq(vector)), once, random)
    expect(result.failure?.reason).toBeUndefined()
    expect(sample(machine, both(() => doIrqTwin(irq)), once, random).failure).toBeDefined()
  })

  test('IRQ-2: freeIrq returns when the action runs on no CPU; the twin that does not wait is found', () => {
    const machine = lockstep({ cpus: 2, irqsOn: true, interrupts: 'free' })
    const irq = machine.call(0, () => bootWithHostIrq(2))
    const program = (freeing: () => void) => () => {
      machine.spawn(NO_CPU, () => send(2))
      machine.spawn(1, freeing)
    }
    const nobodyInside = () => { expect(at(machine, Seen.lastCpu)).toBe(1) }
    const result = sample(machine, program(() => free(irq)), nobodyInside, random)
    expect(result.failure?.reason).toBeUndefined()
    expect(sample(machine, program(() => freeTwin(irq)), nobodyInside, random).failure).toBeDefined()
  })
})

describe('I2: after pirqGuestUnbind returned', () => {
  // isDirty holds the number of deliveries, plus one, at the moment after the unbind
  const program = (machine: Lockstep, unbind: () => void) => () => {
    machine.spawn(NO_CPU, () => send(3))
    machine.spawn(0, unbind)
  }
  const noneAfter = (machine: Lockstep) => () => {
    expect(at(machine, Seen.delivered)).toBe(at(machine, Seen.isDirty) - 1)
  }

  test('I2: nothing is delivered, whatever was in flight on another CPU', () => {
    const machine = lockstep({ cpus: 2, irqsOn: true, interrupts: 'free' })
    const pirq = machine.call(0, () => bootWithGuestIrq(2, 1))
    const result = sample(machine, program(machine, () => unbindAndTell(pirq)), noneAfter(machine), random)
    expect(result.failure?.reason).toBeUndefined()
  })

  test('I2: the twin that takes the guest away without the lock is found', () => {
    const machine = lockstep({ cpus: 2, irqsOn: true, interrupts: 'free' })
    const pirq = machine.call(0, () => bootWithGuestIrq(2, 1))
    const result = sample(machine, program(machine, () => unbindAndTellTwin(pirq, 1)), noneAfter(machine), random)
    expect(result.failure).toBeDefined()
  })
})

test('IRQ-2: a guest MSI costs doIrq these operations, and no more', () => {
  const machine = lockstep({ cpus: 1, debug: false })
  machine.call(0, () => bootWithGuestIrq(1, 0))
  const vector = vectorOf(machine, 1)
  // of these, one fetchAdd and one store, and a load, are the test's deliver handler
  machine.call(0, () => doIrq(vector))   // the first of a window looks at the clock (IRQ-3)
  const counts = machine.countsOf(0, () => doIrq(vector))
  expect(counts).toEqual({ ld: 14, st: 1, load: 2, cmpxchg: 1, fetchAdd: 1, store: 2 })
})
