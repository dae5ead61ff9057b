// SPDX-License-Identifier: MIT
/** Looks at an end of an execution: is something broken there? */
import { blockedViolation } from './ends.js'
import type { Executor } from './executor.js'
import type { Violation } from './program.js'

/** What a predicate at rest can look at. */
export interface End {
  readonly executor: Executor
  /** Whether every context finished; otherwise the end is a blocked one. */
  readonly isComplete: boolean
  /** Number of handlers that entered. */
  readonly arrived: number
  /** What a word holds, by address. */
  readonly word: (address: number) => number
}

/** Says what is wrong at an end; undefined if nothing is. */
export type AtRest = (end: End) => string | undefined

export interface EndJudge {
  readonly atRest?: AtRest
  /** Whether a blocked end is nothing wrong. */
  readonly allowBlocked?: boolean
  /** Whether blocks that are still allocated at a complete end are nothing wrong. */
  readonly allowLeaks?: boolean
}

/** What is broken at the present end, if it is one. */
export function judgeEnd(executor: Executor, judge: EndJudge): Violation | null {
  if (executor.violation !== null) return executor.violation
  if (!executor.isEnd()) return null
  const isComplete = executor.isComplete()
  if (!isComplete && judge.allowBlocked !== true) return blockedViolation(executor)
  const message = judge.atRest?.(endOf(executor, isComplete))
  if (message !== undefined) return { kind: 'at-rest', message, step: executor.depth, context: '-' }
  return !isComplete || judge.allowLeaks === true ? null : leak(executor)
}

function leak(executor: Executor): Violation | null {
  const blocks = executor.liveBlocks()
  if (blocks.length === 0) return null
  const message = `${blocks.length} blocks are still allocated: ${blocks.map((address) => executor.program.wordName(address)).join(', ')}`
  return { kind: 'leak', message, step: executor.depth, context: '-' }
}

function endOf(executor: Executor, isComplete: boolean): End {
  const { trace, depth, bases, memory } = executor
  let arrived = 0
  for (let labels = trace.started[depth]! & ~bases; labels !== 0; labels &= labels - 1) arrived++
  const word = (address: number): number => {
    executor.lookAt(address)
    return memory[address] ?? 0
  }
  return { executor, isComplete, arrived, word }
}
