// SPDX-License-Identifier: MIT
/** Files that a command writes. */
import { writeFileSync } from 'node:fs'
import { UsageError } from './failure.js'

/** Write a text file whole. Throws `UsageError` when it cannot: the name came from the command line. */
export function writeText(file: string, text: string): void {
  try {
    writeFileSync(file, text)
  } catch (error) {
    throw new UsageError(`${file}: cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`)
  }
}
