// SPDX-License-Identifier: MIT
/** The lanes: a column a CPU, a row a step, IF = 0 shaded, handlers nested. */
import { h, type VNode } from './element.js'
import type { PlayerData, PlayerStep } from '../data.js'
import { linkOf } from './keys.js'
import type { StepShape } from './state.js'
import { colourOf, shapeOf } from './words.js'

export interface LanesProps {
  readonly data: PlayerData
  readonly shapes: readonly StepShape[]
  readonly position: number
  readonly go: (position: number) => void
}

export function lanesView(props: LanesProps): VNode {
  const { data: { cpus, steps, violation } } = props
  return h('table', { class: 'lanes' }, [
    h('caption', { class: 'unseen' }, 'Steps by CPU; the current one is marked'),
    h('thead', {}, h('tr', {}, [
      h('th', { scope: 'col', class: 'number' }, 'step'),
      ...Array.from({ length: cpus }, (_, cpu) => h('th', { scope: 'col', class: `cpu c${colourOf(cpu)}` }, `${shapeOf(cpu)} CPU ${cpu}`)),
    ])),
    h('tbody', {}, [
      rowFrame(-1, props, [h('td', { colSpan: cpus, class: 'start' }, 'start')]),
      ...steps.map((step, d) => rowFrame(d, props, cellsOf(props, step, d))),
      ...violation === null ? [] : [brokenRow(cpus, `${violation.kind}: ${violation.message}`)],
    ]),
  ])
}

function rowFrame(d: number, { position, go }: LanesProps, cells: VNode[]): VNode {
  const isCurrent = d === position
  const label = d < 0 ? '' : String(d)
  return h('tr', {
    key: d, class: isCurrent ? 'current' : d > position ? 'later' : 'done', 'data-step': d,
    'aria-current': isCurrent ? 'step' : undefined,
    onClick: () => go(d),
  }, [
    h('th', { scope: 'row', class: 'number' },
      h('a', { href: linkOf(d), tabIndex: -1, 'aria-label': d < 0 ? 'start' : `step ${d}` }, isCurrent ? `▶ ${label}` : label)),
    ...cells,
  ])
}

function cellsOf({ data, shapes }: LanesProps, step: PlayerStep, d: number): VNode[] {
  const shape = shapes[d]
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
