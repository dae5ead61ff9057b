// SPDX-License-Identifier: MIT
/** The models of the passthrough protocol, each with any of its forms. */
import { pathToFileURL } from 'node:url'
import { didYouMean, type ExploreOptions, type ModelDefinition } from '@bottomhalf/checker'
import { exploreOptions, fileOf, forms, HistoryError, modelNamed, models, valuesOf, withProtocol } from '@bottomhalf/history'
import { UsageError } from '../failure.js'
import { readText } from '../input.js'
import { A_PROTOCOL, refused } from '../protocolTable.js'

export const DEFAULT_FORM = 'F'

export interface ProtocolModel {
  readonly model: ModelDefinition<unknown>
  /** How it has to be explored, whatever is asked for. */
  readonly options: ExploreOptions
}

type Makers = Readonly<Record<string, (values: Readonly<Record<string, number>>) => ModelDefinition<unknown>>>

/** Names of the models. */
export const protocolNames: readonly string[] = models.map(({ name }) => name)

/**
 * A model with a form, or with the protocol in a file. Throws `UsageError` for a form or a parameter that does not exist,
 * `InputError` for a file that breaks a rule.
 */
export async function protocolModel(
  name: string, form: string | { readonly file: string }, set: Readonly<Record<string, number>>,
): Promise<ProtocolModel> {
  try {
    const entry = modelNamed(name)
    const values = valuesOf(entry, set)
    const make = (typeof form === 'string' ? await makersIn(fileOf(form)) : await makersOf(form.file))[name]
    if (make === undefined) throw new HistoryError(`there is no model ${name} in it`)
    return { model: make(values), options: exploreOptions(entry, {}) }
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error
    const isUnknown = typeof form === 'string' && !forms.some((each) => each.name === form)
    throw new UsageError(`check: ${error.message}${isUnknown ? didYouMean(form, forms.map((each) => each.name)) : ''}`)
  }
}

async function makersIn(linked: string): Promise<Makers> {
  return (await import(pathToFileURL(linked).href) as { makers: Makers }).makers
}

async function makersOf(file: string): Promise<Makers> {
  readText(file, A_PROTOCOL)
  try {
    return await withProtocol(file, makersIn)
  } catch (error) {
    throw refused(file, error)
  }
}
