// SPDX-License-Identifier: MIT
/**
 * A part of a search as data: everything below one state, and what was found there. Whoever explores it finds the same.
 */
import type { Found } from '../findings.js'
import type { Run } from '../run.js'
import type { Counts } from '../search.js'
import type { Splittable, Strategy } from '../strategies/strategy.js'

export interface Subtree {
  /** The contexts that took the steps to its root. */
  readonly path: readonly number[]
  /** See `Splittable.sleeping`. */
  readonly sleeping: readonly number[]
  /** How many steps a part should have, about. */
  readonly partSteps: number
  /** What is known of who touches which word, if that matters. */
  readonly footprints: readonly number[] | null
}

export interface SubtreeResult {
  readonly counts: Counts
  readonly found: Found
  /** See `Splittable.asked`. */
  readonly asked: readonly number[]
  /** Something was learned of who touches which word, so the search has to begin again: what is known now. */
  readonly learned: readonly number[] | null
  /** It was given up, because it is too large for one part: where smaller ones begin. Otherwise null. */
  readonly smaller: number | null
}

/** Two subtrees with one key are the same part of the same search. */
export function keyOf({ path, sleeping }: Subtree): string {
  return `${path.join()} ${sleeping.join()}`
}

export function isSplittable(strategy: Strategy): strategy is Splittable {
  return 'plant' in strategy
}

/** Where subtrees have about `partSteps` steps, by what is known along the present path from depth `from` on. */
export function depthOfParts(run: Run, from: number, partSteps: number): number {
  const { strategy, session: { executor: { depth } }, search: { counts: { steps } } } = run
  let share = 1
  let done = 0
  const shares: number[] = []
  for (let d = from; d < depth; d++) {
    const { begun, known } = strategy.branches(d)
    share /= Math.max(1, known)
    done += share * (begun - 1)
    shares.push(share)
  }
  const small = shares.findIndex((each) => each * steps <= partSteps * done)
  return from + (small < 0 ? shares.length : small) + 1
}
