// SPDX-License-Identifier: MIT
import { NO_CPU } from '@bottomhalf/machine'
import { exhaustive, lockstep } from '@bottomhalf/testkit/lockstep'
import type { Lockstep } from '@bottomhalf/testkit/lockstep'
import { describe, expect, test } from 'vitest'
import { lineIsInService, pirqGuestEoi } from '../src/index.js'
import {
  bind, bindTwin, bootOneGuest, bootReleasing, bootShared, eoiTwin, foot, GSI, inService, isBound, owed, pulse, timeOut,
  timeOutTwin, unbind,
} from './offline.model.js'
import { Seen, seen } from './setup.model.js'

const at = (machine: Lockstep, field: number): number => machine.memory[seen(field)] ?? 0
const bound = { preemptions: 2, plainIsQuiet: true, maxExecutions: 100_000 }
const inServiceOn = (machine: Lockstep, cpu: number): number => machine.call(cpu, () => inService())

describe('IRQ-4, IRQ-5, IRQ-7: two guests of a shared line finish at once, on CPUs that did not take it', () => {
  function machineInService(): { machine: Lockstep, pirqs: number[] } {
    const machine = lockstep({ cpus: 3, irqsOn: true, interrupts: 'free' })
    const pirqs = machine.call(0, () => bootShared(3))
    machine.call(NO_CPU, () => pulse())
    machine.call(1, () => inService())      // takes it
    expect(at(machine, Seen.delivered)).toBe(2)
    return { machine, pirqs }
  }
  const program = (machine: Lockstep, pirqs: number[], eoi: (pirq: number) => void) => () => {
    machine.spawn(0, () => eoi(pirqs[0] ?? 0))
    machine.spawn(2, () => eoi(pirqs[1] ?? 0))
  }
  const ended = (machine: Lockstep) => () => {
    expect(inServiceOn(machine, 1)).toBe(0)
    expect(machine.call(0, () => lineIsInService(GSI))).toBe(false)
  }

  test('IRQ-4, IRQ-5, EOI4, EOI5: the CPU that took it ends it, every interleaving with 2 preemptions', () => {
    const { machine, pirqs } = machineInService()
    const result = exhaustive(machine, program(machine, pirqs, pirqGuestEoi), ended(machine), bound)
    expect(result.failure?.reason).toBeUndefined()
    expect(result.complete).toBe(true)
    expect(result.executions).toBeGreaterThan(500)
  })

  test('IRQ-4, IRQ-5: the twin that looks before it takes the lock leaves the line in service', () => {
    const { machine, pirqs } = machineInService()
    const result = exhaustive(machine, program(machine, pirqs, (pirq) => eoiTwin(1, pirq)), ended(machine), bound)
    expect(result.failure).toBeDefined()
  })
})

describe('IRQ-5: the EOI time-out of one delivery runs while the next one comes', () => {
  function machineWithGuest(): Lockstep {
    const machine = lockstep({ cpus: 2, irqsOn: true, interrupts: 'free' })
    machine.call(0, () => bootOneGuest(2))
    return machine
  }
  const program = (machine: Lockstep, timingOut: () => void) => () => {
    machine.spawn(1, timingOut)
    machine.spawn(NO_CPU, () => pulse())
  }
  const guestHasItsTime = (machine: Lockstep) => () => {
    expect(at(machine, Seen.delivered)).toBe(1)
    expect(machine.call(0, () => owed(1))).toBe(1)
  }

  test('IRQ-5: a function that finds its timer started again leaves the line to the guest, every interleaving with 2 preemptions', () => {
    const machine = machineWithGuest()
    const run = program(machine, () => timeOut(1))
    const result = exhaustive(machine, run, guestHasItsTime(machine), bound)
    expect(result.failure?.reason).toBeUndefined()
    expect(result.complete).toBe(true)
    expect(result.executions).toBeGreaterThan(10)
  })

  test('IRQ-5: the twin that does not look finishes for a guest that has only just got it', () => {
    const machine = machineWithGuest()
    const run = program(machine, () => timeOutTwin(1))
    expect(exhaustive(machine, run, guestHasItsTime(machine), bound).failure).toBeDefined()
  })
})

describe('IRQ-6: the last guest unbinds while another binds and the interrupt is in service on a third CPU', () => {
  const program = (machine: Lockstep, unbinding: () => void, binding: () => void) => () => {
    machine.spawn(0, unbinding)
    machine.spawn(1, () => foot())
    machine.spawn(2, binding)
  }
  const oneIsBound = (machine: Lockstep, irq: number, pirqs: number[]) => () => {
    expect(at(machine, Seen.lastCpu)).toBe(1)
    expect(pirqs.map((pirq) => machine.call(0, () => isBound(irq, pirq)))).toEqual([false, true])
    expect(machine.call(0, () => lineIsInService(GSI))).toBe(false)
  }

  function inServiceThere() {
    const machine = lockstep({ cpus: 3, irqsOn: true, interrupts: 'free' })
    const booted = machine.call(0, () => bootReleasing(3))
    machine.call(NO_CPU, () => pulse())
    machine.call(1, () => inService())      // takes it
    return { machine, ...booted }
  }

  test('IRQ-6, REL1: the one that comes is bound and nothing stays in service, every interleaving with 1 preemption', () => {
    const { machine, d, pirqs, irq } = inServiceThere()
    const [first = 0, second = 0] = pirqs
    const run = program(machine, () => unbind(first), () => bind(d, second))
    const result = exhaustive(machine, run, oneIsBound(machine, irq, pirqs), { ...bound, preemptions: 1 })
    expect(result.failure?.reason).toBeUndefined()
    expect(result.complete).toBe(true)
    expect(result.executions).toBeGreaterThan(1000)
  })

  test('IRQ-6, REL1: the twin that joins a release in progress is left without its interrupt', () => {
    const { machine, pirqs, irq } = inServiceThere()
    const [first = 0, second = 0] = pirqs
    const run = program(machine, () => unbind(first), () => bindTwin(irq, second))
    const result = exhaustive(machine, run, oneIsBound(machine, irq, pirqs), { ...bound, preemptions: 1 })
    expect(result.failure).toBeDefined()
  })
})
