// SPDX-License-Identifier: MIT
/**
 * `bottomhalf check`: every interleaving of a small program, counted; or the schedule that breaks it.
 *
 * A program is one of the models that come with the checker, or a file in the text form.
 */
import { writeFileSync } from 'node:fs'
import { InputError } from '@bottomhalf/base'
import {
  CheckpointError, formatCheckpoint, formatSchedule, lanes, LitmusError, minimise, ModelError, modelNamed, models,
  modelText, loadProgram, parseCheckpoint, replay, runProgram, strategyNames, UnknownProgramError,
} from '@bottomhalf/checker'
import type { CheckResult, LitmusProgram, ProgramMode, Progress, RunOptions, StrategyName } from '@bottomhalf/checker'
import { InvalidArgumentError, Option, type Command } from 'commander'
import { ExitCode } from './exitCodes.js'
import { UsageError } from './failure.js'
import { readText } from './input.js'
import { statusLine } from './progress.js'
import { checkSummary, modelList } from './checkReport.js'
import { wholeNumber } from './values.js'

interface Flags {
  program?: string
  mode: 'exactly' | 'atmost' | 'threads'
  strategy: StrategyName
  set: Record<string, number>
  order?: 'base-first' | 'reversed' | number
  preemptions?: number
  runs?: number
  seed?: number
  maxSeconds?: number
  maxExecutions?: number
  first: boolean
  out: string
  checkpoint?: string
  resume?: string
  list: boolean
  json: boolean
}

/** What is checked: its text, its name in it, and how a message calls it. */
interface Subject { readonly text: string, readonly name: string, readonly file: string, readonly mode: ProgramMode }

/** Add `check` to the program. `done` gets the exit code. */
export function addCheck(program: Command, done: (code: number) => void): void {
  program.command('check')
    .summary('run a small program through every interleaving')
    .description('Explore every interleaving of a small program, interrupts included, and count what can happen; or find\n' +
      'the schedule in which an assertion breaks. MODEL is one of `--list`.')
    .argument('[MODEL]', 'a model that comes with the checker')
    .option('--program <file>', 'a program in the text form instead: FILE, or FILE#NAME if it has several')
    .addOption(new Option('--mode <mode>', 'interrupts: each exactly once, at most once, or as threads')
      .choices(['exactly', 'atmost', 'threads']).default('exactly'))
    .addOption(new Option('--strategy <name>', 'how to search').choices([...strategyNames]).default('dpor'))
    .option('--set <name=value>', 'a parameter of the model; may be repeated', parameter, {})
    .option('--order <order>', 'base-first, reversed, or a seed: changes the way, never the result', order)
    .option('--preemptions <n>', 'bounded search: preemptions at most', wholeNumber(0, 100))
    .option('--runs <n>', 'random, pct: executions', wholeNumber(1, 1e9))
    .option('--seed <n>', 'random, pct: seed', wholeNumber(0, 0xffffffff))
    .option('--max-seconds <n>', 'stop after so many seconds', wholeNumber(1, 1e6))
    .option('--max-executions <n>', 'stop after so many executions', wholeNumber(1, 1e12))
    .option('--first', 'stop at the first violation and show its schedule', false)
    .option('--out <file>', 'where the schedule of a violation goes', 'schedule.json')
    .option('--checkpoint <file>', 'where a search that was stopped by a limit goes')
    .option('--resume <file>', 'go on with a stopped search')
    .option('--list', 'list the models', false)
    .option('--json', 'print one JSON object', false)
    .action((model: string | undefined, flags: Flags) => { done(check(model, flags)) })
}

function check(model: string | undefined, flags: Flags): number {
  if (flags.list) {
    process.stdout.write(flags.json ? `${JSON.stringify({ models })}\n` : `${modelList(models)}\n`)
    return ExitCode.Done
  }
  const subject = subjectOf(model, flags)
  const line = statusLine(process.stderr)
  const options = optionsOf(subject, flags, (p) => { line.show(progressText(p)) })
  const result = withPlace(subject, () => runProgram(subject.text, options))
  line.end()
  if (result.checkpoint !== null && flags.checkpoint !== undefined) {
    writeFileSync(flags.checkpoint, formatCheckpoint(result.checkpoint))
  }
  const text = flags.json ? JSON.stringify(jsonOf(subject, flags, result)) : checkSummary(result)
  process.stdout.write(`${text}\n`)
  if (result.verdict === 'violation') return showViolation(subject, flags, result)
  return result.verdict === 'clean' ? ExitCode.Done : ExitCode.Unfinished
}

// ---- what is checked

function subjectOf(model: string | undefined, flags: Flags): Subject {
  if ((model === undefined) === (flags.program === undefined)) {
    throw new UsageError('check: expected either a MODEL (bottomhalf check --list) or --program FILE')
  }
  return flags.program === undefined ? modelSubject(model ?? '', flags) : fileSubject(flags.program, flags)
}

