// SPDX-License-Identifier: MIT
/** `bottomhalf replay`: run a saved schedule again, step by step, and show it as lanes. */
import { InputError } from '@bottomhalf/base'
import {
  lanes, loadProgram, ModelError, modelText, parseSchedule, replay, ReplayError, ScheduleError,
  type LitmusProgram, type Replay, type Schedule,
} from '@bottomhalf/checker'
import { InvalidArgumentError, type Command } from 'commander'
import { ExitCode } from './exitCodes.js'
import { UsageError } from './failure.js'
import { readText } from './input.js'

interface Flags { program?: string, lanes: number, json: boolean }

/** Add `replay` to the program. `done` gets the exit code. */
export function addReplay(program: Command, done: (code: number) => void): void {
  program.command('replay')
    .summary('run a saved schedule again')
    .description('Run a schedule that `check` saved again, compare every step with what it says, and show it as lanes:\n' +
      'a column per CPU, a line per step, what runs with IF = 0 shaded.')
    .argument('<SCHEDULE.json>', 'the schedule')
    .option('--program <file>', 'the program that it is of: FILE, or FILE#NAME (default: the model that it names)')
    .option('--lanes <columns>', 'width of a lane, 12 to 120', laneWidth, 26)
    .option('--json', 'print one JSON object', false)
    .action((file: string, flags: Flags) => { done(runReplay(file, flags)) })
}

function runReplay(file: string, flags: Flags): number {
  const schedule = readSchedule(file)
  const program = loadProgram(textOf(schedule, flags), {
    mode: schedule.threads ? 'threads' : schedule.mode, name: schedule.program,
  })
  const { session, violation } = replayed(file, program, schedule)
  const steps = session.executor.depth
  if (flags.json) process.stdout.write(`${JSON.stringify({ program: schedule.program, steps, violation })}\n`)
  else process.stdout.write(`${lanes(session.executor, violation, { width: flags.lanes })}\n`)
  return violation === null ? ExitCode.Done : ExitCode.Violation
}

function replayed(file: string, program: LitmusProgram, schedule: Schedule): Replay {
  try {
    return replay(program, schedule)
  } catch (error) {
    if (!(error instanceof ReplayError)) throw error
    throw new InputError({ file, line: 0, column: 0 }, error.message, 'a schedule of this program')
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

function textOf(schedule: Schedule, flags: Flags): string {
  if (flags.program !== undefined) return readText(flags.program.replace(/#[^#]*$/, ''), 'a program in the text form')
  try {
    return modelText(schedule.program, schedule.parameters)
  } catch (error) {
    if (!(error instanceof ModelError)) throw error
    throw new UsageError(`replay: ${error.message}; or name its file with --program`)
  }
}

function laneWidth(text: string): number {
  const width = Number(text)
  if (/^\d+$/.test(text) && width >= 12 && width <= 120) return width
  throw new InvalidArgumentError('Expected a whole number from 12 to 120.')
}
