// SPDX-License-Identifier: MIT
/**
 * The command `bottomhalf`.
 */
process.stderr.write('bottomhalf: no command is built yet\n')
process.exitCode = 2

export {}
