// SPDX-License-Identifier: MIT
/**
 * Checks models of real code, and runs their schedules again.
 *
 * The environment may name a schedule: `BOTTOMHALF_REPLAY=FILE` makes `explore` run that schedule alone where it meets
 * its model, so that a failing test replays with the command that ran it.
 */
import { readFileSync } from 'node:fs'
import { checkProgram, type CheckOptions, type CheckResult } from '../check.js'
import { follow, type Followed } from '../follow.js'
import type { EndJudge } from '../judge.js'
import { lanes } from '../lanes.js'
import { minimise } from '../minimise.js'
import type { Violation } from '../program.js'
import { replay, ReplayError, type Replay, type ReplayOptions } from '../replay.js'
import { ruleOf } from '../rule.js'
import { parseSchedule, type Schedule } from '../schedule.js'
import type { ModelDefinition } from './model.js'
import { loadMachine } from './port.js'
import { modelProgram, type ModelProgram } from './program.js'

export interface ExploreOptions extends Omit<CheckOptions, 'atRest' | 'origin'> {
  /** Make the schedule of a violation small, for so many seconds. Default: 5; 0 leaves it as it was found. */
  readonly minimiseSeconds?: number
}

export interface Exploration extends CheckResult {
  /** The invariant that is broken (`I5`), if its message or kind tells. */
  readonly rule: string | undefined
  /** The verdict with its bounds in words, and the execution that shows a violation as lanes. */
  readonly report: string
}

/** Run a model through every interleaving, or as far as the options let it. Throws what the model's setup throws. */
export async function explore<S>(model: ModelDefinition<S>, options: ExploreOptions = {}): Promise<Exploration> {
  const { program, judge } = modelProgram(model, await loadMachine())
  const { minimiseSeconds = 5, ...rest } = options
  const checked: CheckOptions = { ...rest, ...judge, origin: { parameters: model.parameters ?? {} } }
  const pinned = pinnedSchedule(program.name)
  const result = checkProgram(program, pinned === null ? checked : { ...checked, maxExecutions: 1 })
  const schedule = pinned ?? result.schedule
  if (schedule === null) return explored(result, '')
  try {
    const small = pinned !== null || minimiseSeconds === 0
      ? schedule
      : minimise(program, schedule, { ...checked, maxSeconds: minimiseSeconds }).schedule
    const { session, violation } = replay(program, small, checked)
    const found = { ...result, verdict: violation === null ? result.verdict : 'violation' as const, schedule: small }
    return explored({ ...found, violation: violation ?? result.violation }, lanes(session.executor, violation))
  } catch (error) {
    if (!(error instanceof ReplayError) || pinned !== null) throw error
    return explored({ ...result, violation: differs(error) }, '')
  }
}

/** Run a schedule of a model again. Throws `ReplayError` where the code does something else now. */
export async function replayModel<S>(
  model: ModelDefinition<S>, schedule: Schedule, options: ReplayOptions = {},
): Promise<Replay> {
  const { program, judge } = modelProgram(model, await loadMachine())
  return replay(program, schedule, { ...options, ...judge })
}

/** Run the choices of a schedule on a model whose code is another one than the schedule's. */
export async function followModel<S>(
  model: ModelDefinition<S>, schedule: Schedule, options: EndJudge = {},
): Promise<Followed> {
  const { program, judge } = modelProgram(model, await loadMachine())
  return follow(program, schedule, { ...options, ...judge })
}

/** A model as a program with the look at its ends, for `checkProgram`, `replay` and `minimise`. */
export async function programOf<S>(model: ModelDefinition<S>): Promise<ModelProgram> {
  return modelProgram(model, await loadMachine())
}

function differs({ message, step }: ReplayError): Violation {
  return { kind: 'nondeterminism', message: `two runs of one schedule differ: ${message}`, step, context: '-' }
}

function pinnedSchedule(program: string): Schedule | null {
  const file = process.env['BOTTOMHALF_REPLAY']
  if (file === undefined || file === '') return null
  const schedule = parseSchedule(readFileSync(file, 'utf8'))
  return schedule.program === program ? schedule : null
}

function explored(result: CheckResult, shown: string): Exploration {
  const rule = result.violation === null ? undefined : ruleOf(result.violation)
  const report = shown === '' ? summary(result) : `${summary(result)}\n\n${shown}`
  return { ...result, rule, report }
}

function summary(result: CheckResult): string {
  const { program, verdict, strategy, mode, executions, classes, violation } = result
  const bounds = `${strategy}, interrupts ${mode === 'exactly' ? 'exactly' : 'at most'} as often as the model says`
  const count = `${executions} executions, ${classes.complete + classes.blocked} classes`
  const head = `${program}: ${verdict} (${bounds}; ${count})`
  return violation === null ? head : `${head}\n${violation.kind}: ${violation.message}`
}
