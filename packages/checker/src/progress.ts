// SPDX-License-Identifier: MIT
/**
 * How far a search is, and how much is left.
 *
 * The estimate is Knuth's: along the present path, each state with n known branches stands for n subtrees of one size.
 * What lies to the left of the path is the share that is done. Branches that are found later make it grow.
 */
import type { Session } from './session.js'
import type { Counts } from './search.js'
import type { Strategy } from './strategies/strategy.js'

export interface Progress extends Readonly<Counts> {
  readonly seconds: number
  readonly executionsPerSecond: number
  /** Depth of the present path. */
  readonly depth: number
  /** Distinct complete and blocked classes so far. */
  readonly classes: number
  /** Share of the tree that is done, 0..1, as far as it is known. */
  readonly done: number
  /** Executions still to come, by that estimate. */
  readonly executionsLeft: number
  /** Where states are known again: how many there are, and the bytes that they take. */
  readonly states?: { readonly count: number, readonly perSecond: number, readonly bytes: number }
}

export function progressOf(session: Session, strategy: Strategy, counts: Counts, seconds: number): Progress {
  const { executor: { depth }, classes } = session
  const done = shareDone(strategy, depth)
  const perSecond = (count: number): number => seconds > 0 ? Math.round(count / seconds) : 0
  const known = strategy.known?.()
  return {
    ...counts,
    seconds,
    executionsPerSecond: perSecond(counts.executions),
    depth,
    classes: classes.complete.size + classes.blocked.size,
    done,
    executionsLeft: done > 0 ? Math.round((counts.executions * (1 - done)) / done) : Infinity,
    ...known === undefined ? {} : { states: { ...known, perSecond: perSecond(known.count) } },
  }
}

/** Everything up to the end of the present path is done. */
function shareDone(strategy: Strategy, depth: number): number {
  let share = 0
  let weight = 1
  for (let d = 0; d < depth; d++) {
    const { begun, known } = strategy.branches(d)
    if (known <= 1) continue
    weight /= known
    share += weight * (begun - 1)
  }
  return Math.min(1, share + weight)
}
