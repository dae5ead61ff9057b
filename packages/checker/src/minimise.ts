// SPDX-License-Identifier: MIT
/**
 * The smallest schedule that shows a violation: fewest preemptions, then fewest steps.
 *
 * Bounded search with 0, 1, 2, ... preemptions finds the smallest number; then the same bound is searched with ever
 * shorter paths until there is none. Both are exhaustive, so within its time limit the result is the smallest there is.
 */
import { checkProgram, type CheckOptions } from './check.js'
import type { EndJudge } from './judge.js'
import type { Program } from './program.js'
import type { Schedule } from './schedule.js'

export interface MinimiseOptions extends EndJudge, Pick<CheckOptions, 'dataRaces' | 'maxSteps' | 'allowLong' | 'onlyMessage' | 'origin' | 'now'> {
  /** Default: 10. */
  readonly maxSeconds?: number
  /** Largest number of preemptions to try. Default: 6. */
  readonly preemptions?: number
}

export interface Minimised {
  readonly schedule: Schedule
  /** Preemptions of the schedule, if it was found here. */
  readonly preemptions: number | null
  /** Whether nothing smaller exists, or time ran out before that was known. */
  readonly isMinimal: boolean
}

/** Make a schedule that ends in a violation smaller. Any violation of the same kind will do. */
export function minimise(program: Program, schedule: Schedule, options: MinimiseOptions = {}): Minimised {
  const { maxSeconds = 10, preemptions = 6, now = () => performance.now(), ...rest } = options
  const deadline = now() + maxSeconds * 1000
  const kind = schedule.violation?.kind
  const find = (from: number, to: number, steps: number): Schedule | null | 'late' => {
    const left = (deadline - now()) / 1000
    if (left <= 0) return 'late'
    const result = checkProgram(program, {
      ...rest, mode: schedule.mode, strategy: 'bounded', fromPreemptions: from, preemptions: to, depthLimit: { steps },
      maxSeconds: left, now, onlyKind: kind,
    })
    return result.schedule ?? (result.verdict === 'unfinished' ? 'late' : null)
  }
  for (let bound = 0; bound <= preemptions; bound++) {
    const found = find(bound, bound, Infinity)
    if (found === 'late') break
    if (found !== null) return shorten(found, bound, (steps) => find(bound, bound, steps))
  }
  return { schedule, preemptions: null, isMinimal: false }
}

function shorten(first: Schedule, preemptions: number, find: (steps: number) => Schedule | null | 'late'): Minimised {
  let schedule = first
  for (;;) {
    const shorter = find(schedule.steps.length / 4 - 1)
    if (shorter === 'late' || shorter === null) return { schedule, preemptions, isMinimal: shorter === null }
    schedule = shorter
  }
}
