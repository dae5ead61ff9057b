// SPDX-License-Identifier: MIT
/**
 * `bottomhalf check`: every interleaving of a small program, or the schedule that breaks it.
 *
 * A program is one of the models that come along, a file in the text form, or a model in a module of the user's.
 */
import { models, strategyNames } from '@bottomhalf/checker'
import type { Progress, StrategyName } from '@bottomhalf/checker'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { checkJson, checkSummary, modelList, progressText } from './checkReport.js'
import type { Arrivals, CheckJob, CheckOutcome, Shown } from './checking/job.js'
import { runJob } from './checking/runJob.js'
import { ExitCode } from './exitCodes.js'
import { UsageError } from './failure.js'
import { replaceText, writeText } from './output.js'
import { statusLine } from './progress.js'
import { checkTable, type TableFlags } from './protocolTable.js'
import { StopRequest } from './signals.js'
import { DEFAULT_MINIMISE_SECONDS, laneWidth, minimiseSeconds, seconds, wholeNumber } from './values.js'
import { atEachSave } from './watching.js'

interface Flags {
  program?: string
  model?: string
  form?: string
  protocol?: string
  watch: boolean
  mode?: Arrivals
  strategy?: StrategyName
  set: Record<string, number>
  order?: 'base-first' | 'reversed' | number
  preemptions?: number
  runs?: number
  seed?: number
  time?: number
  executions?: number
  steps?: number
  first?: boolean
  all?: boolean
  minimise?: number | true
  save?: string
  html?: string
  chrome?: string
  lanes?: number
  workers: number
  c: boolean
  checkpoint?: string
  resume?: string
  list: boolean
  json: boolean
}

/** Add `check` to the program. `done` gets the exit code. */
export function addCheck(program: Command, done: (code: number) => void): void {
  const command = program.command('check')
    .summary('run a small program through every interleaving')
    .description('Explore every interleaving of a small program, interrupts included, and count what can happen; or find\n' +
      'the schedule that breaks it. MODEL is one of `--list`.')
    .argument('[MODEL]', 'a model that comes along')
  subjectOptions(command)
  searchOptions(command)
  resultOptions(command)
  command.action(async (model: string | undefined, flags: Flags) => { done(await check(model, flags)) })
}

function subjectOptions(command: Command): void {
  command
    .option('--program <file>', 'a program in the text form instead: FILE, or FILE#NAME if it has several')
    .option('--model <file>', 'a model in a module of TypeScript instead: FILE, or FILE#NAME if it has several')
    .option('--set <name=value>', 'a parameter of the model; may be repeated', parameter, {})
    .option('--form <name>', 'which form of the protocol, for models that have forms (default: F, production)')
    .option('--protocol <file>', 'a protocol of your own, for models that have forms; without MODEL: over the whole table')
    .option('--watch', 'with --protocol: again at each save', false)
    .addOption(new Option('--mode <mode>', 'interrupts: each exactly once, at most once, or as threads (default: as the model has it, else exactly)')
      .choices(['exactly', 'atmost', 'threads']))
}

function searchOptions(command: Command): void {
  command
    .addOption(new Option('--strategy <name>', 'how to search (default: dpor; models with forms: bounded)').choices([...strategyNames]))
    .option('--order <order>', 'base-first, reversed, or a seed: changes the way, never the result', order)
    .option('--preemptions <n>', 'bounded search: preemptions at most', wholeNumber(0, 100))
    .option('--runs <n>', 'random, pct: executions', wholeNumber(1, 1e9))
    .option('--seed <n>', 'random, pct: seed', wholeNumber(0, 0xffffffff))
    .option('--time <time>', 'stop after so long: seconds, or like 500ms, 2m', seconds)
    .option('--executions <n>', 'stop after so many executions', wholeNumber(1, 1e12))
    .option('--steps <n>', 'steps of one execution at most', wholeNumber(1, 1e6))
    .option('--first', 'stop at the first violation (models: that is so without)')
    .option('--all', 'go on behind a violation and count them all (text programs: that is so without)')
    .option('--workers <n>', 'threads of a search with dpor or naive', wholeNumber(1, 64), 1)
    .option('--checkpoint <file>', 'where a search goes that a limit or Ctrl-C stopped, and every 30 s while it lasts')
    .option('--resume <file>', 'go on with a stopped search')
}

