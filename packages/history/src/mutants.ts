// SPDX-License-Identifier: MIT
/**
 * Whether every labelled line is needed: each of its mutants (mutate.ts) is linked as a form and run through the models until
 * one of them shows a defect.
 *
 * MT1  What is not altered has no defect in any schedule: it runs beside the mutants, as a mutant of nothing.
 * MT2  A mutant that no model kills is a survivor; those that are known are explained (survivors.ts).
 */
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Violation } from '@bottomhalf/checker'
import { checkIn, type ModelCheck } from './check.js'
import type { Defect } from './defects.js'
import { linkForm } from './link.js'
import { mutantsOf, type Mutant } from './mutate.js'
import { buildStepped, inFolder } from './ownForm.js'
import { onePerModel, portable } from './protocol.js'
import { whySurvives } from './survivors.js'
import { FormThread } from './thread.js'

const sources = fileURLToPath(new URL('../../passthrough-io/src/', import.meta.url))

/** The modules of production whose place a form may take, and their sources. */
const production = {
  '#protocol': 'protocolSoftirq', '#pending': 'pending', '#release': 'release', '#bindRules': 'bindRules', '#iterate': 'iterate',
} as const

export interface MutantVerdict extends Omit<Mutant, 'text'> {
  /** The file, without its folder. */
  readonly file: string
  /** What killed it; null: it survived. */
  readonly killed: Killed | null
  /** Why nothing can kill it, if that is known. */
  readonly explanation: string | undefined
  readonly executions: number
}

interface Killed extends Pick<Violation, 'kind' | 'message'>, Pick<Defect, 'model' | 'values'> {}

export interface MutantOptions {
  /** A protocol of the user's own. Default: the modules of production. */
  readonly file?: string
  /** Threads. Default: 2. */
  readonly workers?: number
  readonly verdict?: (verdict: MutantVerdict) => void
}

/** Models with values that no known defect asks for. */
const beyond: readonly Pick<Defect, 'model' | 'values'>[] = [
  { model: 'stray-eoi', values: { irqs: 2 } }, { model: 'cpu-death', values: { others: 1, second: 1 } },
  { model: 'spread', values: { debug: 1 } },
]

/** A first look that kills most, at the schedules that are easiest to read; then every schedule. */
const looks: readonly ModelCheck[] = [{ preemptions: 2, maxExecutions: 20 }, { strategy: 'stateful', maxSeconds: 20 }]

interface Task { readonly module: string, readonly file: string, readonly mutant: Mutant }

/** Check all mutants; in order of files and lines. Throws if what is not altered shows a defect (MT1). */
export async function checkMutants(options: MutantOptions = {}): Promise<MutantVerdict[]> {
  const tasks = await tasksOf(options.file)
  return inFolder(async (folder) => {
    if (options.file !== undefined) await buildStepped([options.file], folder)       // a mistake has its own place (UP1)
    const built = await buildAll(tasks, folder)
    const verdicts: MutantVerdict[] = []
    let next = 0
    const work = async (): Promise<void> => {
      for (let i = next++; i < tasks.length; i = next++) {
        const { module, mutant } = tasks[i]!
        const linked = join(folder, `linked${i}.js`)
        await linkForm({ [module]: built[i]! }, linked)
        const verdict = verdicts[i] = await verdictOf(tasks[i]!, linked)
        if (mutant.line > 0) options.verdict?.(verdict)
        else if (verdict.killed !== null) {
          next = tasks.length
          throw unsound(verdict.file, verdict.killed)
        }
      }
    }
    const ends = await Promise.allSettled(Array.from({ length: options.workers ?? 2 }, work))
    for (const end of ends) if (end.status === 'rejected') throw end.reason
    return verdicts.slice(1)
  })
}

/** First what is not altered, then all mutants. */
async function tasksOf(file: string | undefined): Promise<Task[]> {
  const { default: ts } = await import('typescript')
  const read = file === undefined
    ? Object.entries(production).map(([module, name]) => ({ module, file: `${name}.ts`, path: join(sources, `${name}.ts`) }))
    : [{ module: '#protocol', file: basename(file), path: file }]
  const texts = read.map(({ path, ...rest }) => ({ ...rest, text: portable(readFileSync(path, 'utf8')) }))
  const all = texts.flatMap(({ text, ...rest }) => mutantsOf(text, ts).map((mutant): Task => ({ ...rest, mutant })))
  const unaltered = texts.slice(0, 1).map(({ text, ...rest }): Task =>
    ({ ...rest, mutant: { line: 0, labels: [], what: 'off', where: '', statement: '', text } }))
  return [...unaltered, ...all]
}

/** All in one build: the compiler reads what they stand on once. */
async function buildAll(tasks: readonly Task[], folder: string): Promise<string[]> {
  const files = await Promise.all(tasks.map(async ({ mutant }, i) => {
    const path = join(folder, `mutant${i}.ts`)
    await writeFile(path, mutant.text)
    return path
  }))
  return await buildStepped(files, join(folder, 'built'))
}

async function verdictOf({ file, mutant }: Task, linked: string): Promise<MutantVerdict> {
  const { line, labels, what, where, statement } = mutant
  const verdict = { file, line, labels, what, where, statement, explanation: whySurvives(mutant) }
  const thread = new FormThread(linked)
  let executions = 0
  try {
    for (const look of looks) {
      for (const { model, values: set } of [...onePerModel(), ...beyond]) {
        const result = await checkIn(thread, model, { set, minimiseSeconds: 0, ...look })
          .catch((error: unknown) => ({ violation: { kind: 'bug', message: messageOf(error) } as const, executions: 0 }))
        executions += result.executions
        const { violation } = result
        if (violation !== null) return { ...verdict, killed: { model, values: set, ...violation }, executions }
      }
    }
    return { ...verdict, killed: null, executions }
  } finally {
    await thread.end()
  }
}

/** A model that does not even begin: its set-up met a broken invariant. */
const messageOf = (error: unknown): string => error instanceof Error ? error.message : String(error)

// MT1
function unsound(file: string, { model, message }: Killed): Error {
  return new Error(`${file} has a defect without any mutant: ${model}: ${message}`)
}
