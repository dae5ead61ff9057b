// SPDX-License-Identifier: MIT
/**
 * Many schedules of one small program: all of them within a bound, or a random sample.
 *
 *     const machine = lockstep({ cpus: 2, interrupts: 'free' })
 *     machine.call(0, () => setupThings())
 *     const result = exhaustive(machine, () => {
 *       machine.spawn(0, () => writer())
 *       machine.spawn(1, () => reader())
 *     }, (outcome) => { expect(outcome.verdict).toBe('finished') })
 *
 * The memory is put back before each execution and at the end; what the program keeps outside, the spawn function resets. Naive
 * enumeration: for tens of steps. The checker is the tool for more.
 */
import type { Lockstep, Outcome, RunOptions } from './engine.js'
import { entersInterrupt, laneOf, random, sticky } from './schedule.js'
import type { Choice, Scheduler } from './schedule.js'

export interface ExploreOptions extends RunOptions {
  /** Give up (not `complete`) after so many executions. Default: 200 000. */
  readonly maxExecutions?: number
  /** At most so many switches away from a lane that could have gone on, and entered interrupts. Default: no bound. */
  readonly preemptions?: number
  /** Verdicts that are no failure by themselves. Default: finished and idle. */
  readonly accept?: readonly Outcome['verdict'][]
}

export interface Failure {
  readonly reason: string
  /** Replay it with `machine.run(explicit(schedule))`. */
  readonly schedule: readonly Choice[]
  readonly outcome: Outcome
  readonly error: Error | undefined
}

export interface Exploration {
  readonly executions: number
  /** Everything within the bound was seen, or a failure ended it. */
  readonly complete: boolean
  readonly deepest: number
  readonly failure: Failure | undefined
}

type Check = (outcome: Outcome) => void

/** Every schedule, depth first, until one fails. `check` throws to fail an execution. */
export function exhaustive(
  machine: Lockstep, spawn: () => void, check: Check, options: ExploreOptions = {},
): Exploration {
  const { maxExecutions = 200_000 } = options
  const path: Branch[] = []
  let deepest = 0
  return withRestore(machine, (reset) => {
    for (let executions = 1; ; executions++) {
      reset()
      spawn()
      const outcome = machine.run(follower(path, options.preemptions), options)
      deepest = Math.max(deepest, path.length)
      const failure = judge(outcome, check, options)
      if (failure !== undefined) return { executions, complete: false, deepest, failure }
      if (!advancePath(path)) return { executions, complete: true, deepest, failure: undefined }
      if (executions >= maxExecutions) return { executions, complete: false, deepest, failure: undefined }
    }
  })
}

export interface SampleOptions extends ExploreOptions {
  readonly runs: number
  readonly seed: number
}

/** `runs` random schedules, half of them with few switches, until one fails. The failing seed is in the reason. */
export function sample(machine: Lockstep, spawn: () => void, check: Check, options: SampleOptions): Exploration {
  let deepest = 0
  return withRestore(machine, (reset) => {
    for (let n = 0; n < options.runs; n++) {
      reset()
      spawn()
      const seed = options.seed + n
      const outcome = machine.run(n % 2 === 0 ? random(seed) : sticky(seed, 0.85), options)
      deepest = Math.max(deepest, outcome.steps)
      const failure = judge(outcome, check, options, ` (run ${n} of seed ${options.seed})`)
      if (failure !== undefined) return { executions: n + 1, complete: false, deepest, failure }
    }
    return { executions: options.runs, complete: true, deepest, failure: undefined }
  })
}

function withRestore(machine: Lockstep, search: (reset: () => void) => Exploration): Exploration {
  const start = machine.snapshot()
  const result = search(() => { machine.restore(start) })
  machine.restore(start)
  return result
}

function judge(outcome: Outcome, check: Check, options: ExploreOptions, where = ''): Failure | undefined {
  const accepted = options.accept ?? ['finished', 'idle']
  const failed = (reason: string, error?: Error): Failure =>
    ({ reason: reason + where, schedule: outcome.schedule, outcome, error: error ?? outcome.error })
  if (!accepted.includes(outcome.verdict)) return failed(reasonOf(outcome))
  try {
    check(outcome)
    return undefined
  } catch (error) {
    return failed(error instanceof Error ? error.message : String(error), error instanceof Error ? error : undefined)
  }
}

/** One line: the verdict, the error, who waits for what. */
export function reasonOf(outcome: Outcome): string {
  const waits = outcome.waiting.map(({ cpu, name, what }) => `${cpu < 0 ? name : `CPU ${cpu}`} waits for ${what}`)
  return [outcome.verdict, outcome.error?.message, ...waits].filter((part) => part !== undefined).join('; ')
}

// ---- the path: what was offered at each step, and which of it was taken

interface Branch { readonly options: readonly Choice[], taken: number }

function follower(path: Branch[], bound = Number.POSITIVE_INFINITY): Scheduler {
  let depth = 0
  let spent = 0
  return {
    next(offered, current) {
      const branch = path[depth] ??= { options: within(offered, current, bound - spent), taken: 0 }
      depth++
      const choice = branch.options[branch.taken]
      if (choice === undefined) throw new Error('the program under test is not deterministic: an earlier step offered more')
      if (isPreemption(choice, offered, current)) spent++
      return choice
    },
  }
}

/** Going on first, so that the first execution has no preemption. */
function within(offered: readonly Choice[], current: number, left: number): Choice[] {
  const sorted = [...offered].sort((a, b) => rank(a, current) - rank(b, current))
  return left > 0 ? sorted : sorted.filter((choice) => !isPreemption(choice, offered, current))
}

function rank(choice: Choice, current: number): number {
  return (laneOf(choice) === current ? 0 : 2) + (entersInterrupt(choice) ? 1 : 0)
}

function isPreemption(choice: Choice, offered: readonly Choice[], current: number): boolean {
  const goOn = offered.find((other) => laneOf(other) === current && !entersInterrupt(other))
  return goOn !== undefined && choice !== goOn
}

function advancePath(path: Branch[]): boolean {
  for (;;) {
    const last = path.at(-1)
    if (last === undefined) return false
    last.taken++
    if (last.taken < last.options.length) return true
    path.pop()
  }
}
