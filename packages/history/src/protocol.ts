// SPDX-License-Identifier: MIT
/**
 * A protocol of the user's own: one file that takes the place of `#protocol`.
 *
 * UP1  It is built by the rules of mechanism code (ownForm.ts).
 * UP2  It is checked over the whole table: the models do not know what is asked of them. Every schedule, unless bounds are set.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkIn, type ModelCheck, type ModelVerdict } from './check.js'
import { defects, type Defect } from './defects.js'
import { withProtocol } from './ownForm.js'
import { overThreads } from './pool.js'

/** For all schedules of a model; production's take a second at most. */
const MODEL_SECONDS = 20

const here = fileURLToPath(new URL('..', import.meta.url))

/** The text of a protocol to begin with: production's, with imports that a file anywhere can have. */
export function newProtocol(name: string): string {
  const text = readFileSync(join(here, '..', 'passthrough-io', 'src', 'protocolSoftirq.ts'), 'utf8')
  return portable(text).replace(/PROTOCOL_NAME = '\w+'/, `PROTOCOL_NAME = '${name}'`)
}

/** The text of a module of production, with imports that resolve from anywhere. */
export function portable(text: string): string {
  return text.replace(/from '(?:\.\/\w+\.js|#\w+)'/g, "from '@bottomhalf/passthrough-io/variant'")
}

export interface ProtocolCell { readonly defect: Defect, readonly verdict: ModelVerdict }

export interface ProtocolOptions {
  /** Bounds, instead of every schedule: preemptions at most, and executions of each model. If one is set the other is 1, or 300. */
  readonly preemptions?: number
  readonly maxExecutions?: number
  /** Threads. Default: all cores. */
  readonly workers?: number
  readonly cell?: (cell: ProtocolCell) => void
}

/**
 * Check a protocol over the models of the table. Whatever is violated counts, not only what the model is known for. Rejects
 * with esbuild's `BuildFailure` for a file that breaks a rule.
 */
export async function checkProtocol(file: string, options: ProtocolOptions = {}): Promise<ProtocolCell[]> {
  return withProtocol(file, (linked) => checkLinked(linked, options))
}

async function checkLinked(file: string, options: ProtocolOptions): Promise<ProtocolCell[]> {
  const jobs = onePerModel().map((defect) => ({ file, defect }))
  return overThreads(jobs, async (thread, { defect }) => {
    const check = { set: defect.values, minimiseSeconds: 0, ...searchOf(options) }
    const verdict = await checkIn(thread, defect.model, check)
    const cell = { defect, verdict }
    options.cell?.(cell)
    return cell
  }, options.workers)
}

function searchOf({ preemptions, maxExecutions }: ProtocolOptions): ModelCheck {
  if (preemptions === undefined && maxExecutions === undefined) return { strategy: 'stateful', maxSeconds: MODEL_SECONDS }
  return { preemptions: preemptions ?? 1, maxExecutions: maxExecutions ?? 300 }
}

/** Defects that show in one model with one set of values are one run of it (UP2). */
export function onePerModel(): Defect[] {
  const keyOf = ({ model, values }: Defect): string => `${model} ${JSON.stringify(values)}`
  return defects.filter((defect, i) => defects.findIndex((other) => keyOf(other) === keyOf(defect)) === i)
}
