// SPDX-License-Identifier: MIT
/** An executor with everything that watches it: what any walk through a program, search or replay, needs. */
import { Classes } from './classes.js'
import { DataRaces } from './dataRaces.js'
import { Executor } from './executor.js'
import type { Footprints } from './footprints.js'
import { findLasso } from './lasso.js'
import type { Mode, Program } from './program.js'
import { States } from './states.js'

export interface SessionOptions {
  readonly mode?: Mode
  /** Report data races. Default: if the program has plain accesses. */
  readonly dataRaces?: boolean
  /** Keep hashes of whole states. */
  readonly states?: boolean
  /** Know states again by the contexts' own local states, not by what they did; the classes of paths are not kept then. */
  readonly locals?: boolean
  /** `cpuRelax` never waits. Default: as `locals`. */
  readonly spins?: boolean
  /** Find out where each operation stands in its source. Default: off. */
  readonly places?: boolean
  /** Steps of one execution, at most. Default: 10 000; with `locals`, a million. */
  readonly maxSteps?: number
  /** Take steps that nobody else can see at once. */
  readonly footprints?: Footprints | null
}

const DEFAULT_MAX_STEPS = 10_000
/** Where states are known again a path is as long as there are new ones: only what nobody can see goes on for ever. */
const MAX_STEPS_OF_STATES = 1_000_000

export class Session {
  readonly executor: Executor
  readonly classes: Classes
  readonly states: States | null
  private readonly dataRaces: DataRaces | null
  private readonly maxSteps: number

  constructor(program: Program, options: SessionOptions = {}) {
    const { mode = 'exactly', dataRaces = program.hasPlainAccess, states = false, places = false } = options
    const { footprints = null, locals = false, spins = locals } = options
    const { maxSteps = locals ? MAX_STEPS_OF_STATES : DEFAULT_MAX_STEPS } = options
    this.executor = new Executor(program, mode, places, footprints, { tracksLocals: locals, spins })
    this.classes = new Classes(this.executor)
    this.dataRaces = dataRaces ? new DataRaces(this.executor) : null
    this.states = states ? new States(this.executor) : null
    this.maxSteps = maxSteps
  }

  step(label: number): void {
    const { executor } = this
    executor.step(label)
    if (!executor.tracksLocals) this.classes.extend()
    if (this.dataRaces !== null) this.dataRaces.extend()
    if (this.states !== null) this.states.extend()
    if (executor.depth >= this.maxSteps && executor.enabled() !== 0) this.giveUp()
  }

  /** Whether data races are reported. */
  get findsRaces(): boolean {
    return this.dataRaces !== null
  }

  /** Note the present end; false if one of its class, or where states are known the same state, was noted before. */
  recordEnd(kind: 'complete' | 'blocked' | 'broken'): boolean {
    const { classes, states, executor } = this
    return states !== null && executor.tracksLocals
      ? classes[kind].add(states.low(), states.high()) : classes.record(classes[kind])
  }

  // Longer than anything that such a program should need: does it go in circles?
  private giveUp(): void {
    const { executor, maxSteps } = this
    const lasso = findLasso(executor)
    if (lasso === null) return executor.breakOff('step-limit', `the execution has more than ${maxSteps} steps`)
    if (lasso.isFair) return executor.breakOff('livelock', `the same ${lasso.period} steps again and again: ${lasso.who}`)
    executor.breakOff('step-limit', `more than ${maxSteps} steps: ${lasso.who} repeat ${lasso.period} steps while ` +
      `${lasso.starved} could run and never does; a wait should be one operation (awaitWord, wait)`)
  }
}