function modelSubject(name: string, flags: Flags): Subject {
  try {
    const { threads = false } = modelNamed(name)
    const mode = threads && flags.mode === 'exactly' ? 'threads' : modeOf(flags)
    return { text: modelText(name, flags.set), name, file: name, mode }
  } catch (error) {
    throw error instanceof ModelError ? new UsageError(`check: ${error.message}`) : error
  }
}

function fileSubject(program: string, flags: Flags): Subject {
  const hash = program.lastIndexOf('#')
  const file = hash < 0 ? program : program.slice(0, hash)
  const name = hash < 0 ? '' : program.slice(hash + 1)
  return { text: readText(file, 'a program in the text form'), name, file, mode: modeOf(flags) }
}

function modeOf({ mode }: Flags): ProgramMode {
  return mode === 'atmost' ? 'atMost' : mode
}

function optionsOf(subject: Subject, flags: Flags, progress: (p: Progress) => void): RunOptions {
  const { strategy, order, preemptions, runs, seed, maxSeconds, maxExecutions, resume } = flags
  const given = { order, preemptions, runs, seed, maxSeconds, maxExecutions }
  const defined = Object.fromEntries(Object.entries(given).filter(([, value]) => value !== undefined))
  return {
    ...defined, strategy, mode: subject.mode, progress, collect: !flags.first,
    ...subject.name === '' || isModel(subject) ? {} : { name: subject.name },
    ...resume === undefined ? {} : { resume: readCheckpoint(resume) },
  }
}

function isModel(subject: Subject): boolean {
  return subject.file === subject.name
}

function readCheckpoint(file: string): ReturnType<typeof parseCheckpoint> {
  try {
    return parseCheckpoint(readText(file, 'a checkpoint'))
  } catch (error) {
    if (!(error instanceof CheckpointError)) throw error
    throw new InputError({ file, line: 0, column: 0 }, error.message, 'what --checkpoint writes')
  }
}

/** Errors of the text as bad input with their place. */
function withPlace<T>({ file }: Subject, action: () => T): T {
  try {
    return action()
  } catch (error) {
    if (error instanceof LitmusError) {
      const { line, column } = error
      throw new InputError({ file, line, column }, error.message.replace(/^\d+:\d+: /, ''), 'the text form of programs')
    }
    const expected = error instanceof UnknownProgramError ? 'FILE#NAME' : 'a checkpoint of this very search'
    if (!(error instanceof UnknownProgramError || error instanceof CheckpointError)) throw error
    throw new InputError({ file, line: 0, column: 0 }, error.message, expected)
  }
}

// ---- what was found

function jsonOf(subject: Subject, flags: Flags, result: CheckResult): object {
  const { classes, waitSignatures, executions, redundant, steps, maxDepth, verdict, violation } = result
  const mode = flags.mode === 'exactly' ? subject.mode : flags.mode
  return {
    program: result.program, mode, strategy: result.strategy, verdict,
    complete: classes.complete, blocked: classes.blocked, wrong: classes.wrong, waitSignatures,
    executions, redundant, steps, maxDepth, seconds: result.seconds,
    ...result.preemptions === undefined ? {} : { preemptions: result.preemptions },
    ...result.states === undefined ? {} : { states: result.states },
    violation,
  }
}

function showViolation(subject: Subject, flags: Flags, result: CheckResult): number {
  if (result.schedule === null) return ExitCode.Violation
  const program = programOf(subject)
  const found = minimise(program, result.schedule, { maxSeconds: 5 })
  const schedule = { ...found.schedule, parameters: flags.set, threads: subject.mode === 'threads' }
  writeFileSync(flags.out, formatSchedule(schedule))
  if (flags.json) return ExitCode.Violation
  const { session, violation } = replay(program, schedule)
  process.stdout.write(`\n${lanes(session.executor, violation)}\n\n`)
  process.stdout.write(`${found.isMinimal ? 'the smallest schedule there is' : 'a schedule'}, saved; run it again:\n`)
  process.stdout.write(`  bottomhalf replay ${flags.out}${flags.program === undefined ? '' : ` --program ${flags.program}`}\n`)
  return ExitCode.Violation
}

function programOf(subject: Subject): LitmusProgram {
  const named = isModel(subject) || subject.name === '' ? {} : { name: subject.name }
  return loadProgram(subject.text, { mode: subject.mode, ...named })
}

function progressText(p: Progress): string {
  const left = Number.isFinite(p.executionsLeft) ? `, about ${p.executionsLeft} left` : ''
  return `${p.executions} executions (${p.executionsPerSecond}/s), depth ${p.depth}, ${p.classes} classes${left}`
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
