// SPDX-License-Identifier: MIT
/**
 * Small runs of the whole stack under many schedules, and what must hold when they are over: I1 to I6.
 *
 * The files that call this choose the protocol: production, DP-14 to the letter, or a form with a line altered.
 */
import { ERESTART } from '@bottomhalf/base'
import { Domain } from '@bottomhalf/domain'
import { NO_CPU } from '@bottomhalf/machine'
import { Op } from '@bottomhalf/machine/engine'
import { exhaustive, lockstep, sample } from '@bottomhalf/testkit/lockstep'
import type { Exploration, ExploreOptions, LogEntry, Lockstep, SampleOptions, Task } from '@bottomhalf/testkit/lockstep'
import { expect } from 'vitest'
import { dpciActive, PROTOCOL_NAME } from '../src/index.js'
import { DPCI_MASKED_BIT, DPCI_RUN, dpciDomain, HvmPirqDpci } from '../src/records.js'
import { bootFire, fire, GVECS, leave, rebind, rebindOnce, secondOf, serve, serveUntilDone, unbind } from './fire.model.js'
import { isRequested, takeRequested } from './setup.model.js'

interface Fire {
  readonly machine: Lockstep
  readonly cpus: number
  readonly dpci: number
  readonly second: number
  readonly d: number
  /** The control operation of this run. */
  control?: Task
}

/** A machine with two bound records, at rest. `prepare` chooses what the run is to be of, before the snapshot. */
function ready(cpus: number, prepare: Prepare = () => undefined): Fire {
  const machine = lockstep({ cpus, irqsOn: true, interrupts: 'free', log: true })
  const dpci = machine.call(0, () => bootFire(cpus))
  prepare(machine)
  const second = machine.call(0, () => secondOf(dpci))
  const d = machine.call(0, () => dpciDomain(dpci))
  return { machine, cpus, dpci, second, d }
}

/** A run: its contexts, and what must hold after it beside I3 to I6. */
export interface Scenario {
  readonly cpus: number
  readonly spawn: (fire: Fire) => void
  readonly after: (fire: Fire) => void
}

/** I1: an interrupt spread over CPUs that serve it at the same time; a second record in between. */
export const spread: Scenario = {
  cpus: 2,
  spawn: ({ machine }) => {
    machine.spawn(NO_CPU, () => fire([[0, 0], [0, 1], [1, 1], [0, 0]]))
    machine.spawn(0, () => serve(2))
    machine.spawn(1, () => serve(2))
  },
  after: (run) => {
    expect(requested(run, 0), 'I1').toBe(true)
    expect(requested(run, 1), 'I1').toBe(true)
  },
}

/** Two interrupts of one record, on two CPUs. */
export const pair: Scenario = {
  cpus: 2,
  spawn: ({ machine }) => {
    machine.spawn(NO_CPU, () => fire([[0, 0], [0, 1]]))
    machine.spawn(0, () => serve(1))
    machine.spawn(1, () => serve(1))
  },
  after: (run) => { expect(requested(run, 0), 'I1').toBe(true) },
}

/** A CPU is inside the record for a while: another finds it so and puts it back, arrivals of a second record in between. */
export const crowded: Scenario = {
  cpus: 2,
  spawn: ({ machine, dpci }) => {
    machine.memory[dpci + HvmPirqDpci.state] = DPCI_RUN
    machine.spawn(NO_CPU, () => fire([[0, 0], [1, 0], [1, 0]]))
    machine.spawn(0, () => serve(3))
    machine.spawn(1, () => leave(dpci))
  },
  after: (run) => {
    expect(requested(run, 0), 'I1').toBe(true)
    expect(requested(run, 1), 'I1').toBe(true)
  },
}

/** I2: an unbind under fire. */
export const unbound: Scenario = {
  cpus: 2,
  spawn: ({ machine, dpci }) => {
    machine.spawn(NO_CPU, () => fire([[0, 0], [0, 1], [0, 0]]))
    machine.spawn(0, () => serve(3))
    machine.spawn(1, () => unbind(dpci))
  },
  after: (run) => { expect(requested(run, 0), 'I2').toBe(false) },
}

/** I1 after it: an unbind and a bind under fire, on 3 CPUs; the new binding works. */
export const rebound: Scenario = {
  cpus: 3,
  spawn: ({ machine, dpci }) => {
    machine.spawn(NO_CPU, () => fire([[0, 0], [0, 2], [0, 1]]))
    machine.spawn(0, () => serveUntilDone())
    machine.spawn(1, () => rebind(dpci))
    machine.spawn(2, () => serveUntilDone())
  },
  after: (run) => {
    run.machine.call(0, () => takeRequested(run.d, GVECS[0]))
    run.machine.call(NO_CPU, () => fire([[0, 0]]))
    settle(run)
    expect(requested(run, 0), 'I1 of the new binding').toBe(true)
  },
}

