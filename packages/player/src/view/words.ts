// SPDX-License-Identifier: MIT
/** Words for people: of CPUs, contexts, steps, and what to read out when one is shown. */
import type { PlayerData, PlayerStep } from '../data.js'

/** A shape for each CPU beside its colour, so that neither is needed to tell lanes apart. */
const shapes = ['●', '■', '▲', '◆', '★', '✚', '▼', '⬟'] as const

export function shapeOf(cpu: number): string {
  return shapes[cpu % shapes.length] ?? '●'
}

/** The colours repeat behind eight CPUs. */
export function colourOf(cpu: number): number {
  return cpu % shapes.length
}

export function contextText(data: PlayerData, context: number): string {
  const found = data.contexts[context]
  if (found === undefined) return '-'
  return found.kind === 'base' ? found.name : `${found.name} (interrupt)`
}

/** What a step changed or saw, a line a word. */
export function effectsOf(step: PlayerStep): string[] {
  return step.touched.map(({ name, before, after, writes }) => {
    if (!writes) return `${name} is ${before}`
    return before === after ? `${name} stays ${after}` : `${name}: ${before} → ${after}`
  })
}

/** A step in a sentence, as a screen reader says it. */
export function sentenceOf(data: PlayerData, position: number): string {
  const step = data.steps[position]
  if (step === undefined) return `Start, before the first of ${data.steps.length} steps.`
  const parts = [`Step ${position}, CPU ${step.cpu}, ${contextText(data, step.context)}: ${step.text}.`, ...effectsOf(step).map((e) => `${e}.`)]
  if (!step.irqOn[1]) parts.push('IF is 0.')
  if (step.returns) parts.push('The handler returns.')
  const [place] = step.places
  const source = place === undefined ? undefined : data.sources[place.source]
  if (place !== undefined && source !== undefined) parts.push(`${source.name} line ${place.line}.`)
  const { violation, steps } = data
  if (violation !== null && position === steps.length - 1) parts.push(`Here it breaks: ${violation.kind}: ${violation.message}.`)
  return parts.join(' ')
}
