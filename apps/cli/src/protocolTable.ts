// SPDX-License-Identifier: MIT
/** A protocol over the whole table: a line for each model. */
import { basename, dirname, resolve } from 'node:path'
import { checkProtocol, type ProtocolCell } from '@bottomhalf/history'
import { buildRefusal } from './buildRefusal.js'
import { ExitCode } from './exitCodes.js'
import { readText } from './input.js'

/** What a file that is no protocol should have been. */
export const A_PROTOCOL = 'a protocol (bottomhalf protocol new NAME)'

export interface TableFlags { readonly preemptions?: number, readonly maxExecutions?: number, readonly json: boolean }

/** Check a protocol and print what is wrong. Throws `InputError` for a file that cannot be read or breaks a rule. */
export async function checkTable(file: string, { json, ...bounds }: TableFlags): Promise<number> {
  readText(file, A_PROTOCOL)
  const begun = performance.now()
  const cells = await checkProtocol(file, bounds)
    .catch((error: unknown) => { throw refused(file, error) })
  const seconds = (performance.now() - begun) / 1000
  const wrong = cells.filter(({ verdict }) => verdict.violation !== null)
  if (json) process.stdout.write(`${JSON.stringify({ protocol: basename(file), models: cells.map(jsonOf), seconds })}\n`)
  else process.stdout.write(`${cells.map(lineOf).join('\n')}\n${summary(wrong.length, cells.length, seconds)}\n`)
  return wrong.length > 0 ? ExitCode.Violation : ExitCode.Done
}

/** What to throw when a protocol could not be linked. */
export function refused(file: string, error: unknown): unknown {
  return buildRefusal(file, error, A_PROTOCOL, dirname(resolve(file))) ?? error
}

function summary(wrong: number, all: number, seconds: number): string {
  return `${wrong} of ${all} models show a defect; ${seconds.toFixed(1)} s`
}

function jsonOf({ defect, verdict }: ProtocolCell): object {
  const { verdict: state, violation, executions, bounds } = verdict
  return { model: defect.model, values: verdict.values, verdict: state, violation, executions, bounds }
}

function nothing({ verdict }: ProtocolCell['verdict']): string {
  return verdict === 'clean' ? 'nothing wrong' : 'nothing wrong so far'
}

function lineOf({ defect, verdict }: ProtocolCell): string {
  const set = Object.entries(defect.values).map(([name, value]) => ` ${name}=${value}`).join('')
  const what = verdict.violation === null ? nothing(verdict) : `${verdict.violation.kind}: ${verdict.violation.message}`
  return `${`${defect.model}${set}`.padEnd(44)} ${what} (${verdict.bounds}; ${verdict.executions} executions)`
}
