// SPDX-License-Identifier: MIT
/** What a search is told, and what it answers. */
import type { Checkpoint } from './checkpoint.js'
import type { EndJudge } from './judge.js'
import type { OrderName } from './order.js'
import type { Mode, Violation, ViolationKind } from './program.js'
import type { Progress } from './progress.js'
import type { Schedule, ScheduleOrigin } from './schedule.js'
import type { Counts } from './search.js'
import type { StrategyName, StrategyOptions } from './strategies/create.js'

export interface CheckOptions extends EndJudge, StrategyOptions {
  readonly mode?: Mode
  readonly strategy?: StrategyName
  /** In which order to try things; a number is a seed. Changes the way, never the result. Default: base-first. */
  readonly order?: OrderName
  /** Go on behind violations and count them; otherwise the first one ends the search. Default: false. */
  readonly collect?: boolean
  /** Look for violations of this kind only. */
  readonly onlyKind?: ViolationKind | undefined
  /** Look for violations only whose message contains this: one defect among several. */
  readonly onlyMessage?: string
  /** Try every order of all steps, also of those that nobody else can see (models only). Default: off. */
  readonly everyStep?: boolean
  /** Report data races on plain accesses. Default: if there are any. */
  readonly dataRaces?: boolean
  /** Steps of one execution, at most. Default: 10 000; stateful: a million. */
  readonly maxSteps?: number
  /**
   * Whether a longer execution is nothing wrong, only not looked at further: for loops that wait for another CPU. `stateful`
   * has no such limit then: the loop is a circle of states.
   */
  readonly allowLong?: boolean
  readonly maxExecutions?: number
  readonly maxSeconds?: number
  /** Called about once a second, or as often as `progressEverySeconds` says. */
  readonly progress?: (progress: Progress) => void
  readonly progressEverySeconds?: number
  /** Called now and then with what a search could go on from. */
  readonly checkpointed?: (checkpoint: Checkpoint) => void
  /** How often. Default: 30. */
  readonly checkpointEverySeconds?: number
  /** Asked now and then, between two executions: whether to stop here, as at a limit. */
  readonly stop?: () => boolean
  /** Go on where a search of the same program with the same options stopped. */
  readonly resume?: Checkpoint
  /** Milliseconds from anywhere. Default: the host's. */
  readonly now?: () => number
  /** What a schedule says of where its program came from. */
  readonly origin?: ScheduleOrigin
}

export interface CheckResult extends Readonly<Counts> {
  readonly program: string
  readonly mode: Mode
  readonly strategy: StrategyName
  /** clean: everything within the bounds was explored and nothing is wrong. */
  readonly verdict: 'clean' | 'violation' | 'unfinished'
  /** Distinct classes of complete and of blocked executions, and of those in which something is wrong. */
  readonly classes: { readonly complete: number, readonly blocked: number, readonly wrong: number }
  /** Whether those are exact; otherwise there are so many at most. */
  readonly exact: boolean
  /** What the unfinished contexts of the blocked ends wait for, each once. */
  readonly waitSignatures: readonly string[]
  readonly violation: Violation | null
  /** The execution that shows the violation. */
  readonly schedule: Schedule | null
  readonly seconds: number
  /** Bounded search: the largest number of preemptions that was exhausted; null without end: all schedules were. */
  readonly preemptions?: number | null
  /** Stateful search: number of states. */
  readonly states?: number
  /** To go on later, if the search stopped at a limit. */
  readonly checkpoint: Checkpoint | null
  /** Equal for two searches that found the same classes. */
  readonly digest: () => string
}
