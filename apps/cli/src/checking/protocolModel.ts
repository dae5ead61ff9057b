// SPDX-License-Identifier: MIT
/** The models of the passthrough protocol, each with any of its forms. */
import { pathToFileURL } from 'node:url'
import { didYouMean, type ExploreOptions, type ModelDefinition } from '@bottomhalf/checker'
import { exploreOptions, fileOf, forms, HistoryError, modelNamed, models, valuesOf } from '@bottomhalf/history'
import { UsageError } from '../failure.js'

export const DEFAULT_FORM = 'F'

export interface ProtocolModel {
  readonly model: ModelDefinition<unknown>
  /** How it has to be explored, whatever is asked for. */
  readonly options: ExploreOptions
}

type Makers = Readonly<Record<string, (values: Readonly<Record<string, number>>) => ModelDefinition<unknown>>>

/** Names of the models. */
export const protocolNames: readonly string[] = models.map(({ name }) => name)

/** A model with a form. Throws `UsageError` for a form or a parameter that does not exist. */
export async function protocolModel(
  name: string, form: string, set: Readonly<Record<string, number>>,
): Promise<ProtocolModel> {
  try {
    const entry = modelNamed(name)
    const values = valuesOf(entry, set)
    const { makers } = await import(pathToFileURL(fileOf(form)).href) as { makers: Makers }
    const make = makers[name]
    if (make === undefined) throw new HistoryError(`form ${form} has no model ${name}`)
    return { model: make(values), options: exploreOptions(entry, {}) }
  } catch (error) {
    if (!(error instanceof HistoryError)) throw error
    const isForm = forms.some((each) => each.name === form)
    throw new UsageError(`check: ${error.message}${isForm ? '' : didYouMean(form, forms.map((each) => each.name))}`)
  }
}
