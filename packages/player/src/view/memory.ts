// SPDX-License-Identifier: MIT
/** Memory, painted: boxes and links, and the same as a table for whoever cannot see a drawing. */
import { h, type VNode } from './element.js'
import type { PlayerData } from '../data.js'
import { drawingOf, ROW, TITLE, type Box, type Drawing, type Row } from './drawing.js'
import type { MachineState } from './state.js'
import { colourOf, shapeOf } from './words.js'

export function memoryView(data: PlayerData, state: MachineState, position: number): VNode {
  const drawing = drawingOf(data, state, position)
  return h('div', {}, [picture(data, drawing), asTable(data, drawing)])
}

function picture(data: PlayerData, { width, height, boxes, links }: Drawing): VNode {
  return h('div', { class: 'picture' }, h('svg', {
    viewBox: `-4 -4 ${width + 8} ${height + 8}`, style: `--width:${width + 8}`, 'aria-hidden': true, focusable: 'false',
  }, [
    h('defs', {}, h('marker', {
      id: 'tip', viewBox: '0 0 10 10', refX: 9, refY: 5, markerWidth: 8, markerHeight: 8, orient: 'auto-start-reverse',
    }, h('path', { d: 'M0 0L10 5L0 10z', class: 'tip' }))),
    ...boxes.map((box) => boxView(data, box)),
    ...links.map(({ path, isBack, isNew }) =>
      h('path', { d: path, class: `link${isBack ? ' back' : ''}${isNew ? ' new' : ''}`, 'marker-end': 'url(#tip)' })),
  ]))
}

function boxView(data: PlayerData, { object, rows, x, y, width, height, isFree }: Box): VNode {
  return h('g', { transform: `translate(${x} ${y})`, class: isFree ? 'box free' : 'box', key: object.address }, [
    h('rect', { class: 'frame', width, height, rx: 6 }),
    h('text', { class: 'title', x: 10, y: TITLE - 10 }, isFree ? `${object.name} (freed)` : object.name),
    ...rows.map((row) => rowView(data, row, width)),
  ])
}

function rowView(data: PlayerData, { field, value, writer, touched, y }: Row, width: number): VNode {
  return h('g', { transform: `translate(0 ${y})`, class: `word ${touched}` }, [
    touched === 'no' ? null : h('rect', { class: 'touch', x: 3, y: 1, width: width - 6, height: ROW - 2, rx: 3 }),
    h('text', { x: 10, y: ROW - 8 }, [h('tspan', { class: 'name' }, `${field.name} `), h('tspan', { class: 'value' }, value)]),
    writer < 0 ? null : writerMark(data, writer, width),
  ])
}

function writerMark(data: PlayerData, writer: number, width: number): VNode {
  const cpu = data.steps[writer]?.cpu ?? 0
  return h('text', { class: `writer c${colourOf(cpu)}`, x: width - 8, y: ROW - 8, 'text-anchor': 'end' }, `${shapeOf(cpu)}${writer}`)
}

function asTable(data: PlayerData, { boxes }: Drawing): VNode {
  const rows = boxes.flatMap(({ object, rows: words, isFree }) => words.map(({ field, value, writer, touched }) =>
    h('tr', { key: field.address, class: touched }, [
      h('th', { scope: 'row' }, fullName(object.name, field.name)),
      h('td', {}, isFree ? `${value} (freed)` : value),
      h('td', {}, writer < 0 ? 'as set up' : `step ${writer}, CPU ${data.steps[writer]?.cpu ?? '-'}`),
    ])))
  return h('details', { class: 'words' }, [
    h('summary', {}, 'Memory as a table'),
    h('table', {}, [
      h('thead', {}, h('tr', {}, ['word', 'value', 'written last by'].map((title) => h('th', { scope: 'col' }, title)))),
      h('tbody', {}, rows),
    ]),
  ])
}

function fullName(object: string, field: string): string {
  return object === '' || field.startsWith(object) ? field : `${object}${field.startsWith('[') ? '' : '.'}${field}`
}