/** I1, I2: an unbind and one try to bind again, under fire: either the new binding works, or nothing comes. */
export const retried: Scenario = {
  cpus: 2,
  spawn: (run) => {
    run.machine.spawn(NO_CPU, () => fire([[0, 0], [0, 0]]))
    run.machine.spawn(0, () => serve(1))
    run.control = run.machine.spawn(1, () => rebindOnce(run.dpci))
  },
  after: (run) => {
    const result = run.control?.value as number
    expect([0, -ERESTART]).toContain(result)
    if (result !== 0) expect(requested(run, 0), 'I2').toBe(false)
    run.machine.call(NO_CPU, () => fire([[0, 0]]))
    settle(run)
    expect(requested(run, 0), 'I1 of the new binding, I2 without one').toBe(result === 0)
  },
}

type Prepare = (machine: Lockstep) => void

/** A sample of schedules. */
export function sampled(scenario: Scenario, options: SampleOptions, prepare?: Prepare): Exploration {
  const run = ready(scenario.cpus, prepare)
  const spawn = () => { begin(run, scenario) }
  return sample(run.machine, spawn, () => { check(run, scenario) }, { plainIsQuiet: true, ...options })
}

/** Every schedule with so many preemptions and interrupts. */
export function enumerated(scenario: Scenario, options: ExploreOptions, prepare?: Prepare): Exploration {
  const run = ready(scenario.cpus, prepare)
  const spawn = () => { begin(run, scenario) }
  return exhaustive(run.machine, spawn, () => { check(run, scenario) }, { plainIsQuiet: true, ...options })
}

function begin(run: Fire, scenario: Scenario): void {
  (run.machine.log as LogEntry[]).length = 0
  scenario.spawn(run)
}

function check(run: Fire, scenario: Scenario): void {
  settle(run)
  scenario.after(run)
  const { machine, d } = run
  for (const dpci of [run.dpci, run.second]) {
    expect(machine.memory[dpci + HvmPirqDpci.state], 'at rest nothing of the state is on').toBe(0)
    expect(machine.call(0, () => dpciActive(dpci)), 'I5, I6').toBe(false)
  }
  expect(machine.memory[d + Domain.refcount], 'I4').toBe(1)
  const form: string = PROTOCOL_NAME
  if (form !== 'tasklet') stateTellsAll(run)
}

/** Forms that keep the state word: no record is linked, and no two CPUs were inside at once. */
function stateTellsAll(run: Fire): void {
  for (const dpci of [run.dpci, run.second]) expect(run.machine.memory[dpci + HvmPirqDpci.protocol], 'I5').toBe(0)
  oneAtATime(run)
}

/** All CPUs come by until nobody has anything to do. A put-back in vain would never end, and is a failure of `call`. */
function settle({ machine, cpus }: Fire): void {
  for (let turn = 0; turn < 2; turn++) {
    for (let cpu = 0; cpu < cpus; cpu++) machine.call(cpu, () => serve(1))
  }
}

function requested({ machine, d }: Fire, record: number): boolean {
  return machine.call(0, () => isRequested(d, GVECS[record] ?? 0))
}

/** I3: whoever looks at MASKED, which is the assist, turned RUN on itself and has not turned it off. */
function oneAtATime({ machine, dpci }: Fire): void {
  const state = dpci + HvmPirqDpci.state
  let word = 0
  let inside = -1
  for (const { lane, op, a, b, c, value } of machine.log) {
    if (a !== state) continue
    const next = nextState(op, b, c, value)
    if ((value & DPCI_RUN) === 0 && (next & DPCI_RUN) !== 0) inside = lane
    if (op === Op.TestAndClearBit && b === DPCI_MASKED_BIT) expect(lane, 'I3').toBe(inside)
    if ((next & DPCI_RUN) === 0) inside = -1
    word = next
  }
  expect(word).toBe(0)
}

function nextState(op: Op, b: number, c: number, before: number): number {
  switch (op) {
    case Op.FetchOr: return before | b
    case Op.FetchAnd: return before & b
    case Op.Cmpxchg: return before === b ? c : before
    case Op.TestAndClearBit: return before & ~(1 << b)
    default: return before
  }
}