function resultOptions(command: Command): void {
  command
    .option('--minimise [time]', 'how long to make the schedule of a violation smaller, 0: not at all (default: 5s; bare: 60s)', minimiseSeconds)
    .option('--save <file>', 'where the schedule goes (default: NAME.schedule.json)')
    .option('--html <file>', 'write the schedule as a page to step through')
    .option('--chrome <file>', 'write the schedule as Chrome trace events')
    .option('--lanes <columns>', 'width of a lane, 12 to 120 (default: what the longest step needs)', laneWidth)
    .option('--c', 'lanes: name functions as the original, which is in C, does', false)
    .option('--list', 'list the models', false)
    .option('--json', 'print one JSON object', false)
}

async function check(model: string | undefined, flags: Flags): Promise<number> {
  if (flags.list) {
    const { protocolModels } = await import('./checking/protocolList.js')
    const all = [...models, ...protocolModels()]
    process.stdout.write(flags.json ? `${JSON.stringify({ models: all })}\n` : `${modelList(all)}\n`)
    return ExitCode.Done
  }
  const { protocol, watch } = flags
  if (protocol === undefined && watch) throw new UsageError('check: --watch is for --protocol')
  const once = onceOf(model, flags)
  return protocol !== undefined && watch ? atEachSave(protocol, once) : once()
}

/** What the command line asks for: a search, or a protocol over the whole table. */
function onceOf(model: string | undefined, flags: Flags): () => Promise<number> {
  const { protocol, program, model: file } = flags
  if (protocol !== undefined && [model, program, file].every((one) => one === undefined)) {
    return () => checkTable(protocol, tableFlags(flags))
  }
  const job = jobOf(model, flags)
  return () => search(job, flags)
}

/** Options that mean something for the whole table; `list`, `set`, `c` and `workers` are always there. */
const TABLE_OPTIONS: readonly string[] =
  ['protocol', 'watch', 'preemptions', 'executions', 'json', 'list', 'set', 'c', 'workers']

function tableFlags(flags: Flags): TableFlags {
  const { preemptions, executions: maxExecutions, json, set } = flags
  const other = Object.keys(set).length > 0 ? 'set' : Object.keys(flags).find((name) => !TABLE_OPTIONS.includes(name))
  if (other !== undefined) throw new UsageError(`check: --${other} needs a MODEL beside --protocol`)
  return {
    json,
    ...preemptions === undefined ? {} : { preemptions }, ...maxExecutions === undefined ? {} : { maxExecutions },
  }
}

async function search(job: CheckJob, flags: Flags): Promise<number> {
  const line = statusLine(process.stderr)
  const stop = new StopRequest()
  let outcome: CheckOutcome
  try {
    const progress = (p: Progress): void => { line.show(progressText(p)) }
    outcome = await runJob(job, { progress, signal: stop.signal }) as CheckOutcome
  } finally {
    line.end()
    stop.release()
  }
  report(job, flags, outcome)
  if (outcome.verdict === 'violation') return ExitCode.Violation
  return stop.exitCode ?? (outcome.verdict === 'clean' ? ExitCode.Done : ExitCode.Unfinished)
}

