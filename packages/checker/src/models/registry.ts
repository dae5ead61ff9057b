// SPDX-License-Identifier: MIT
/** The models that come with the checker, by name. */
import type { ClassicModel, Values } from './classic.js'
import { classics } from './classics.js'
import { dpci } from './dpci.js'
import { didYouMean } from './nearest.js'

/** All of them. */
export const models: readonly ClassicModel[] = [...classics, dpci]

/** A name or value that no model has. */
export class ModelError extends Error {
  override readonly name = 'ModelError'
}

/** A model by name. Throws `ModelError`. */
export function modelNamed(name: string): ClassicModel {
  const model = models.find((candidate) => candidate.name === name)
  if (model === undefined) throw new ModelError(`no model ${name}${didYouMean(name, models.map((m) => m.name))}`)
  return model
}

/** The values of a model's parameters: its defaults, and what was asked for. Throws `ModelError`. */
export function valuesOf(model: ClassicModel, asked: Readonly<Record<string, number>> = {}): Values {
  const known = Object.keys(model.parameters)
  for (const [name, value] of Object.entries(asked)) {
    const parameter = model.parameters[name]
    if (parameter === undefined) {
      const there = known.length === 0 ? '' : `: there are ${known.join(', ')}`
      throw new ModelError(`${model.name} has no parameter ${name}${there}${didYouMean(name, known)}`)
    }
    if (!Number.isInteger(value) || value < parameter.from || value > parameter.to) {
      throw new ModelError(`${name} of ${model.name} is ${value}, expected ${parameter.from}..${parameter.to}: ${parameter.what}`)
    }
  }
  const initial = Object.fromEntries(known.map((name) => [name, model.parameters[name]?.initial ?? 0]))
  return { n: 0, ...initial, ...asked }
}

/** The text of a model's program. */
export function modelText(name: string, asked: Readonly<Record<string, number>> = {}): string {
  const model = modelNamed(name)
  return model.text(valuesOf(model, asked))
}
