// SPDX-License-Identifier: MIT
/** Checks one model with one form. */
import { existsSync } from 'node:fs'
import type { ExploreOptions, StrategyName } from '@bottomhalf/checker'
import { forms } from './forms.js'
import type { Explored } from './job.js'
import { linkedFile } from './link.js'
import { models, type ModelEntry } from './models.js'
import { FormThread } from './thread.js'

/** A model, form or parameter that does not exist. */
export class HistoryError extends Error {
  override readonly name = 'HistoryError'
}

export interface ModelCheck {
  /** Default: F. */
  readonly form?: string
  readonly set?: Readonly<Record<string, number>>
  /** Default: stateful; with `preemptions`: bounded. */
  readonly strategy?: StrategyName
  /** bounded: preemptions at most. Default: 3. */
  readonly preemptions?: number
  readonly maxSeconds?: number
  readonly maxExecutions?: number
  /** Look for this in the violation's message only. */
  readonly message?: string
  /** Make the schedule small, for so many seconds. Default: 3. */
  readonly minimiseSeconds?: number
}

export interface ModelVerdict extends Explored {
  readonly form: string
  readonly values: Readonly<Record<string, number>>
  /** Within what the verdict holds, in words. */
  readonly bounds: string
}

/** Explore a model with a form. Throws `HistoryError` for a name or a parameter that nobody knows. */
export async function checkModel(name: string, check: ModelCheck = {}): Promise<ModelVerdict> {
  const thread = new FormThread(fileOf(check.form ?? 'F'))
  try {
    return await checkIn(thread, name, check)
  } finally {
    await thread.end()
  }
}

/** The same in a thread that has the form already. */
export async function checkIn(thread: FormThread, name: string, check: ModelCheck): Promise<ModelVerdict> {
  const model = modelNamed(name)
  const values = valuesOf(model, check.set ?? {})
  const result = await thread.explore({ model: name, values, options: exploreOptions(model, check) })
  return { ...result, form: check.form ?? 'F', values, bounds: boundsOf(model, result) }
}

/** The linked file of a form. */
export function fileOf(form: string): string {
  if (!forms.some(({ name }) => name === form)) {
    throw new HistoryError(`there is no form ${form}; known are ${forms.map(({ name }) => name).join(', ')}`)
  }
  const file = linkedFile(form)
  if (!existsSync(file)) throw new HistoryError(`form ${form} is not linked: build the package history`)
  return file
}

export function modelNamed(name: string): ModelEntry {
  const model = models.find((entry) => entry.name === name)
  if (model === undefined) throw new HistoryError(`there is no model ${name}; known are ${models.map((m) => m.name).join(', ')}`)
  return model
}

/** All parameters of a model with their values. */
export function valuesOf(model: ModelEntry, set: Readonly<Record<string, number>>): Record<string, number> {
  const values = Object.fromEntries(model.parameters.map(({ name, usual }) => [name, usual]))
  for (const [name, value] of Object.entries(set)) {
    const parameter = model.parameters.find((each) => each.name === name)
    if (parameter === undefined) throw new HistoryError(`model ${model.name} has no parameter ${name}`)
    const { least, most } = parameter
    if (value < least || value > most) throw new HistoryError(`${name} of ${model.name} is ${value}, expected ${least} to ${most}`)
    values[name] = value
  }
  return values
}

/** How a model is explored. */
export function exploreOptions({ options }: ModelEntry, check: ModelCheck): ExploreOptions {
  const { preemptions = 3, minimiseSeconds = 3, message, maxSeconds, maxExecutions } = check
  const { strategy = check.preemptions === undefined ? 'stateful' : 'bounded' } = check
  return {
    strategy, preemptions, minimiseSeconds,
    allowLeaks: options.leaks !== true,
    ...options.mode === undefined ? {} : { mode: options.mode },
    ...options.maxSteps === undefined ? {} : { maxSteps: options.maxSteps, allowLong: true },
    ...message === undefined ? {} : { onlyMessage: message },
    ...maxSeconds === undefined ? {} : { maxSeconds },
    ...maxExecutions === undefined ? {} : { maxExecutions },
  }
}

function preemptionsOf(verdict: Explored['verdict'], exhausted: number | null | undefined): string {
  if (exhausted === null || exhausted === undefined) return 'all schedules'
  // a violation was found within the bound behind those that were exhausted
  if (verdict === 'violation') return `up to ${exhausted + 1} preemptions`
  return exhausted < 0 ? 'no bound exhausted' : `up to ${exhausted} preemptions exhausted`
}

function boundsOf({ options: { maxSteps } }: ModelEntry, { verdict, strategy, preemptions, mode }: Explored): string {
  const isStateful = strategy === 'stateful'
  const isWhole = isStateful && verdict === 'clean'
  const search = isWhole ? 'all schedules' : strategy === 'bounded' ? preemptionsOf(verdict, preemptions) : ''
  const often = mode === 'atMost' ? ['interrupts at most as often'] : []
  const long = maxSteps === undefined || isStateful ? [] : [`up to ${maxSteps} steps`]
  return [strategy, ...search === '' ? [] : [search], ...often, ...long].join(', ')
}
