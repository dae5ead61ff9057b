// SPDX-License-Identifier: MIT
/**
 * `bottomhalf protocol mutants`: each labelled line of a protocol switched off, and which model notices.
 *
 * Exit code 0: every mutant is killed, or it is known why nothing can kill it; and what is said to survive does.
 */
import { basename, dirname, resolve } from 'node:path'
import { checkMutants, type MutantVerdict } from '@bottomhalf/history'
import { buildRefusal } from './buildRefusal.js'
import { ExitCode } from './exitCodes.js'
import { readText } from './input.js'
import { statusLine } from './progress.js'
import { A_PROTOCOL } from './protocolTable.js'

export interface MutantFlags {
  readonly workers: number
  readonly json: boolean
}

/** Production is named by its form, as elsewhere. */
const PRODUCTION = 'F'

/** Check the mutants of a protocol, or of production's modules, and print them. Throws `InputError`. */
export async function mutants(name: string, { json, ...options }: MutantFlags): Promise<number> {
  const file = name === PRODUCTION ? undefined : resolve(name)
  if (file !== undefined) readText(name, A_PROTOCOL)
  const line = statusLine(process.stderr)
  const begun = performance.now()
  let known = 0
  const verdict = ({ file: of, line: at, killed }: MutantVerdict): void => {
    line.show(`${++known} mutants, ${of}:${at} ${killed === null ? 'survives' : 'killed'}`)
  }
  const all = await checkMutants({ ...options, verdict, ...file === undefined ? {} : { file } })
    .catch((error: unknown) => { throw buildRefusal(name, error, A_PROTOCOL, dirname(resolve(name))) ?? error })
  line.end()
  const seconds = (performance.now() - begun) / 1000
  process.stdout.write(json
    ? `${JSON.stringify({ protocol: basename(name), mutants: all, seconds })}\n`
    : `${[...all.flatMap(linesOf), summary(all, seconds)].join('\n')}\n`)
  return all.some(isWrong) ? ExitCode.Violation : ExitCode.Done
}

/** A survivor that nobody explains, or an explained one that is dead. */
function isWrong({ killed, explanation }: MutantVerdict): boolean {
  return (killed === null) !== (explanation !== undefined)
}

function linesOf(mutant: MutantVerdict): string[] {
  const { file, line, labels, what, statement, killed, explanation } = mutant
  const head = `${`${file}:${line}`.padEnd(24)} ${labels.join(', ').padEnd(8)} ${what.padEnd(9)}  ${statement}`
  const set = Object.entries(killed?.values ?? {}).map(([name, value]) => ` ${name}=${value}`).join('')
  const end = killed === null
    ? `SURVIVES: ${explanation ?? 'nobody knows why; a model is missing, or the line is not needed'}`
    : `${killed.model}${set}: ${killed.kind}: ${killed.message}`
  const complaint = killed !== null && explanation !== undefined ? ['    was said to survive'] : []
  return [head, `    ${end}`, ...complaint]
}

function summary(all: readonly MutantVerdict[], seconds: number): string {
  const survivors = all.filter(({ killed }) => killed === null)
  const unknown = survivors.filter(({ explanation }) => explanation === undefined)
  return `${all.length} mutants: ${all.length - survivors.length} killed, ${survivors.length} survive, ` +
    `${unknown.length} of them unexplained; ${seconds.toFixed(0)} s`
}
