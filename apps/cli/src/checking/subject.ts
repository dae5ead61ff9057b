// SPDX-License-Identifier: MIT
/** Finds what is to be checked: a model that comes along, a text program, or models in somebody's own module. */
import { basename } from 'node:path'
import { InputError } from '@bottomhalf/base'
import {
  didYouMean, LitmusError, loadProgram, ModelError, modelNamed, models, modelText, programOf, UnknownProgramError,
  valuesOf,
} from '@bottomhalf/checker'
import type { CheckOptions, EndJudge, Mode, ModelDefinition, Program, StrategyName } from '@bottomhalf/checker'
import type { ReadSource } from '@bottomhalf/player'
import { UsageError } from '../failure.js'
import { readText } from '../input.js'
import type { Arrivals, SubjectSpec } from './job.js'
import { loadModels } from './modelFile.js'

export interface Subject {
  readonly program: Program
  readonly mode: Mode
  /** Interrupts are threads. */
  readonly threads: boolean
  readonly parameters: Readonly<Record<string, number>>
  readonly form?: string
  /** What is nothing wrong here. */
  readonly judge: EndJudge & Pick<CheckOptions, 'maxSteps' | 'allowLong'>
  readonly strategy: StrategyName
  /** By default all is counted, violations too; otherwise the first one ends the search. */
  readonly counts: boolean
  readonly readSource: ReadSource
}

/** Load a subject. Throws `UsageError` for names that do not exist, `InputError` for files that cannot be understood. */
export async function loadSubject(spec: SubjectSpec): Promise<Subject> {
  if (spec.model !== undefined) return namedModel(spec.model, spec)
  if (spec.form !== undefined) throw new UsageError('check: --form is for models of the protocol')
  if (spec.protocol !== undefined) throw new UsageError('check: --protocol is for models of the protocol')
  if (spec.program !== undefined) return textProgram(spec.program, spec)
  return ownModel(spec.file ?? '', spec)
}

async function namedModel(name: string, spec: SubjectSpec): Promise<Subject> {
  const classics = models.map((model) => model.name)
  if (classics.includes(name)) return classic(name, spec)
  const { protocolNames } = await import('./protocolModel.js')
  if (protocolNames.includes(name)) return ofProtocol(name, spec)
  throw new UsageError(`check: no model ${name}${didYouMean(name, [...classics, ...protocolNames])} (bottomhalf check --list)`)
}

function classic(name: string, { set, mode = 'exactly', form, protocol }: SubjectSpec): Subject {
  if (form !== undefined || protocol !== undefined) throw new UsageError(`check: ${name} has no forms`)
  try {
    const model = modelNamed(name)
    const { n, ...values } = valuesOf(model, set)
    const text = modelText(name, set)
    const wanted = model.threads === true && mode === 'exactly' ? 'threads' : mode
    const parameters = 'n' in model.parameters ? { n, ...values } : values
    return { ...textSubject(text, name, wanted, { name: `model ${name}`, text }), parameters }
  } catch (error) {
    throw error instanceof ModelError ? new UsageError(`check: ${error.message}`) : error
  }
}

/** A model of the passthrough protocol. Its own bounds hold; it is searched by states, as many schedules lead to the same. */
async function ofProtocol(name: string, { set, mode, form, protocol }: SubjectSpec): Promise<Subject> {
  const { DEFAULT_FORM, protocolModel } = await import('./protocolModel.js')
  const wanted = protocol === undefined ? form ?? DEFAULT_FORM : basename(protocol)
  const { model, options } = await protocolModel(name, protocol === undefined ? wanted : { file: protocol }, set)
  const { allowLeaks = false, allowLong = false, maxSteps } = options
  const judge = { allowLeaks, allowLong, ...maxSteps === undefined ? {} : { maxSteps } }
  const subject = await modelSubject(model, mode ?? (options.mode === 'atMost' ? 'atmost' : 'exactly'), judge)
  return { ...subject, form: wanted, strategy: 'stateful' }
}

function textProgram(program: string, { mode = 'exactly' }: SubjectSpec): Subject {
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

function textSubject(text: string, name: string | undefined, mode: Arrivals, source: Source): Subject {
  const threads = mode === 'threads'
  const named = name === undefined ? {} : { name }
  return {
    program: loadProgram(text, { ...named, ...threads ? { mode: 'threads' } : {} }),
    mode: mode === 'atmost' ? 'atMost' : 'exactly', threads, parameters: {},
    judge: { allowBlocked: true }, counts: true, strategy: 'dpor',
    readSource: () => source,
  }
}

async function ownModel(spec: string, { mode = 'exactly' }: SubjectSpec): Promise<Subject> {
  const { file, name } = fileAndName(spec)
  return modelSubject(await loadModels(file, name), mode, {})
}

/** A model of stepped code as a subject. */
async function modelSubject(
  model: ModelDefinition<unknown>, mode: Arrivals, judge: Subject['judge'],
): Promise<Subject> {
  if (mode === 'threads') throw new UsageError('check: --mode threads is for text programs; a model has exactly or atmost')
  const found = await programOf(model)
  return {
    program: found.program, mode: mode === 'atmost' ? 'atMost' : 'exactly', threads: false, strategy: 'dpor',
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
