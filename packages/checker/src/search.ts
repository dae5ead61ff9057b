// SPDX-License-Identifier: MIT
/**
 * The search: take what the strategy says until the path stops, look at the end, go back, again.
 */
import type { Session } from './session.js'
import { STOP, type Strategy } from './strategies/strategy.js'

export type EndKind = 'complete' | 'blocked' | 'broken'

/** What a search has seen so far. */
export interface Counts {
  /** Ends reached, of all kinds. */
  executions: number
  complete: number
  blocked: number
  /** Ends at which something broke. */
  broken: number
  /** Paths given up because everything behind them was known. */
  redundant: number
  steps: number
  maxDepth: number
}

/** Where everything from a state on is explored: here, or by somebody else, who is done or still at it. */
export type Explored = 'here' | 'elsewhere' | 'not yet'

export interface SearchHooks {
  /** At each end of an execution. Returns whether to stop at once. */
  ended(kind: EndKind): boolean
  /** Between two paths: a place to stop from which the search can go on later. Returns whether to stop. */
  pause(): boolean
  /** Asked at each new state. Default: everything is explored here. */
  explored?(): Explored
}

export class Search {
  readonly counts: Counts = { executions: 0, complete: 0, blocked: 0, broken: 0, redundant: 0, steps: 0, maxDepth: 0 }
  /** Whether everything that the strategy wanted was explored. */
  exhausted = false
  /** Whether it stopped at a state that somebody else explores. */
  waits = false
  private readonly session: Session
  private readonly strategy: Strategy
  private readonly hooks: SearchHooks

  constructor(session: Session, strategy: Strategy, hooks: SearchHooks) {
    this.session = session
    this.strategy = strategy
    this.hooks = hooks
  }

  /** Explore until everything is known or a hook says stop. After a pause, `resumed` goes on from there. */
  run(resumed = false): void {
    const { strategy, hooks } = this
    let isNewState = !resumed || this.waits
    this.waits = false
    for (;;) {
      if (isNewState) {
        const explored = hooks.explored?.() ?? 'here'
        if (explored === 'not yet') {
          this.waits = true
          return
        }
        if (explored === 'here') {
          if (this.session.executor.isEnd() && this.recordEnd()) return
          const label = strategy.next()
          if (label !== STOP) {
            this.step(label)
            continue
          }
          this.leave()
        }
        if (hooks.pause()) return
      }
      const label = strategy.backtrack()
      if (label === STOP) break
      this.step(label)
      isNewState = true
    }
    this.exhausted = true
  }

  private leave(): void {
    if (!this.session.executor.isEnd()) this.counts.redundant++
    this.strategy.ended()
  }

  private step(label: number): void {
    const { session, counts } = this
    session.step(label)
    this.strategy.stepped()
    counts.steps++
    if (session.executor.depth > counts.maxDepth) counts.maxDepth = session.executor.depth
  }

  private recordEnd(): boolean {
    const { session: { executor }, counts } = this
    const kind = executor.violation !== null ? 'broken' : executor.isComplete() ? 'complete' : 'blocked'
    counts.executions++
    counts[kind]++
    return this.hooks.ended(kind)
  }
}
