// SPDX-License-Identifier: MIT
/** The command `bottomhalf`. */
import { ExitCode } from './exitCodes.js'
import { reportFailure } from './failure.js'
import { createProgram } from './program.js'

// A reader that went away (`| head`) is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code === 'EPIPE') process.exit(ExitCode.Done)
  throw error
})

try {
  await createProgram((code) => { process.exitCode = code }).parseAsync()
} catch (error) {
  process.exitCode = reportFailure(error)
}
