// SPDX-License-Identifier: MIT
/** Whether the tail of an execution goes in circles: the same steps with the same values, three times over. */
import type { Executor } from './executor.js'
import { hashRow } from './rowHash.js'

export interface Lasso {
  readonly period: number
  /** No context could have run all the time and never did: a fair scheduler may go on like this for ever. */
  readonly isFair: boolean
  readonly who: string
  readonly starved: string
}

const TURNS = 3

/** The shortest circle at the end of the present execution; null if there is none. */
export function findLasso(executor: Executor): Lasso | null {
  const { trace, depth, program } = executor
  const rows = Array.from({ length: depth }, (_, d) => hashRow(trace, d))
  const period = periodOf(rows)
  if (period === 0) return null
  let took = 0
  let always = -1
  for (let d = depth - period; d < depth; d++) {
    took |= 1 << trace.label[d]!
    always &= trace.steps[d]! | (executor.mode === 'exactly' ? trace.enters[d]! : 0)
  }
  const names = (labels: number): string =>
    program.contexts.filter((_, label) => ((labels >>> label) & 1) !== 0).map((context) => context.name).join(', ')
  return { period, isFair: (always & ~took) === 0, who: names(took), starved: names(always & ~took) }
}

function periodOf(rows: readonly number[]): number {
  const end = rows.length
  for (let period = 1; period * TURNS <= end; period++) {
    let same = true
    for (let i = 1; same && i <= period * (TURNS - 1); i++) same = rows[end - i] === rows[end - i - period]
    if (same) return period
  }
  return 0
}
