// SPDX-License-Identifier: MIT
/**
 * An execution as Chrome trace events: a process a CPU, a step a millisecond, handlers as slices around their steps. Any
 * viewer of that format shows it (`chrome://tracing`, Perfetto).
 */
import type { PlayerData, PlayerStep } from './data.js'
import { shapesOf } from './view/state.js'

interface Event {
  readonly name: string
  readonly ph: 'B' | 'E' | 'X' | 'M' | 'i'
  readonly pid: number
  readonly tid: number
  readonly ts: number
  readonly dur?: number
  readonly s?: 'g'
  readonly args?: object
}

const STEP_US = 1000

/** The execution as the text of a trace file. */
export function chromeTrace(data: PlayerData): string {
  const names = Array.from({ length: data.cpus }, (_, cpu): Event =>
    ({ name: 'thread_name', ph: 'M', pid: 0, tid: cpu, ts: 0, args: { name: `CPU ${cpu}` } }))
  const shapes = shapesOf(data)
  const steps = data.steps.flatMap((step, d) => stepEvents(data, step, d, shapes[d]?.irqOn[step.cpu] !== false))
  const open = unfinished(data)
  const { violation } = data
  const broken: Event[] = violation === null
    ? []
    : [{ name: `${violation.kind}: ${violation.message}`, ph: 'i', s: 'g', pid: 0, tid: 0, ts: data.steps.length * STEP_US }]
  const process: Event = { name: 'process_name', ph: 'M', pid: 0, tid: 0, ts: 0, args: { name: data.title } }
  return `${JSON.stringify({ displayTimeUnit: 'ms', traceEvents: [process, ...names, ...steps, ...open, ...broken] })}\n`
}

function stepEvents(data: PlayerData, step: PlayerStep, d: number, irqOn: boolean): Event[] {
  const at = { pid: 0, tid: step.cpu }
  const name = data.contexts[step.context]?.name ?? '-'
  const begin: Event[] = step.op === 'enter' ? [{ name, ph: 'B', ts: d * STEP_US, ...at }] : []
  const end: Event[] = step.returns ? [{ name, ph: 'E', ts: (d + 1) * STEP_US, ...at }] : []
  const [place] = step.places
  const source = place === undefined ? {} : { source: `${data.sources[place.source]?.name ?? ''}:${place.line}` }
  const words = Object.fromEntries(step.touched.map(({ name: word, before, after }) => [word, before === after ? after : `${before} -> ${after}`]))
  const own: Event = { name: step.text, ph: 'X', ts: d * STEP_US, dur: STEP_US, ...at, args: { step: d, IF: irqOn ? 1 : 0, ...source, ...words } }
  return [...begin, own, ...end]
}

/** Handlers that never return end where the execution does. */
function unfinished({ steps, contexts }: PlayerData): Event[] {
  const active: PlayerStep[] = []
  for (const step of steps) {
    if (step.op === 'enter') active.push(step)
    if (step.returns) active.splice(active.map((entered) => entered.cpu).lastIndexOf(step.cpu), 1)
  }
  return active.reverse().map(({ cpu, context }) =>
    ({ name: contexts[context]?.name ?? '-', ph: 'E', pid: 0, tid: cpu, ts: steps.length * STEP_US }))
}
