// SPDX-License-Identifier: MIT
/** Finds what is to be checked: a model that comes along, a text program, or models in somebody's own module. */
import { basename } from 'node:path'
import { InputError } from '@bottomhalf/base'
import { LitmusError, loadProgram, ModelError, modelNamed, modelText, programOf, UnknownProgramError, valuesOf } from '@bottomhalf/checker'
import type { EndJudge, Mode, ModelDefinition, Program } from '@bottomhalf/checker'
import type { ReadSource } from '@bottomhalf/player'
import { UsageError } from '../failure.js'
import { readText } from '../input.js'
import type { SubjectSpec } from './job.js'
import { loadModels } from './modelFile.js'

export interface Subject {
  readonly program: Program
  readonly mode: Mode
  /** Interrupts are threads. */
  readonly threads: boolean
  readonly parameters: Readonly<Record<string, number>>
  readonly judge: EndJudge
  /** By default all is counted, violations too; otherwise the first one ends the search. */
  readonly counts: boolean
  readonly readSource: ReadSource
}

/** Load a subject. Throws `UsageError` for names that do not exist, `InputError` for files that cannot be understood. */
export async function loadSubject(spec: SubjectSpec): Promise<Subject> {
  if (spec.model !== undefined) return namedModel(spec.model, spec)
  if (spec.program !== undefined) return textProgram(spec.program, spec)
  return ownModel(spec.file ?? '', spec)
}

function namedModel(name: string, { set, mode }: SubjectSpec): Subject {
  try {
    const model = modelNamed(name)
    const { n, ...values } = valuesOf(model, set)
    const text = modelText(name, set)
    const wanted = model.threads === true && mode === 'exactly' ? 'threads' : mode
    const parameters = 'n' in model.parameters ? { n, ...values } : values
    return { ...textSubject(text, name, wanted, { name: `model ${name}`, text }), parameters }
  } catch (error) {
    throw error instanceof ModelError ? new UsageError(`check: ${error.message} (bottomhalf check --list)`) : error
  }
}

function textProgram(program: string, { mode }: SubjectSpec): Subject {
  const { file, name } = fileAndName(program)
  const text = readText(file, 'a program in the text form')
  try {
    return textSubject(text, name, mode, { name: basename(file), text })
  } catch (error) {
    if (error instanceof LitmusError) {
      const { line, column } = error
      throw new InputError({ file, line, column }, error.message.replace(/^\d+:\d+: /, ''), 'the text form of programs')
    }
    if (!(error instanceof UnknownProgramError)) throw error
    throw new InputError({ file, line: 0, column: 0 }, error.message, 'FILE#NAME')
  }
}

type Source = NonNullable<ReturnType<ReadSource>>

function textSubject(text: string, name: string | undefined, mode: SubjectSpec['mode'], source: Source): Subject {
  const threads = mode === 'threads'
  const named = name === undefined ? {} : { name }
  return {
    program: loadProgram(text, { ...named, ...threads ? { mode: 'threads' } : {} }),
    mode: mode === 'atmost' ? 'atMost' : 'exactly', threads, parameters: {},
    judge: { allowBlocked: true }, counts: true,
    readSource: () => source,
  }
}

async function ownModel(spec: string, { mode }: SubjectSpec): Promise<Subject> {
  const { file, name } = fileAndName(spec)
  if (mode === 'threads') throw new UsageError('check: --mode threads is for text programs; a model has exactly or atmost')
  const model = await loadModels(file, name)
  return modelSubject(model, mode, {})
}

/** A model of stepped code as a subject. */
async function modelSubject(model: ModelDefinition, mode: 'exactly' | 'atmost', judge: EndJudge): Promise<Subject> {
  const found = await programOf(model)
  return {
    program: found.program, mode: mode === 'atmost' ? 'atMost' : 'exactly', threads: false,
    parameters: model.parameters ?? {}, judge: { ...judge, ...found.judge }, counts: false,
    readSource: (file) => file === '' ? undefined : { name: shortName(file), text: readText(file, 'a source') },
  }
}

/** A source as a lecture wants it: package and file. */
function shortName(file: string): string {
  const match = /(?:^|[\\/])(?:packages|apps|@bottomhalf)[\\/]([^\\/]+)[\\/]src[\\/](.*)$/.exec(file)
  return match === null ? basename(file) : `${match[1] ?? ''}/${match[2] ?? ''}`
}

function fileAndName(text: string): { file: string, name: string | undefined } {
  const hash = text.lastIndexOf('#')
  return hash < 0 ? { file: text, name: undefined } : { file: text.slice(0, hash), name: text.slice(hash + 1) }
}
