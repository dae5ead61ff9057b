// SPDX-License-Identifier: MIT
/** An error to one line and an exit code. */
import { CommanderError } from 'commander'
import { ExitCode } from './exitCodes.js'

/** The command line is well formed but asks for what cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** The result cannot be written: a full disk, for example. */
export class OutputError extends Error {
  override readonly name = 'OutputError'

  constructor(cause: NodeJS.ErrnoException) {
    super(`standard output cannot be written (${cause.code ?? cause.message})`, { cause })
  }
}

/** Something that another thread has judged already. */
export class ReportedError extends Error {
  override readonly name = 'ReportedError'
  readonly code: number

  constructor(code: number, message: string) {
    super(message)
    this.code = code
  }
}

/** Print what went wrong to standard error and answer the exit code. */
export function reportFailure(error: unknown): number {
  const say = (text: string): void => { process.stderr.write(`bottomhalf: ${oneLine(text)}\n`) }
  if (error instanceof CommanderError) {
    if (error.exitCode === 0) return ExitCode.Done
    if (error.code === 'commander.help') say('no such command; expected one that --help names')   // else it has spoken
    return ExitCode.Usage
  }
  const { code, message } = failureOf(error)
  say(message)
  return code
}

/** The exit code and the message of an error. */
export function failureOf(error: unknown): { code: number, message: string } {
  if (error instanceof ReportedError) return { code: error.code, message: error.message }
  if (!(error instanceof Error)) return { code: ExitCode.Internal, message: `internal: ${String(error)}` }
  const known = codes.get(error.name)
  return known === undefined
    ? { code: ExitCode.Internal, message: `internal: ${whereThrown(error)}` }
    : { code: known, message: error.message }
}

/** By name, not by class: the host, which throws some of them, is loaded by what needs it alone. */
const codes: ReadonlyMap<string, number> = new Map([
  ['UsageError', ExitCode.Usage],
  ['InputError', ExitCode.BadInput],
  ['RunRefusedError', ExitCode.Refused],
  ['RunFailedError', ExitCode.Internal],
  ['OutputError', ExitCode.Internal],
])

/** A text from outside on one line, whatever it holds: control characters do not reach the terminal. */
export function oneLine(text: string): string {
  // eslint-disable-next-line no-control-regex -- these are what must not pass
  return text.replace(/\s*\n\s*/g, ' ').replace(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/g, (c) =>
    `\\u${c.charCodeAt(0).toString(16).padStart(4, '0')}`).trimEnd()
}

/** An error of ours, with the first line of its stack: a report of it needs the place. */
function whereThrown(error: Error): string {
  const place = /\n\s+at (.*)/.exec(error.stack ?? '')?.[1]
  return `${error.name}: ${error.message}${place === undefined ? '' : ` (at ${place})`}`
}
