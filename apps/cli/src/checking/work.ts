// SPDX-License-Identifier: MIT
/** Does a job: search or replay, and what there is to show of the execution. */
import { InputError } from '@bottomhalf/base'
import {
  canSplit, checkParallel, checkProgram, CheckpointError, formatCheckpoint, formatSchedule, lanes, minimise,
  parseCheckpoint, parseSchedule, replay, ReplayError, ScheduleError, subtreeExplorer,
} from '@bottomhalf/checker'
import type { Checkpoint, CheckOptions, CheckResult, Progress, Schedule, Subtree, SubtreeResult } from '@bottomhalf/checker'
import { chromeTrace, cProgram, playerData, playerPage, type PlayerData, type PlayerPlace } from '@bottomhalf/player'
import { UsageError } from '../failure.js'
import { readText } from '../input.js'
import { replaceText } from '../output.js'
import { startHelpers } from './helpers.js'
import type { CheckJob, CheckOutcome, Job, Outcome, PartsJob, ReplayJob, ReplayOutcome, SearchSpec, ShowSpec, Shown }
  from './job.js'
import { loadSubject, type Subject } from './subject.js'

export interface Ties {
  readonly progress: (progress: Progress) => void
  readonly stop: () => boolean
}

export async function work(job: Job, ties: Ties): Promise<Outcome> {
  return job.kind === 'check' ? await check(job, ties) : await replayed(job)
}

// ---- check

async function check({ subject: spec, search, show }: CheckJob, { progress, stop }: Ties): Promise<CheckOutcome> {
  const subject = await loadSubject(spec)
  const options = optionsOf(subject, search)
  const workers = workersOf(search, options)
  const explore = async (from: Pick<CheckOptions, 'resume'>): Promise<CheckResult> => {
    const all = { ...options, ...from, ...checkpointsTo(search.checkpoint), progress, stop }
    if (workers === 1) return checkProgram(subject.program, all)
    return checkParallel(subject.program, { ...all, helpers: () => startHelpers(workers, { subject: spec, search }) })
  }
  const found = search.resume === undefined ? await explore({}) : await resumed(search.resume, explore)
  const { digest, schedule, checkpoint, ...result } = found
  const small = schedule === null ? null : smaller(subject, schedule, search, options)
  const shown = small === null ? null : shownOrFickle(subject, small.schedule, show, factsOf(subject, result))
  return {
    ...result, violation: shown?.fickle ?? result.violation, mode: subject.threads ? 'threads' : result.mode, parameters: subject.parameters,
    ...subject.form === undefined ? {} : { form: subject.form },
    bounds: boundsOf(subject, found),
    checkpoint: checkpoint === null ? null : formatCheckpoint(checkpoint),
    shown: shown?.shown ?? null,
    digest: digest(),
    isMinimal: small?.isMinimal ?? false, schedulePreemptions: small?.preemptions ?? null, wasStopped: stop(),
  }
}

/** The execution that was found, run again. Code that does something else then is not deterministic: that is what is wrong. */
function shownOrFickle(subject: Subject, schedule: Schedule, show: ShowSpec, facts: readonly string[]) {
  try {
    return { shown: shownOf(subject, schedule, show, facts), fickle: null }
  } catch (error) {
    if (!(error instanceof ReplayError)) throw error
    const message = `two runs of one schedule differ: ${error.message}`
    return { shown: null, fickle: { kind: 'nondeterminism', message, step: error.step, context: '-' } as const }
  }
}

function workersOf({ workers }: SearchSpec, options: CheckOptions): number {
  if (workers === 1 || canSplit(options)) return workers
  throw new UsageError('check: --workers is for dpor and naive, in an order that is no seed: nothing else finds the same in parts')
}

function checkpointsTo(file: string | undefined): Pick<CheckOptions, 'checkpointed'> {
  if (file === undefined) return {}
  return { checkpointed: (checkpoint) => { replaceText(file, formatCheckpoint(checkpoint)) } }
}

