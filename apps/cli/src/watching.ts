// SPDX-License-Identifier: MIT
/** Does something with a file again each time that it is saved. */
import { on } from 'node:events'
import { watch } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { ExitCode } from './exitCodes.js'
import { failureOf, oneLine } from './failure.js'

/** One save is several events: the file is read when they are over. */
const SETTLE_MS = 30
/** Exit codes beyond mean a signal, which ends it all. */
const SIGNALLED = 128

/**
 * Call `work` now and at each save that changes the file, until a signal ends it; answers the last exit code. A mistake in
 * the file is told, and the next save awaited.
 */
export async function atEachSave(file: string, work: () => Promise<number>): Promise<number> {
  const watcher = watch(dirname(resolve(file)))       // of the folder: a save may replace the file
  const changes = on(watcher, 'change')               // from before the first look on: no save is missed
  try {
    let seen = await readFile(file, 'utf8')
    let code = await workOrTell(work)
    while (code <= SIGNALLED) {
      seen = await nextSave(file, seen, changes)
      code = process.exitCode = await workOrTell(work)
    }
    return code
  } finally {
    watcher.close()
  }
}

/** The file's text, as soon as it is another one. */
async function nextSave(file: string, seen: string, changes: AsyncIterator<unknown>): Promise<string> {
  for (;;) {
    await changes.next()
    await new Promise((resolve) => { setTimeout(resolve, SETTLE_MS) })
    const text = await readFile(file, 'utf8').catch(() => seen)       // gone, while it is replaced
    if (text !== seen) return text
  }
}

async function workOrTell(work: () => Promise<number>): Promise<number> {
  try {
    return await work()
  } catch (error) {
    const { code, message } = failureOf(error)
    if (code !== ExitCode.BadInput) throw error
    process.stderr.write(`bottomhalf: ${oneLine(message)}\n`)
    return code
  }
}
