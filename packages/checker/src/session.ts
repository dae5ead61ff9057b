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
  /** Find out where each operation stands in its source. Default: off. */
  readonly places?: boolean
  /** Steps of one execution, at most. Default: 10 000. */
  readonly maxSteps?: number
  /** Take steps that nobody else can see at once. */
  readonly footprints?: Footprints | null
}

const DEFAULT_MAX_STEPS = 10_000

export class Session {
  readonly executor: Executor
  readonly classes: Classes
  readonly states: States | null
  private readonly dataRaces: DataRaces | null
  private readonly maxSteps: number

  constructor(program: Program, options: SessionOptions = {}) {
    const { mode = 'exactly', dataRaces = program.hasPlainAccess, states = false, places = false } = options
    const { maxSteps = DEFAULT_MAX_STEPS, footprints = null } = options
    this.executor = new Executor(program, mode, places, footprints)
    this.classes = new Classes(this.executor)
    this.dataRaces = dataRaces ? new DataRaces(this.executor) : null
    this.states = states ? new States(this.executor) : null
    this.maxSteps = maxSteps
  }

  step(label: number): void {
    const { executor } = this
    executor.step(label)
    this.classes.extend()
    if (this.dataRaces !== null) this.dataRaces.extend()
    if (this.states !== null) this.states.extend()
    if (executor.depth >= this.maxSteps && executor.enabled() !== 0) this.giveUp()
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