/** Explores parts of a search for another thread. */
export async function partExplorer({ subject: spec, search }: PartsJob): Promise<(part: Subtree) => SubtreeResult> {
  const subject = await loadSubject(spec)
  return subtreeExplorer(subject.program, optionsOf(subject, search))
}

function optionsOf(subject: Subject, search: SearchSpec): CheckOptions {
  const { order, preemptions, runs, seed, seconds, executions, steps, first = !subject.counts } = search
  const given = { order, preemptions, runs, seed, maxSeconds: seconds, maxExecutions: executions, maxSteps: steps }
  return {
    ...subject.judge, ...Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined)),
    mode: subject.mode, strategy: search.strategy ?? (preemptions === undefined ? subject.strategy : 'bounded'),
    collect: !first,
    origin: originOf(subject),
  }
}

function originOf({ parameters, threads, form }: Subject): NonNullable<CheckOptions['origin']> {
  return { parameters, threads, ...form === undefined ? {} : { form } }
}

async function resumed(
  file: string, search: (from: { resume: Checkpoint }) => Promise<CheckResult>,
): Promise<CheckResult> {
  const refuse = (error: unknown, expected: string): unknown =>
    error instanceof CheckpointError ? new InputError({ file, line: 0, column: 0 }, error.message, expected) : error
  let checkpoint
  try {
    checkpoint = parseCheckpoint(readText(file, 'a checkpoint'))
  } catch (error) {
    throw refuse(error, 'what --checkpoint writes')
  }
  try {
    return await search({ resume: checkpoint })
  } catch (error) {
    throw refuse(error, 'a checkpoint of this very search')
  }
}

function smaller(subject: Subject, schedule: Schedule, { minimiseSeconds }: SearchSpec, options: CheckOptions) {
  if (minimiseSeconds === 0) return { schedule, preemptions: null, isMinimal: false }
  const { judge, program } = subject
  return minimise(program, schedule, { ...judge, origin: options.origin ?? {}, maxSeconds: minimiseSeconds })
}

// ---- replay

async function replayed(job: ReplayJob): Promise<ReplayOutcome> {
  const schedule = readSchedule(job.file)
  const subject = await subjectOf(job, schedule)
  try {
    const { program, judge } = subject
    const maxSeconds = schedule.violation === null ? 0 : job.minimiseSeconds
    const shortest = maxSeconds === 0
      ? schedule
      : minimise(program, schedule, { ...judge, origin: schedule, maxSeconds }).schedule
    const { violation } = replay(program, shortest, judge)
    const shown = shownOf(subject, shortest, job.show, factsOf(subject))
    return { program: schedule.program, steps: shortest.steps.length / 4, violation, shown }
  } catch (error) {
    if (!(error instanceof ReplayError)) throw error
    throw new InputError({ file: job.file, line: 0, column: 0 }, error.message, 'a schedule of this program')
  }
}

function readSchedule(file: string): Schedule {
  try {
    return parseSchedule(readText(file, 'a schedule'))
  } catch (error) {
    if (!(error instanceof ScheduleError)) throw error
    throw new InputError({ file, line: 0, column: 0 }, error.message, 'what `bottomhalf check` saves')
  }
}

async function subjectOf({ file, program, model, protocol }: ReplayJob, schedule: Schedule): Promise<Subject> {
  const { parameters: set, threads, mode, form } = schedule
  const spec = { set, mode: threads ? 'threads' : mode === 'atMost' ? 'atmost' : 'exactly' } as const
  const named = (text: string): string => (text.includes('#') ? text : `${text}#${schedule.program}`)
  if (program !== undefined) return await loadSubject({ ...spec, program: named(program) })
  if (model !== undefined) return await loadSubject({ ...spec, file: named(model) })
  try {
    const withForm = protocol === undefined ? { form } : { protocol }
    return await loadSubject({ ...spec, ...withForm, model: schedule.program })
  } catch (error) {
    if (!(error instanceof UsageError && error.message.includes('no model'))) throw error
    throw new UsageError(`replay: ${file} is of ${schedule.program}, which is no model here: name its file with --program or --model`)
  }
}

