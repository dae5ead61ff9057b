// SPDX-License-Identifier: MIT
/** Files that a run reads: the scenario, and the recordings it names. */
import { readFileSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { InputError } from '@bottomhalf/base'
import { parseScenario, recordingKey, type Recording, type Scenario } from '@bottomhalf/scenario'
import { readArrivals, type ArrivalFilter } from '@bottomhalf/trace'

/** Recordings by `recordingKey`. */
export type Recordings = Record<string, Recording>

/** The scenario that ships with the command. */
export const defaultScenario = fileURLToPath(new URL('./default.yaml', import.meta.url))

/** What is already open, as `<(zcat trace.gz)` makes it: it has a writer, so reading it ends. */
const OPEN_ALREADY = /^\/dev\/(?:stdin|fd\/\d+)$/

/** Read a text file whole. Throws `InputError` when it cannot, or when its end might never come. */
export function readText(file: string, expected: string): string {
  try {
    const stat = statSync(file)
    const endless = !stat.isFile() && !stat.isDirectory() && !OPEN_ALREADY.test(file)
    if (endless) throw new InputError({ file, line: 0, column: 0 }, 'is a pipe or a device', expected)
    return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof InputError) throw error
    const code = (error as NodeJS.ErrnoException).code ?? String(error)
    const found = code === 'ENOENT' ? 'no such file' : code === 'EISDIR' ? 'is a directory' : `cannot be read (${code})`
    throw new InputError({ file, line: 0, column: 0 }, found, expected)
  }
}

/** A scenario. */
export function readScenario(file: string): Scenario {
  return parseScenario(readText(file, 'a scenario file (YAML)'), file)
}

/** The recordings of the traces of the scenario `file`; their files are relative to it. */
export function readRecordings(scenario: Scenario, file: string): Recordings {
  const recordings: Recordings = {}
  for (const { arrivals } of scenario.guests.flatMap((guest) => guest.devices)) {
    if (!('trace' in arrivals)) continue
    const { trace } = arrivals
    recordings[recordingKey(trace)] = readRecording(resolve(dirname(file), trace.file), trace)
  }
  return recordings
}

/** One recorded line as arrival times. */
export function readRecording(file: string, filter: ArrivalFilter): Recording {
  const { arrivals, spanNs } = readArrivals(readText(file, 'an ftrace text'), file, filter)
  return { timesNs: arrivals.map((a) => a.timeNs), spanNs }
}
