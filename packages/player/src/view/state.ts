// SPDX-License-Identifier: MIT
/**
 * The state of the machine behind a step of the data: what every word holds and who wrote it last, which handlers are
 * active, where IF = 0.
 *
 * A position is the number of a step, the state being the one behind it; -1 is the start.
 */
import type { PlayerData, PlayerStep } from '../data.js'

interface WordState {
  readonly value: number
  /** The step that wrote it last; -1: nobody did. */
  readonly writer: number
}

interface CpuState {
  /** Active contexts, outermost first. */
  readonly stack: readonly number[]
  readonly irqOn: boolean
  readonly waits: boolean
}

export interface MachineState {
  readonly words: ReadonlyMap<number, WordState>
  readonly cpus: readonly CpuState[]
}

/** How a step looks in its lane: how deep its handler is nested, and whether it begins or ends there. */
export interface StepShape {
  readonly depth: number
  readonly edge: 'enters' | 'returns' | 'both' | 'none'
  /** While the step is taken: IF, and the number of active handlers, of every CPU. */
  readonly irqOn: readonly boolean[]
  readonly nesting: readonly number[]
}

/** The state behind step `position`. */
export function stateAt(data: PlayerData, position: number): MachineState {
  const words = new Map<number, WordState>()
  for (const { fields } of data.objects) {
    for (const { address, initial } of fields) words.set(address, { value: initial, writer: -1 })
  }
  const cpus = startOf(data)
  data.steps.slice(0, position + 1).forEach((step, index) => {
    for (const { address, after, writes } of step.touched) {
      if (writes) words.set(address, { value: after, writer: index })
    }
    move(cpus, step)
  })
  const waiting = data.steps[position]?.waiting ?? []
  return { words, cpus: cpus.map(({ stack, irqOn }, cpu) => ({ stack, irqOn, waits: waiting.includes(cpu) })) }
}

/** The shapes of all steps, in order. */
export function shapesOf(data: PlayerData): StepShape[] {
  const cpus = startOf(data)
  return data.steps.map((step) => {
    const irqOn = cpus.map((cpu) => cpu.irqOn)
    const entering = step.op === 'enter'
    if (entering) cpus[step.cpu]?.stack.push(step.context)
    const nesting = cpus.map(({ stack }) => stack.filter((context) => data.contexts[context]?.kind !== 'base').length)
    if (entering) cpus[step.cpu]?.stack.pop()
    move(cpus, step)
    const edge = entering ? (step.returns ? 'both' : 'enters') : step.returns ? 'returns' : 'none'
    return { depth: nesting[step.cpu] ?? 0, edge, irqOn, nesting }
  })
}

interface Moving { stack: number[], irqOn: boolean }

function startOf(data: PlayerData): Moving[] {
  return Array.from({ length: data.cpus }, (_, cpu) => ({
    stack: data.contexts.flatMap((context, index) => (context.kind === 'base' && context.cpu === cpu ? [index] : [])),
    irqOn: data.steps.find((step) => step.cpu === cpu)?.irqOn[0] ?? true,
  }))
}

function move(cpus: readonly Moving[], step: PlayerStep): void {
  const cpu = cpus[step.cpu]
  if (cpu === undefined) return
  if (step.op === 'enter') cpu.stack.push(step.context)
  if (step.returns) cpu.stack.pop()
  cpu.irqOn = step.irqOn[1]
}
