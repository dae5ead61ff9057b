// SPDX-License-Identifier: MIT
/**
 * A model: a small machine that runs real code of stepped packages, as an ordinary object.
 *
 *     export const counter = defineModel({
 *       name: 'counter', cpus: 2,
 *       setup: () => { boot() },
 *       threads: [{ cpu: 0, run: () => { add() } }, { cpu: 1, run: () => { add() } }],
 *       interrupts: [{ cpu: 0, run: () => { add() }, times: 2 }],
 *       atRest: () => ld(Counter.base + Counter.value) === 4 ? undefined : 'I1: an increment is lost',
 *     })
 *
 * A model stands in a file that is built in stepped form. Where it is not, hand over what the stepped functions return:
 * `run: () => add()`.
 */
import type { Susp } from '@bottomhalf/machine'
import type { End } from '../judge.js'

/** A thread of the model that is no CPU of the machine: a device. */
export const DEVICE = -1

export interface ModelThread<S> {
  /** A CPU that no other thread has, or `DEVICE`. Default: its place among the threads. */
  readonly cpu?: number
  readonly name?: string
  readonly run: Susp<(shared: S) => unknown>
}

export interface ModelInterrupt<S> {
  readonly cpu: number
  readonly name?: string
  /** Its handler. Without one the vector goes to the machine's interrupt entry. */
  readonly run?: Susp<(shared: S) => unknown>
  readonly vector?: number
  /** How many times it may strike. Default: 1. */
  readonly times?: number
}

export interface ModelDefinition<S = undefined> {
  readonly name: string
  readonly cpus: number
  /** Debug checks of heap and locks: many more accesses. Default: off. */
  readonly debug?: boolean
  /** Whether CPUs start with IF = 1. Default: on. */
  readonly irqs?: 'on' | 'off'
  /** Handlers active at once on a CPU. Default: 1. */
  readonly nest?: number
  /** Runs alone on CPU 0, once. What it returns is handed to the others. */
  readonly setup?: Susp<() => S>
  readonly threads: readonly ModelThread<S>[]
  readonly interrupts?: readonly ModelInterrupt<S>[]
  /**
   * Says what is wrong at an end, beginning with the invariant that is broken (`I5: ...`). Runs alone on CPU 0 and may
   * call what setup may; whatever it writes is taken back.
   */
  readonly atRest?: Susp<(shared: S, end: End) => string | undefined>
  /** Values that made the model what it is, for schedules and messages. */
  readonly parameters?: Readonly<Record<string, number>>
}

/** Checks a definition and returns it. Throws `RangeError` for one that cannot be run. */
export function defineModel<S = undefined>(model: ModelDefinition<S>): ModelDefinition<S> {
  const { name, cpus, threads, interrupts = [] } = model
  const complain = (problem: string): never => { throw new RangeError(`model ${name}: ${problem}`) }
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > 16) complain(`cpus is ${cpus}, expected 1..16`)
  const taken = new Set<number>()
  for (const [place, { cpu = place }] of threads.entries()) {
    if (cpu === DEVICE) continue
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= cpus) complain(`a thread runs on CPU ${cpu}, there are ${cpus}`)
    if (taken.has(cpu)) complain(`two threads run on CPU ${cpu}`)
    taken.add(cpu)
  }
  for (const { cpu, run, vector } of interrupts) {
    if (!Number.isInteger(cpu) || cpu < 0 || cpu >= cpus) complain(`an interrupt strikes CPU ${cpu}, there are ${cpus}`)
    if ((run === undefined) === (vector === undefined)) complain('an interrupt needs either run or vector')
  }
  return model
}
