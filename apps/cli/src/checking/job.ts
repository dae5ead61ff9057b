// SPDX-License-Identifier: MIT
/**
 * What the command asks of the thread that searches, and what it answers: plain data.
 *
 * The search has a thread of its own because models run on the stepped build of the packages, the command on the native
 * one; and because the command can then answer signals while it goes on.
 */
import type { CheckResult, Progress, StrategyName } from '@bottomhalf/checker'

/** What is checked: exactly one of `model`, `program` and `file`. */
export interface SubjectSpec {
  /** A model by name. */
  readonly model?: string | undefined
  /** A text program: FILE or FILE#NAME. */
  readonly program?: string | undefined
  /** A module that exports models: FILE or FILE#NAME. */
  readonly file?: string | undefined
  /** Of a model that has forms; undefined: production. */
  readonly form?: string | undefined
  /** A file that takes the place of the protocol, for such a model; instead of `form`. */
  readonly protocol?: string | undefined
  readonly set: Readonly<Record<string, number>>
  /** Undefined: as the model has it. */
  readonly mode?: Arrivals | undefined
}

export type Arrivals = 'exactly' | 'atmost' | 'threads'

export interface SearchSpec {
  /** Undefined: as the subject has it. */
  readonly strategy?: StrategyName | undefined
  readonly order?: 'base-first' | 'reversed' | number | undefined
  readonly preemptions?: number | undefined
  readonly runs?: number | undefined
  readonly seed?: number | undefined
  readonly seconds?: number | undefined
  readonly executions?: number | undefined
  readonly steps?: number | undefined
  /** Stop at the first violation. Undefined: as the subject has it. */
  readonly first?: boolean | undefined
  readonly workers: number
  /** Where checkpoints go while it lasts, and a file with one to begin from. */
  readonly checkpoint?: string | undefined
  readonly resume?: string | undefined
  /** Seconds to make a schedule small; 0: leave it as it was found. */
  readonly minimiseSeconds: number
}

/** What of an execution to make. `command`: how to run it again. */
export interface ShowSpec {
  readonly html: boolean
  readonly chrome: boolean
  /** Name functions as the original does. */
  readonly originals?: boolean
  /** As a program of C, for other checkers. */
  readonly c?: boolean
  /** Columns of a lane; undefined: what the longest step needs. */
  readonly lanes: number | undefined
  readonly command: string
}

export interface CheckJob { readonly kind: 'check', readonly subject: SubjectSpec, readonly search: SearchSpec, readonly show: ShowSpec }

/** Parts of that search, for another thread. */
export type PartsJob = Pick<CheckJob, 'subject' | 'search'>

export interface ReplayJob {
  readonly kind: 'replay'
  readonly file: string
  readonly program?: string | undefined
  readonly model?: string | undefined
  readonly protocol?: string | undefined
  readonly minimiseSeconds: number
  readonly show: ShowSpec
}

export type Job = CheckJob | ReplayJob

/** An execution in all the forms that were asked for. */
export interface Shown {
  readonly schedule: string
  readonly lanes: string
  readonly html?: string
  readonly chrome?: string
  readonly c?: string
}

export interface CheckOutcome extends Omit<CheckResult, 'digest' | 'schedule' | 'checkpoint' | 'mode'> {
  readonly mode: string
  readonly parameters: Readonly<Record<string, number>>
  readonly form?: string
  /** What the verdict is about, a line each. */
  readonly bounds: readonly string[]
  readonly checkpoint: string | null
  /** Equal for two searches that found the same classes. */
  readonly digest: string
  readonly shown: Shown | null
  /** Whether no smaller schedule exists, and its preemptions; null: nobody knows. */
  readonly isMinimal: boolean
  readonly schedulePreemptions: number | null
  readonly wasStopped: boolean
}

export interface ReplayOutcome {
  readonly program: string
  readonly steps: number
  readonly violation: CheckResult['violation']
  readonly shown: Shown
}

export type Outcome = CheckOutcome | ReplayOutcome

export type Message =
  | { readonly kind: 'progress', readonly progress: Progress }
  | { readonly kind: 'done', readonly outcome: Outcome }
  | { readonly kind: 'failed', readonly code: number, readonly message: string }
