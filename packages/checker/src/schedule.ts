// SPDX-License-Identifier: MIT
/**
 * A schedule: the choices of one execution as data, small enough for a repository, enough to run it again bit for bit.
 *
 * SC1  A schedule of other code is recognised at the first step that differs.
 */
import type { Executor } from './executor.js'
import type { Mode, Violation } from './program.js'
import { hashRow } from './rowHash.js'

const SCHEDULE_VERSION = 1

export interface Schedule {
  readonly version: number
  readonly program: string
  /** Values of the program's parameters, if it has any. */
  readonly parameters: Readonly<Record<string, number>>
  /** Which of several forms of the code, if the model has them. */
  readonly form?: string
  readonly mode: Mode
  /** Interrupts as threads: the program was changed before it ran. */
  readonly threads: boolean
  readonly codeHash: string
  readonly contexts: readonly string[]
  /** Which context goes how many steps, in order: `[context, steps]`. */
  readonly choices: readonly (readonly [number, number])[]
  /** Four hexadecimal digits a step: what it did. */
  readonly steps: string
  readonly violation: Violation | null
}

/** A file that is no schedule. */
export class ScheduleError extends Error {
  override readonly name = 'ScheduleError'
}

export interface ScheduleOrigin {
  readonly parameters?: Readonly<Record<string, number>>
  readonly threads?: boolean
  readonly form?: string
}

/** The present execution as a schedule. */
export function scheduleOf(executor: Executor, violation: Violation | null, origin: ScheduleOrigin = {}): Schedule {
  const { program, mode, trace, depth } = executor
  const labels = Array.from({ length: depth }, (_, d) => trace.label[d]!)
  return {
    version: SCHEDULE_VERSION,
    program: program.name,
    parameters: origin.parameters ?? {},
    ...origin.form === undefined ? {} : { form: origin.form },
    mode,
    threads: origin.threads ?? false,
    codeHash: codeHashOf(executor),
    contexts: program.contexts.map((context) => context.name),
    choices: runLengths(labels),
    steps: labels.map((_, d) => digestOf(executor, d)).join(''),
    violation,
  }
}

/** The choices of a schedule, a context a step. */
export function labelsOf(schedule: Schedule): number[] {
  return schedule.choices.flatMap(([label, count]) => Array<number>(count).fill(label))
}

/** What step `d` did, in four digits. */
export function digestOf(executor: Executor, d: number): string {
  return (hashRow(executor.trace, d) & 0xffff).toString(16).padStart(4, '0')
}

export function codeHashOf(executor: Executor): string {
  return (executor.program.codeHash >>> 0).toString(16).padStart(8, '0')
}

/** As a file holds it. */
export function formatSchedule(schedule: Schedule): string {
  const { choices, ...rest } = schedule
  const head = JSON.stringify(rest, null, 1)
  return `${head.slice(0, -2)},\n "choices": ${JSON.stringify(choices)}\n}\n`
}

/** Read what `formatSchedule` wrote. Throws `ScheduleError`. */
export function parseSchedule(text: string): Schedule {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    throw new ScheduleError('the schedule is not JSON: the file is truncated or something else')
  }
  if (typeof data !== 'object' || data === null) throw new ScheduleError('the schedule is no object')
  const schedule = data as Partial<Schedule>
  if (schedule.version !== SCHEDULE_VERSION) {
    throw new ScheduleError(`the schedule has version ${String(schedule.version)}, expected ${SCHEDULE_VERSION}`)
  }
  const problem = problemOf(schedule)
  if (problem !== '') throw new ScheduleError(`the schedule has ${problem}`)
  return data as Schedule
}

function problemOf(schedule: Partial<Schedule>): string {
  const { program, contexts, choices, steps, codeHash, mode } = schedule
  if (typeof program !== 'string') return 'no program'
  if (typeof codeHash !== 'string') return 'no codeHash'
  if (mode !== 'exactly' && mode !== 'atMost') return 'no mode (exactly or atMost)'
  if (!Array.isArray(contexts)) return 'no contexts'
  if (!Array.isArray(choices) || !choices.every(isChoice)) return 'no choices ([context, steps] each)'
  const total = (choices as [number, number][]).reduce((sum, [, count]) => sum + count, 0)
  if (typeof steps !== 'string' || steps.length !== total * 4) return `no record of its ${total} steps`
  const unknown = (choices as [number, number][]).find(([label]) => label >= contexts.length)
  return unknown === undefined ? '' : `a choice of context ${unknown[0]}, but only ${contexts.length} contexts`
}

function isChoice(choice: unknown): boolean {
  return Array.isArray(choice) && choice.length === 2 && choice.every((n) => Number.isInteger(n) && Number(n) >= 0)
}

function runLengths(labels: readonly number[]): [number, number][] {
  const runs: [number, number][] = []
  for (const label of labels) {
    const last = runs.at(-1)
    if (last?.[0] === label) last[1]++
    else runs.push([label, 1])
  }
  return runs
}
