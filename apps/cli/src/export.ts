// SPDX-License-Identifier: MIT
/** `bottomhalf export`: a saved schedule as a program for other checkers. */
import type { Command } from 'commander'
import type { SubjectFiles } from './check.js'
import { runJob } from './checking/runJob.js'
import type { ReplayOutcome } from './checking/job.js'
import { ExitCode } from './exitCodes.js'
import { UsageError } from './failure.js'
import { writeText } from './output.js'
import { replayJob } from './replay.js'

interface Flags extends SubjectFiles { c: boolean, save?: string }

/** Add `export` to the program. `done` gets the exit code. */
export function addExport(program: Command, done: (code: number) => void): void {
  program.command('export')
    .summary('write a saved schedule as a program for other checkers')
    .description('Write what the CPUs of a saved schedule did as a program: the operations of each, in order, with the values\n' +
      'that were read as assumptions, and what breaks as an assertion.')
    .argument('<SCHEDULE.json>', 'the schedule')
    .option('--c', 'in C11, with atomics, pthreads and __VERIFIER_assume', false)
    .option('--program <file>', 'the text program that it is of: FILE, or FILE#NAME (default: the model that it names)')
    .option('--model <file>', 'the module with the model that it is of: FILE, or FILE#NAME')
    .option('--protocol <file>', 'the protocol that it ran with, if that was a file')
    .option('--save <file>', 'where it goes (default: standard output)')
    .action(async (file: string, flags: Flags) => { done(await runExport(file, flags)) })
}

async function runExport(file: string, { c, save, ...files }: Flags): Promise<number> {
  if (!c) throw new UsageError('export: expected the language: --c')
  const { shown } = await runJob(replayJob('export', file, files, { html: false, chrome: false, c, lanes: undefined })) as ReplayOutcome
  if (save === undefined) process.stdout.write(shown.c ?? '')
  else writeText(save, shown.c ?? '')
  return ExitCode.Done
}
