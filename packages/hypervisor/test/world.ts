// SPDX-License-Identifier: MIT
/** The world of operations.model.ts as a test has it: furnished, at rest, its state comparable. */
import { lockstep, machineState, type Lockstep, type MachineState } from '@bottomhalf/testkit/lockstep'
import { boot } from './control.model.js'
import { furnish, operate, settle } from './operations.model.js'
import type { ControlRequest } from '../src/index.js'

const CPUS = 2

/** What no operation is measured by: scratch words, the checks of locks, the next vector to try, and counts of runs. */
const IRRELEVANT = ['operationsTest', 'domainOperations', 'pirqs', 'lockdep', 'irqVectors', 'rcu', 'softirq']

export interface World {
  readonly machine: Lockstep
  /** Do an operation to its end, on CPU 0. */
  ask(request: Pick<ControlRequest<unknown>, 'operation' | 'args'>): number
  /** Let every CPU serve what it has, until RCU has freed what was given back; the state then. */
  state(): MachineState
}

export function newWorld(): World {
  const machine = lockstep({ cpus: CPUS })
  const state = (): MachineState => {
    for (let round = 0; round < 4; round++) for (let cpu = 0; cpu < CPUS; cpu++) machine.call(cpu, () => settle())
    return machineState(IRRELEVANT)
  }
  machine.call(0, () => boot())
  const results = machine.call(0, () => furnish())
  if (results.some((result) => result !== 0)) throw new Error(`the world could not be furnished: ${results.join(' ')}`)
  state()
  return { machine, state, ask: (request) => machine.call(0, () => operate(request)) }
}
