// SPDX-License-Identifier: MIT
/** An error to one line and an exit code. */
import { InputError } from '@bottomhalf/base'
import { RunFailedError } from '@bottomhalf/host'
import { CommanderError } from 'commander'
import { ExitCode } from './exitCodes.js'

/** The command line is well formed but asks for what cannot be. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}

/** Print what went wrong to standard error and answer the exit code. */
export function reportFailure(error: unknown): number {
  if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Done : ExitCode.Usage   // it has spoken
  const say = (text: string): void => { process.stderr.write(`bottomhalf: ${text}\n`) }
  if (error instanceof UsageError) {
    say(error.message)
    return ExitCode.Usage
  }
  if (error instanceof InputError) {
    say(error.message)
    return ExitCode.BadInput
  }
  say(error instanceof RunFailedError ? error.message : `internal: ${error instanceof Error ? error.stack ?? error.message : String(error)}`)
  return ExitCode.Internal
}
