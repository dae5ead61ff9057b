// SPDX-License-Identifier: MIT
/**
 * The search: take what the strategy says until the path stops, look at the end, go back, again.
 */
import type { Classes } from './classes.js'
import type { Executor } from './executor.js'
import { STOP, type Strategy } from './strategies/strategy.js'

/** What a search has seen so far. */
export interface Counts {
  /** Ends reached: complete and blocked ones, and violations. */
  executions: number
  completeExecutions: number
  blockedExecutions: number
  /** Paths given up because everything behind them was known. */
  redundant: number
  /** Ends that broke something. */
  violations: number
  steps: number
  maxDepth: number
}

export interface SearchHooks {
  /** At each end of an execution. `isNew`: its class was not seen before. Returns whether to stop. */
  ended(isNew: boolean): boolean
  /** Now and then. Returns whether to stop. */
  pause(): boolean
}

export class Search {
  readonly counts: Counts = {
    executions: 0, completeExecutions: 0, blockedExecutions: 0, redundant: 0, violations: 0, steps: 0, maxDepth: 0,
  }

  /** Whether everything that the strategy wanted was explored. */
  exhausted = false
  private readonly executor: Executor
  private readonly strategy: Strategy
  private readonly classes: Classes
  private readonly hooks: SearchHooks
  private readonly maxSteps: number

  constructor(executor: Executor, strategy: Strategy, classes: Classes, hooks: SearchHooks, maxSteps: number) {
    this.executor = executor
    this.strategy = strategy
    this.classes = classes
    this.hooks = hooks
    this.maxSteps = maxSteps
  }

  run(): void {
    const { executor, strategy } = this
    for (let turn = 1; ; turn++) {
      if (executor.isEnd() && this.recordEnd()) return
      let label = strategy.next()
      if (label === STOP) {
        if (!executor.isEnd()) this.counts.redundant++
        strategy.ended()
        label = strategy.backtrack()
        if (label === STOP) break
      }
      this.step(label)
      if ((turn & 0xffff) === 0 && this.hooks.pause()) return
    }
    this.exhausted = true
  }

  private step(label: number): void {
    const { executor, counts } = this
    executor.step(label)
    this.strategy.stepped()
    this.classes.extend()
    counts.steps++
    if (executor.depth > counts.maxDepth) counts.maxDepth = executor.depth
    if (executor.depth >= this.maxSteps) executor.cut(this.maxSteps)
  }

  private recordEnd(): boolean {
    const { executor, counts } = this
    const isComplete = executor.violation === null && executor.isComplete()
    const isNew = this.classes.record(isComplete)
    counts.executions++
    if (executor.violation !== null) counts.violations++
    else if (isComplete) counts.completeExecutions++
    else counts.blockedExecutions++
    return this.hooks.ended(isNew)
  }
}
