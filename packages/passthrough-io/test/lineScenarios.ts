// SPDX-License-Identifier: MIT
/** Runs of a device, passthrough and a guest's driver under many schedules, and what must hold when they are over. */
import { NO_CPU } from '@bottomhalf/machine'
import { Domain } from '@bottomhalf/domain'
import { lockstep, sample } from '@bottomhalf/testkit/lockstep'
import type { Exploration, Lockstep } from '@bottomhalf/testkit/lockstep'
import { expect } from 'vitest'
import {
  bootLine, bootMessage, driveLine, driveLineWithStrayEois, driveMessages, eventsMissed, guestLine, lineState,
  raiseLine, sendMessages, serve, unbindLine,
} from './lines.model.js'

export interface LineScenario {
  readonly boot: () => number
  /** The device's first event, which is at the guest, not taken yet, when the run begins. */
  readonly first: () => void
  readonly spawn: (machine: Lockstep) => void
  /** What the guest does until nothing is left to be done. */
  readonly settle: () => void
  readonly after: (machine: Lockstep) => void
}

/** Nothing is missed, and neither the machine's line nor the guest's is left up, masked or waited for. */
function allServed(machine: Lockstep): void {
  expect(machine.call(1, () => eventsMissed()), 'I1').toBe(0)
  expect(machine.call(1, () => guestLine()), 'I10').toEqual([0, 0, 1])
}

const lineReleased = (machine: Lockstep): void => {
  expect(machine.call(1, () => lineState()), 'I10').toEqual([false, false, false])
}

/** I1, I10: a device raises its line again while the driver serves it. */
export const level: LineScenario = {
  boot: () => bootLine(),
  first: () => raiseLine(1),
  spawn: (machine) => {
    machine.spawn(NO_CPU, () => raiseLine(1))
    machine.spawn(0, () => serve(1))
    machine.spawn(1, () => driveLine(1))
  },
  settle: () => driveLine(1),
  after: (machine) => {
    allServed(machine)
    lineReleased(machine)
  },
}

/** U11: the same, with a guest that ends what nobody asked for. */
export const strayEois: LineScenario = {
  ...level,
  spawn: (machine) => {
    machine.spawn(NO_CPU, () => raiseLine(1))
    machine.spawn(0, () => serve(1))
    machine.spawn(1, () => driveLineWithStrayEois(1))
  },
}

/** I1: a message that becomes a line comes while the driver is at work for another. */
export const translated: LineScenario = {
  boot: () => bootMessage(),
  first: () => sendMessages(1),
  spawn: (machine) => {
    machine.spawn(NO_CPU, () => sendMessages(1))
    machine.spawn(0, () => serve(1))
    machine.spawn(1, () => driveMessages(1))
  },
  settle: () => driveMessages(1),
  after: allServed,
}

/** I2, I10: an unbind of a line that is asserted leaves the guest's line low and the machine's shut. */
export const unbound: LineScenario = {
  boot: () => bootLine(),
  first: () => raiseLine(1),
  spawn: (machine) => {
    machine.spawn(NO_CPU, () => raiseLine(1))
    machine.spawn(0, () => unbindLine())
    machine.spawn(1, () => driveLine(1))
  },
  settle: () => driveLine(1),
  after: (machine) => {
    expect(machine.call(1, () => guestLine()), 'I2, U10').toEqual([0, 0, 0])
    expect(machine.call(1, () => lineState()).slice(1), 'I10').toEqual([true, false])
  },
}

interface Run { readonly machine: Lockstep, readonly d: number }

type Prepare = (machine: Lockstep) => void

// CPU 1 takes the guest's vCPU before the run. `prepare` chooses what the run is to be of.
function ready(scenario: LineScenario, prepare: Prepare): Run {
  const machine = lockstep({ cpus: 2, debug: false, irqsOn: true, interrupts: 'free' })
  const d = machine.call(0, () => scenario.boot())
  prepare(machine)
  machine.call(1, () => serve(2))
  machine.call(NO_CPU, () => scenario.first())
  machine.call(0, () => serve(1))
  return { machine, d }
}

function check({ machine, d }: Run, scenario: LineScenario): void {
  for (let turn = 0; turn < 4; turn++) {
    machine.call(0, () => serve(1))
    machine.call(1, () => scenario.settle())
  }
  scenario.after(machine)
  expect(machine.memory[d + Domain.refcount], 'I4').toBe(1)
}

/** A sample of schedules. */
export function sampleLines(scenario: LineScenario, runs: number, prepare: Prepare = () => undefined): Exploration {
  const run = ready(scenario, prepare)
  return sample(run.machine, () => { scenario.spawn(run.machine) }, () => { check(run, scenario) },
    { plainIsQuiet: true, runs, seed: 20260301, maxSteps: 20_000 })
}
