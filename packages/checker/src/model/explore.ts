// SPDX-License-Identifier: MIT
/** Checks models of real code. */
import { checkProgram, type CheckOptions, type CheckResult } from '../check.js'
import { lanes } from '../lanes.js'
import { minimise } from '../minimise.js'
import type { Violation } from '../program.js'
import { replay, ReplayError, type Replay, type ReplayOptions } from '../replay.js'
import type { Schedule } from '../schedule.js'
import type { ModelDefinition } from './model.js'
import { loadMachine } from './port.js'
import { modelProgram } from './program.js'

export interface ExploreOptions extends Omit<CheckOptions, 'atRest' | 'origin'> {
  /** Make the schedule of a violation small, for so many seconds. Default: 5; 0 leaves it as it was found. */
  readonly minimiseSeconds?: number
}

export interface Exploration extends CheckResult {
  /** The verdict with its bounds in words, and the execution that shows a violation as lanes. */
  readonly report: string
}

/** Run a model through every interleaving, or as far as the options let it. */
export async function explore<S>(model: ModelDefinition<S>, options: ExploreOptions = {}): Promise<Exploration> {
  const program = modelProgram(model, await loadMachine())
  const { minimiseSeconds = 5, ...rest } = options
  const checked: CheckOptions = {
    ...rest, ...model.atRest === undefined ? {} : { atRest: model.atRest }, origin: { parameters: model.parameters ?? {} },
  }
  const result = checkProgram(program, checked)
  if (result.schedule === null) return { ...result, report: summary(result) }
  try {
    const schedule = minimiseSeconds === 0
      ? result.schedule
      : minimise(program, result.schedule, { ...checked, maxSeconds: minimiseSeconds }).schedule
    const { session, violation } = replay(program, schedule, checked)
    const found = { ...result, schedule, violation: violation ?? result.violation }
    return { ...found, report: `${summary(found)}\n\n${lanes(session.executor, violation)}` }
  } catch (error) {
    if (!(error instanceof ReplayError)) throw error
    const violation: Violation = {
      kind: 'nondeterminism', message: `two runs of one schedule differ: ${error.message}`, step: error.step, context: '-',
    }
    const found = { ...result, violation }
    return { ...found, report: summary(found) }
  }
}

/** Run a schedule of a model again. Throws `ReplayError` where the code does something else now. */
export async function replayModel<S>(
  model: ModelDefinition<S>, schedule: Schedule, options: ReplayOptions = {},
): Promise<Replay> {
  const program = modelProgram(model, await loadMachine())
  return replay(program, schedule, { ...options, ...model.atRest === undefined ? {} : { atRest: model.atRest } })
}

function summary(result: CheckResult): string {
  const { program, verdict, strategy, mode, executions, classes, violation } = result
  const bounds = `${strategy}, interrupts ${mode === 'exactly' ? 'exactly' : 'at most'} as often as the model says`
  const head = `${program}: ${verdict} (${bounds}; ${executions} executions, ${classes.complete + classes.blocked} classes)`
  return violation === null ? head : `${head}\n${violation.kind}: ${violation.message}`
}
