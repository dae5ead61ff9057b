// SPDX-License-Identifier: MIT
/** The command `bottomhalf`. */
import { OutputError, reportFailure } from './failure.js'
import { createProgram } from './program.js'

// A reader that went away (`| head`) is no failure of ours; the exit code is that of the command all the same.
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') process.exit(reportFailure(new OutputError(error)))
})
// Nobody reads what is wrong: the exit code still tells.
process.stderr.on('error', () => undefined)

try {
  await createProgram((code) => { process.exitCode = code }).parseAsync()
} catch (error) {
  process.exitCode = reportFailure(error)
}
