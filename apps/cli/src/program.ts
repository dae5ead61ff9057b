// SPDX-License-Identifier: MIT
/** The program: its commands and what they have in common. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { addCheck } from './check.js'
import { addExport } from './export.js'
import { oneLine } from './failure.js'
import { addHistory } from './history.js'
import { addProtocol } from './protocol.js'
import { addReplay } from './replay.js'
import { addRun } from './run.js'

/** Build the program. `done` gets the exit code of the command that ran. */
export function createProgram(done: (code: number) => void): Command {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }
  const program = new Command('bottomhalf')
    .description('the deferred interrupt work of a hypervisor: run it, check it, and see what it costs')
    .version(version)
    .exitOverride()
    .configureOutput({
      outputError: (text) => { process.stderr.write(`${oneLine(text.replace(/^error: /, 'bottomhalf: '))}\n`) },
      writeErr: () => undefined,   // the whole help, where one line does
    })
  addRun(program, done)
  addCheck(program, done)
  addReplay(program, done)
  addExport(program, done)
  addHistory(program, done)
  addProtocol(program, done)
  return program
}