// ---- what there is to show

function shownOf(subject: Subject, schedule: Schedule, show: ShowSpec, facts: readonly string[]): Shown {
  const { program, judge, readSource } = subject
  const data = playerData(program, schedule, { ...judge, facts, command: show.command, readSource })
  const { session, violation } = replay(program, schedule, judge)
  return {
    schedule: formatSchedule({ ...schedule, violation: violation ?? schedule.violation }),
    lanes: lanes(session.executor, violation, {
      ...show.lanes === undefined ? {} : { width: show.lanes }, remark: (d) => remarkOf(data, d, show.originals),
    }),
    ...show.html ? { html: playerPage(data) } : {},
    ...show.chrome ? { chrome: chromeTrace(data) } : {},
    ...show.c === true ? { c: cProgram(session.executor, violation, { facts, remark: (d) => remarkOf(data, d) }) } : {},
  }
}

/** Beside a step: its line, and the rules that stand there; before them, if asked for, what the original calls its functions. */
function remarkOf({ steps, sources }: PlayerData, d: number, originals = false): string {
  const { places, rules } = steps[d] ?? { places: [], rules: [] }
  const [place] = places
  if (place === undefined) return ''
  const names = originals ? originalNames(places) : []
  return [...names, `${sources[place.source]?.name ?? '?'}:${place.line}`, ...rules.map(({ label }) => label)].join(' ')
}

/** The innermost two functions that have a name there, the outer one first. */
function originalNames(places: readonly PlayerPlace[]): string[] {
  const named = places.flatMap(({ original }) => original === undefined ? [] : [original])
  return named.length === 0 ? [] : [named.slice(0, 2).reverse().join(' > ')]
}

/** What a verdict is about. */
function boundsOf(subject: Subject, { preemptions, strategy, verdict, states = 0 }: CheckResult): string[] {
  const { program: { contexts, cpuCount, nest } } = subject
  const handlers = contexts.filter((context) => context.kind !== 'base').length
  const parts = [plural(cpuCount, 'CPU'), plural(contexts.length - handlers, 'thread'), plural(handlers, 'interrupt handler')]
  const size = parts.join(', ')
  return [
    ...subject.form === undefined ? [] : [`form ${subject.form}`],
    handlers === 0 ? size : `${size}, ${nest} at once on a CPU; ${arrivalsOf(subject)}`,
    ...strategy !== 'bounded' ? [] : [preemptionsText(preemptions)],
    ...strategy === 'stateful' && verdict === 'clean' ? [`exhausted: every schedule, ${plural(states, 'state')}`] : [],
    'memory: sequentially consistent (docs/limits.md says what that cannot show)',
  ]
}

/** `exhausted`: null if all schedules were; negative if no number was. */
function preemptionsText(exhausted: number | null | undefined): string {
  if (exhausted === null) return 'any number of preemptions'
  return exhausted === undefined || exhausted < 0
    ? 'no number of preemptions exhausted'
    : `at most ${plural(exhausted, 'preemption')}`
}

function plural(n: number, word: string): string {
  return `${n} ${word}${n === 1 ? '' : 's'}`
}

function arrivalsOf({ threads, mode }: Subject): string {
  if (threads) return 'interrupts: threads that hold their CPU'
  return `interrupts: each ${mode === 'exactly' ? 'exactly' : 'at most'} once`
}

function factsOf(subject: Subject, result?: Pick<CheckResult, 'strategy' | 'executions'>): string[] {
  const form = subject.form === undefined ? [] : [`form ${subject.form}`]
  const search = result === undefined ? [] : [`found by ${result.strategy} after ${result.executions} executions`]
  return [...form, arrivalsOf(subject), ...search, 'memory: sequentially consistent']
}
