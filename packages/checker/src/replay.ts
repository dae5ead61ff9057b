// SPDX-License-Identifier: MIT
/** Runs a schedule again, step by step, and compares each step with what the schedule says it did. */
import type { Executor } from './executor.js'
import type { EndJudge } from './judge.js'
import { judgeEnd } from './judge.js'
import { opName } from './op.js'
import type { CodePlace, Program, Violation } from './program.js'
import { codeHashOf, digestOf, labelsOf, type Schedule } from './schedule.js'
import { Session, type SessionOptions } from './session.js'

/** The code does not do what the schedule says. */
export class ReplayError extends Error {
  override readonly name = 'ReplayError'
  /** The first step that differs. */
  readonly step: number

  constructor(step: number, message: string) {
    super(`step ${step}: ${message}`)
    this.step = step
  }
}

export interface Replay {
  /** At the end of the schedule: its trace is the execution. */
  readonly session: Session
  /** What is broken there. */
  readonly violation: Violation | null
}

export interface ReplayOptions extends Pick<SessionOptions, 'dataRaces'>, EndJudge {
  /** Sees every step when it was taken, and where its operation stands in the source; first, as step -1, the start. */
  readonly watch?: (executor: Executor, step: number, places: readonly CodePlace[]) => void
}

/** Run a schedule on a program. Throws `ReplayError` where the program does something else. */
export function replay(program: Program, schedule: Schedule, options: ReplayOptions = {}): Replay {
  const names = program.contexts.map((context) => context.name)
  if (names.join() !== schedule.contexts.join()) {
    throw new ReplayError(0, `the program has contexts ${names.join(', ')}, the schedule ${schedule.contexts.join(', ')}`)
  }
  const labels = labelsOf(schedule)
  const { kind } = schedule.violation ?? {}
  const maxSteps = labels.length + (kind === 'step-limit' || kind === 'livelock' ? 0 : 1)
  const places = options.watch !== undefined
  const session = new Session(program, { ...options, spins: true, maxSteps, mode: schedule.mode, places })
  const { executor } = session
  options.watch?.(executor, -1, [])
  labels.forEach((label, d) => {
    const code = executor.hasStarted(label) ? executor.contexts.places?.(label) ?? [] : []
    stepAsRecorded(session, schedule, label, d)
    options.watch?.(executor, d, code)
  })
  return { session, violation: judgeEnd(session.executor, options) }
}

function stepAsRecorded(session: Session, schedule: Schedule, label: number, d: number): void {
  const { executor } = session
  const name = schedule.contexts[label] ?? '-'
  const otherCode = codeHashOf(executor) === schedule.codeHash ? '' : ' (the schedule is of another version of the code)'
  if (((executor.enabled() >>> label) & 1) === 0) {
    throw new ReplayError(d, `${name} cannot run here${otherCode}`)
  }
  session.step(label)
  if (digestOf(executor, d) === schedule.steps.slice(d * 4, d * 4 + 4)) return
  const { trace, program } = executor
  const place = trace.length[d] === 0 ? '' : ` ${program.wordName(trace.address[d]!)}`
  throw new ReplayError(d, `${name} does ${opName(trace.op[d]!)}${place} = ${trace.value[d]!}, the schedule has another step${otherCode}`)
}
