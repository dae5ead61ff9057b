// SPDX-License-Identifier: MIT
/**
 * What a strategy is: it says which transition comes next, and where to go back to.
 *
 *     next()       at a state that was not seen before on this path: the transition to take, or STOP
 *     stepped()    the transition was taken
 *     ended()      the path stops here: at an end of the program, or because the rest is known
 *     backtrack()  go back to a state with something left and return the transition to take there, or STOP
 */
import type { Executor } from '../executor.js'
import type { Order } from '../order.js'

export const STOP = -1

export interface Strategy {
  readonly name: string
  next(): number
  stepped(): void
  ended(): void
  backtrack(): number
  /** At a depth of the present path: how many branches were begun, and how many are known. */
  branches(depth: number): { readonly begun: number, readonly known: number }
  /** States that are known, and the bytes that they take, for strategies that know states again. */
  known?(): { readonly count: number, readonly bytes: number }
  /** What must be written down, beside the present path, to go on later. */
  save(): unknown
  /** Take up what `save` returned. The path was walked again before, with `stepped` behind each step. */
  restore(saved: unknown): void
}

/**
 * A strategy whose search below a state depends on nothing but the path and what sleeps there, so that it can be done by
 * another thread, before its turn.
 */
export interface Splittable extends Strategy {
  /** What sleeps at the present state, which is new: label, first word and extent of each. */
  sleeping(): number[]
  /** Search below the present state only, with this asleep. */
  plant(sleeping: readonly number[]): void
  /** What the search below asks for at the states above, in order; and taking it up there. */
  asked(): number[]
  ask(asked: readonly number[]): void
}

/** What every strategy is made of. */
export interface StrategyContext {
  readonly executor: Executor
  readonly order: Order
}
