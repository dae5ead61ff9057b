// SPDX-License-Identifier: MIT
/** Strategies by name. */
import type { Order } from '../order.js'
import type { Session } from '../session.js'
import { Bounded } from './bounded.js'
import { Dpor } from './dpor.js'
import { Naive } from './naive.js'
import { Optimal } from './optimal.js'
import { Pct } from './pct.js'
import { RandomWalk } from './random.js'
import { Stateful } from './stateful.js'
import type { Strategy } from './strategy.js'

export const strategyNames = ['dpor', 'optimal', 'naive', 'bounded', 'random', 'pct', 'stateful'] as const
export type StrategyName = typeof strategyNames[number]

export interface StrategyOptions {
  /** dpor, optimal: sleep sets. Default: on. */
  readonly sleep?: boolean
  /** naive: merge prefixes of one class. Default: off. */
  readonly merge?: boolean
  /** naive: a handler's entry and its first step are one step of the schedule. Default: off. */
  readonly fused?: boolean
  /** bounded: the largest number of preemptions, and the first. Default: 3, 0. */
  readonly preemptions?: number
  readonly fromPreemptions?: number
  /** bounded: paths longer than this are given up. */
  readonly depthLimit?: { steps: number }
  /** random, pct: seed and number of executions. Default: 1, 1000. */
  readonly seed?: number
  readonly runs?: number
  /** pct: changes of priority in an execution. Default: 2. */
  readonly changes?: number
}

export function createStrategy(name: StrategyName, session: Session, order: Order, options: StrategyOptions): Strategy {
  const context = { executor: session.executor, order }
  const { sleep = true, merge = false, fused = false, seed = 1, runs = 1000 } = options
  const { preemptions = 3, fromPreemptions = 0 } = options
  switch (name) {
    case 'dpor': return new Dpor(context, { sleep })
    case 'optimal': return new Optimal(context, { sleep })
    case 'naive': return new Naive(context, { fused, ...merge ? { merge: session.classes } : {} })
    case 'bounded': {
      const limit = options.depthLimit === undefined ? {} : { depthLimit: options.depthLimit }
      return new Bounded(context, { preemptions, from: fromPreemptions, states: statesOf(session), ...limit })
    }
    case 'random': return new RandomWalk(context, { seed, runs })
    case 'pct': return new Pct(context, { seed, runs, changes: options.changes ?? 2 })
    case 'stateful': return new Stateful(context, { states: statesOf(session), races: session.findsRaces })
  }
}

/** Whether a strategy that found nothing left to do has proved that there is nothing within its bounds. */
export function isExhaustive(strategy: Strategy): boolean {
  return !(strategy instanceof RandomWalk)
}

function statesOf(session: Session): NonNullable<Session['states']> {
  if (session.states === null) throw new Error('this strategy needs a session with hashes of states')
  return session.states
}
