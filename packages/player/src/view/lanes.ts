// SPDX-License-Identifier: MIT
/** The lanes: a column a CPU, a row a step, IF = 0 shaded, handlers nested. */
import { h, type VNode } from './element.js'
import type { PlayerData, PlayerStep } from '../data.js'
import { linkOf } from './keys.js'
import type { StepShape } from './state.js'
import { colourOf, shapeOf } from './words.js'

type Status = 'done' | 'current' | 'later'

/**
 * The lanes of one execution. A row is one node for each of its states, made when it is first shown: rows that a move of
 * the mark does not change are the nodes that stand there already, and cost the page nothing.
 */
export class Lanes {
  private readonly data: PlayerData
  private readonly shapes: readonly StepShape[]
  private readonly go: (position: number) => void
  private readonly rows: Readonly<Record<Status, VNode[]>> = { done: [], current: [], later: [] }   // by step + 1

  constructor(data: PlayerData, shapes: readonly StepShape[], go: (position: number) => void) {
    this.data = data
    this.shapes = shapes
    this.go = go
  }

  view(position: number): VNode {
    const { cpus, steps, violation } = this.data
    return h('table', { class: 'lanes' }, [
      h('caption', { class: 'unseen' }, 'Steps by CPU; the current one is marked'),
      h('thead', {}, h('tr', {}, [
        h('th', { scope: 'col', class: 'number' }, 'step'),
        ...Array.from({ length: cpus }, (_, cpu) => h('th', { scope: 'col', class: `cpu c${colourOf(cpu)}` }, `${shapeOf(cpu)} CPU ${cpu}`)),
      ])),
      h('tbody', {}, [
        ...[-1, ...steps.keys()].map((d) => this.row(d, d === position ? 'current' : d > position ? 'later' : 'done')),
        ...violation === null ? [] : [brokenRow(cpus, `${violation.kind}: ${violation.message}`)],
      ]),
    ])
  }

  private row(d: number, status: Status): VNode {
    return this.rows[status][d + 1] ??= this.makeRow(d, status)
  }

  private makeRow(d: number, status: Status): VNode {
    const { data, shapes, go } = this
    const label = d < 0 ? '' : String(d)
    const step = data.steps[d]
    const isCurrent = status === 'current'
    return h('tr', { key: d, class: status, 'data-step': d, 'aria-current': isCurrent ? 'step' : undefined, onClick: () => go(d) }, [
      h('th', { scope: 'row', class: 'number' },
        h('a', { href: linkOf(d), tabIndex: -1, 'aria-label': d < 0 ? 'start' : `step ${d}` }, isCurrent ? `▶ ${label}` : label)),
      ...step === undefined ? [h('td', { colSpan: data.cpus, class: 'start' }, 'start')] : cellsOf(data, step, shapes[d]),
    ])
  }
}

function cellsOf(data: PlayerData, step: PlayerStep, shape: StepShape | undefined): VNode[] {
  return Array.from({ length: data.cpus }, (_, cpu) => {
    const isOff = shape?.irqOn[cpu] === false
    const bars = Array.from({ length: shape?.nesting[cpu] ?? 0 }, (_, i) => h('span', { class: 'bar', key: i, 'aria-hidden': true }))
    const waits = step.waiting.includes(cpu) && cpu !== step.cpu
    const own = cpu === step.cpu ? [stepView(data, step, shape)] : waits ? [h('span', { class: 'waits' }, '… waits')] : []
    return h('td', { class: `lane c${colourOf(cpu)}${isOff ? ' off' : ''}` }, h('div', { class: 'cell' }, [...bars, ...own]))
  })
}

function stepView(data: PlayerData, step: PlayerStep, shape: StepShape | undefined): VNode {
  const { edge = 'none' } = shape ?? {}
  const name = data.contexts[step.context]?.name ?? '-'
  const before = edge === 'enters' || edge === 'both' ? h('b', { class: 'edge' }, `↳ ${name}`) : null
  const behind = edge === 'returns' || edge === 'both' ? h('b', { class: 'edge' }, ` ↵ ${name} returns`) : null
  return h('span', { class: 'what' }, [before, step.op === 'enter' ? null : h('code', {}, step.text), behind])
}

function brokenRow(cpus: number, text: string): VNode {
  return h('tr', { class: 'broken' }, [
    h('th', { scope: 'row', class: 'number' }, '✖'),
    h('td', { colSpan: cpus }, text),
  ])
}
