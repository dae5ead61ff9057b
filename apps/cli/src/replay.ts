// SPDX-License-Identifier: MIT
/** `bottomhalf replay`: run a saved schedule again, step by step, and show it. */
import type { Command } from 'commander'
import { replayCommand, saveAll, type SubjectFiles } from './check.js'
import type { ReplayJob, ReplayOutcome, ShowSpec } from './checking/job.js'
import { runJob } from './checking/runJob.js'
import { ExitCode } from './exitCodes.js'
import { UsageError } from './failure.js'
import { laneWidth, minimiseSeconds } from './values.js'

interface Flags extends SubjectFiles {
  lanes?: number
  c: boolean
  html?: string
  chrome?: string
  minimise?: number | true
  save?: string
  json: boolean
}

/** Add `replay` to the program. `done` gets the exit code. */
export function addReplay(program: Command, done: (code: number) => void): void {
  program.command('replay')
    .summary('run a saved schedule again')
    .description('Run a schedule that `check` saved again, compare every step with what it says, and show it as lanes:\n' +
      'a column per CPU, a line per step, what runs with IF = 0 shaded, and beside it the line and the rule.')
    .argument('<SCHEDULE.json>', 'the schedule')
    .option('--program <file>', 'the text program that it is of: FILE, or FILE#NAME (default: the model that it names)')
    .option('--model <file>', 'the module with the model that it is of: FILE, or FILE#NAME')
    .option('--protocol <file>', 'the protocol that it ran with, if that was a file')
    .option('--lanes <columns>', 'width of a lane, 12 to 120 (default: what the longest step needs)', laneWidth)
    .option('--c', 'name functions as the original, which is in C, does', false)
    .option('--html <file>', 'write it as a page to step through')
    .option('--chrome <file>', 'write it as Chrome trace events')
    .option('--minimise [time]', 'make it smaller first, for so long (bare: 60s)', minimiseSeconds)
    .option('--save <file>', 'write the schedule, made smaller with --minimise')
    .option('--json', 'print one JSON object', false)
    .action(async (file: string, flags: Flags) => { done(await runReplay(file, flags)) })
}

async function runReplay(file: string, flags: Flags): Promise<number> {
  const { save, html, chrome, lanes, c, minimise } = flags
  const show = { html: html !== undefined, chrome: chrome !== undefined, lanes, originals: c }
  const job = replayJob('replay', file, flags, show, minimise === true ? 60 : minimise ?? 0)
  const command = replayCommand(save ?? file, flags)
  const outcome = await runJob({ ...job, show: { ...job.show, command } }) as ReplayOutcome
  const { program, steps, violation, shown } = outcome
  saveAll(shown, { save, html, chrome })
  process.stdout.write(flags.json ? `${JSON.stringify({ program, steps, violation })}\n` : `${shown.lanes}\n`)
  return violation === null ? ExitCode.Done : ExitCode.Violation
}

/** The job of running a schedule again. Throws `UsageError` for files of which only one can be. */
export function replayJob(
  command: string, file: string, files: SubjectFiles, show: Omit<ShowSpec, 'command'>, minimiseSeconds = 0,
): ReplayJob {
  const { program, model, protocol } = files
  if ([program, model, protocol].filter((one) => one !== undefined).length > 1) {
    throw new UsageError(`${command}: --program, --model and --protocol exclude one another`)
  }
  const again = replayCommand(file, { program, model, protocol })
  return { kind: 'replay', file, program, model, protocol, minimiseSeconds, show: { ...show, command: again } }
}
