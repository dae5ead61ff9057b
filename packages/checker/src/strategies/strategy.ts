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
  /** Whether it goes on after an end of mode `atMost` that interrupts may still follow. */
  next(): number
  stepped(): void
  ended(): void
  backtrack(): number
  /** Parts of the tree: at each depth of the present path how many branches were begun and how many there are. */
  branches(depth: number): { readonly begun: number, readonly known: number }
  /** What must be written down to go on later; null if the strategy cannot. */
  save(): unknown
  restore(saved: unknown): void
}

/** What every strategy is made of. */
export interface StrategyContext {
  readonly executor: Executor
  readonly order: Order
}
