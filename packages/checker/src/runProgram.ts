// SPDX-License-Identifier: MIT
/** Programs of the text form by name, counted. */
import { checkProgram, type CheckOptions, type CheckResult } from './check.js'
import { compile, type LitmusProgram } from './litmus/compile.js'
import { parsePrograms } from './litmus/parse.js'
import { didYouMean } from './models/nearest.js'

/** How interrupts are taken: INTERRUPTS.md. */
export type ProgramMode = 'exactly' | 'atMost' | 'threads'

export interface RunOptions extends Omit<CheckOptions, 'mode' | 'origin'> {
  /** Which program of the text; needed if it has several. */
  readonly name?: string
  readonly mode?: ProgramMode
}

/** Name that no program has. */
export class UnknownProgramError extends Error {
  override readonly name = 'UnknownProgramError'
}

/**
 * Read a program. Throws `LitmusError` with line and column, or `UnknownProgramError` with the names that there are.
 */
export function loadProgram(text: string, options: Pick<RunOptions, 'name' | 'mode'> = {}): LitmusProgram {
  const programs = parsePrograms(text)
  const program = options.name === undefined && programs.length === 1
    ? programs[0]
    : programs.find((candidate) => candidate.name === options.name)
  if (program === undefined) {
    const names = programs.map((candidate) => candidate.name)
    const problem = options.name === undefined ? 'no name given' : `no program ${options.name}`
    throw new UnknownProgramError(`${problem}: there are ${names.join(', ')}${didYouMean(options.name ?? '', names)}`)
  }
  return compile(program, { threads: options.mode === 'threads' })
}

/** Count the executions of a program of the text form. By default blocked ends are counted, not violations. */
export function runProgram(text: string, options: RunOptions = {}): CheckResult {
  const { mode = 'exactly', ...rest } = options
  const program = loadProgram(text, options)
  return checkProgram(program, {
    collect: true, allowBlocked: true, ...rest,
    mode: mode === 'atMost' ? 'atMost' : 'exactly',
    origin: { threads: mode === 'threads' },
  })
}
