// SPDX-License-Identifier: MIT
/** Files that a command writes. */
import { renameSync, writeFileSync } from 'node:fs'
import { UsageError } from './failure.js'

/** Write a text file whole. Throws `UsageError` when it cannot: the name came from the command line. */
export function writeText(file: string, text: string): void {
  attempt(file, () => { writeFileSync(file, text) })
}

/** The same, so that whoever looks finds the old file or the new one, whatever happens. */
export function replaceText(file: string, text: string): void {
  const beside = `${file}.new`
  attempt(file, () => {
    writeFileSync(beside, text)
    renameSync(beside, file)
  })
}

function attempt(file: string, write: () => void): void {
  try {
    write()
  } catch (error) {
    throw new UsageError(`${file}: cannot be written (${(error as NodeJS.ErrnoException).code ?? String(error)})`)
  }
}
