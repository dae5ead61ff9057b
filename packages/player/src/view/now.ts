// SPDX-License-Identifier: MIT
/** The step that is shown: who does what, what it changes, the rule it keeps, and its lines in the source. */
import { h, type VNode } from './element.js'
import type { PlayerData, PlayerPlace, PlayerStep } from '../data.js'
import { colourOf, contextText, effectsOf, shapeOf } from './words.js'

/** Lines shown above and below the line of the step. */
const AROUND = 4

export function nowView(data: PlayerData, position: number): VNode {
  const step = data.steps[position]
  if (step === undefined) {
    return h('div', { class: 'now' }, h('p', { class: 'what' }, 'Start: nothing has run. Press → for the first step.'))
  }
  const isLast = position === data.steps.length - 1
  return h('div', { class: `now c${colourOf(step.cpu)}` }, [
    h('p', { class: 'who' }, `${shapeOf(step.cpu)} CPU ${step.cpu} · ${contextText(data, step.context)}${step.irqOn[0] ? '' : ' · IF = 0'}`),
    h('p', { class: 'what' }, h('code', {}, step.op === 'enter' ? `${data.contexts[step.context]?.name ?? '-'} enters` : step.text)),
    h('ul', { class: 'effects' }, effectsOf(step).map((effect) => h('li', {}, effect))),
    ...step.rules.map(({ label, text }) => h('p', { class: 'rule' }, [h('b', {}, label), ` ${text}`])),
    isLast && data.violation !== null
      ? h('p', { class: 'broken' }, `✖ ${data.violation.kind}: ${data.violation.message}`)
      : null,
  ])
}

export function sourceView(data: PlayerData, step: PlayerStep | undefined): VNode {
  const [place, ...callers] = step?.places ?? []
  const source = place === undefined ? undefined : data.sources[place.source]
  if (place === undefined || source === undefined) {
    return h('p', { class: 'source none' }, step?.op === 'enter' ? 'The interrupt enters here; its first line is the next step of its lane.' : '')
  }
  const from = Math.max(source.firstLine, place.line - AROUND)
  const lines = source.lines.slice(from - source.firstLine, place.line + AROUND + 1 - source.firstLine)
  return h('figure', { class: 'source' }, [
    h('figcaption', {}, `${source.name}:${place.line}${place.where === '' ? '' : ` in ${functionText(place)}`}`),
    h('pre', { tabIndex: 0, 'aria-label': 'Source' }, lines.map((line, i) => lineView(from + i, line, from + i === place.line))),
    callers.length === 0 ? null : h('p', { class: 'callers' }, `called by ${callers.map((c) => callerText(data, c)).join(' ← ')}`),
  ])
}

function lineView(number: number, text: string, isCurrent: boolean): VNode {
  const mark = isCurrent ? '▶' : ' '
  return h('div', { class: isCurrent ? 'line current' : 'line' }, [h('span', { class: 'number' }, `${mark}${String(number).padStart(5)} `), text])
}

function callerText(data: PlayerData, place: PlayerPlace): string {
  const { source, line, where } = place
  return `${where === '' ? '' : `${functionText(place)} `}${data.sources[source]?.name ?? ''}:${line}`
}

/** A function, and what the original calls it. */
function functionText({ where, original }: PlayerPlace): string {
  return original === undefined ? where : `${where} (${original})`
}