function jobOf(model: string | undefined, flags: Flags): CheckJob {
  const { program, model: file, set, form, protocol, mode, first, all, time, minimise } = flags
  if ([model, program, file].filter((one) => one !== undefined).length !== 1) {
    throw new UsageError('check: expected either a MODEL (bottomhalf check --list), --program FILE or --model FILE')
  }
  if (first === true && all === true) throw new UsageError('check: --first and --all exclude one another')
  if (model === undefined && Object.keys(set).length > 0) {
    throw new UsageError('check: --set is for a MODEL: a file has no parameters')
  }
  if (form !== undefined && protocol !== undefined) throw new UsageError('check: --form and --protocol exclude one another')
  const { strategy, order: way, preemptions, runs, seed, executions, steps, workers, checkpoint, resume } = flags
  const command = replayCommand(scheduleFile(model, flags), flags)
  return {
    kind: 'check',
    subject: { model, program, file, form, protocol, set, mode },
    search: {
      strategy, order: way, preemptions, runs, seed, executions, steps, workers, checkpoint, resume, seconds: time,
      first: first ?? (all === true ? false : undefined),
      minimiseSeconds: minimise === true ? 60 : minimise ?? DEFAULT_MINIMISE_SECONDS,
    },
    show: {
      html: flags.html !== undefined, chrome: flags.chrome !== undefined, lanes: flags.lanes, originals: flags.c,
      command,
    },
  }
}

function nameOf(file: string): string {
  return file.slice(Math.max(file.lastIndexOf('#'), file.lastIndexOf('/')) + 1).replace(/\.[^.]*$/, '')
}

function scheduleFile(model: string | undefined, { save, program, model: file }: Flags): string {
  const name = model ?? nameOf(program ?? file ?? '')
  return save ?? `${name.replace(/[^\w.-]/g, '-')}.schedule.json`
}

/** The file that a schedule's program comes from, if it does not come along. */
export type SubjectFiles = { readonly [name in 'program' | 'model' | 'protocol']?: string | undefined }

/** How to run a schedule again. */
export function replayCommand(schedule: string, { program, model, protocol }: SubjectFiles): string {
  const [given] = Object.entries({ program, model, protocol }).filter(([, file]) => file !== undefined)
  return `bottomhalf replay ${schedule}${given === undefined ? '' : ` --${given[0]} ${given[1] ?? ''}`}`
}

// ---- what was found

function report(job: CheckJob, flags: Flags, outcome: CheckOutcome): void {
  const { checkpoint, html, chrome } = flags
  const save = scheduleFile(job.subject.model, flags)
  if (outcome.checkpoint !== null && checkpoint !== undefined) replaceText(checkpoint, outcome.checkpoint)
  const saved = outcome.shown === null ? undefined : { file: save, command: job.show.command }
  if (outcome.shown !== null) saveAll(outcome.shown, { save, html, chrome })
  process.stdout.write(`${flags.json ? JSON.stringify(checkJson(outcome, saved)) : checkSummary(outcome, saved)}\n`)
  if (outcome.wasStopped && checkpoint === undefined && !flags.json) {
    statusLine(process.stderr).note('stopped; with --checkpoint FILE the search could go on later')
  }
}

type Files = Readonly<Record<'save' | 'html' | 'chrome', string | undefined>>

/** Write an execution in every form that was asked for. */
export function saveAll(shown: Shown, { save, html, chrome }: Files): void {
  if (save !== undefined) writeText(save, shown.schedule)
  if (html !== undefined) writeText(html, shown.html ?? '')
  if (chrome !== undefined) writeText(chrome, shown.chrome ?? '')
}

// ---- values of options

function parameter(text: string, before: Record<string, number>): Record<string, number> {
  const match = /^([A-Za-z]\w*)=(\d+)$/.exec(text)
  if (match === null) throw new InvalidArgumentError('Expected NAME=NUMBER.')
  return { ...before, [match[1] ?? '']: Number(match[2]) }
}

function order(text: string): 'base-first' | 'reversed' | number {
  if (text === 'base-first' || text === 'reversed') return text
  if (/^\d+$/.test(text)) return Number(text)
  throw new InvalidArgumentError('Expected base-first, reversed or a seed.')
}
