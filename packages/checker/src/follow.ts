// SPDX-License-Identifier: MIT
/**
 * Runs the choices of a schedule on other code: the execution of that code which is nearest to the one that was saved.
 *
 * FO1  Where the context that the schedule names can go, it goes; otherwise its turn is left out. Behind the last choice the
 *      rest runs to its end, the first context that can go first.
 */
import type { EndJudge } from './judge.js'
import { judgeEnd } from './judge.js'
import type { Program, Violation } from './program.js'
import { ReplayError } from './replay.js'
import { digestOf, labelsOf, type Schedule } from './schedule.js'
import { Session } from './session.js'

export interface Followed {
  /** The first step that is another one than the schedule's; null: there is none. */
  readonly differsAt: number | null
  /** What is broken at the end of the execution, which need not be that of the schedule. */
  readonly violation: Violation | null
}

/** Follow a schedule on code that is not its own. Throws `ReplayError` for a program with other contexts. */
export function follow(program: Program, schedule: Schedule, judge: EndJudge = {}): Followed {
  const names = program.contexts.map((context) => context.name)
  if (names.join() !== schedule.contexts.join()) {
    throw new ReplayError(0, `the program has contexts ${names.join(', ')}, the schedule ${schedule.contexts.join(', ')}`)
  }
  const session = new Session(program, { mode: schedule.mode })
  const { executor } = session
  let differsAt: number | null = null
  for (const [i, label] of labelsOf(schedule).entries()) {
    if (executor.violation !== null) break
    const canGo = ((executor.enabled() >>> label) & 1) !== 0
    if (canGo) session.step(label)
    const isSame = canGo && digestOf(executor, executor.depth - 1) === schedule.steps.slice(4 * i, 4 * i + 4)
    if (!isSame) differsAt ??= i
  }
  while (!executor.isEnd()) session.step(31 - Math.clz32(executor.enabled() & -executor.enabled()))
  return { differsAt, violation: judgeEnd(executor, judge) }
}
