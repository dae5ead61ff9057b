// SPDX-License-Identifier: MIT
/**
 * Memory as a drawing: boxes with a row a word, and links between them. Only numbers and texts: `memory.ts` paints it.
 *
 * Fixed objects stand in the first column. A block of the heap stands one column right of what leads to it, so that a
 * list is a chain that reads from left to right. What no link touches is packed below, as wide as the rest.
 */
import type { PlayerData, PlayerField, PlayerObject } from '../data.js'
import type { MachineState } from './state.js'

export interface Row {
  readonly field: PlayerField
  readonly value: string
  /** The step that wrote it last; -1: nobody did. */
  readonly writer: number
  readonly touched: 'written' | 'read' | 'no'
  readonly y: number
}

export interface Box {
  readonly object: PlayerObject
  readonly rows: readonly Row[]
  readonly isFree: boolean
  x: number
  y: number
  readonly width: number
  readonly height: number
}

interface Link {
  readonly path: string
  /** It leads back: drawn thin. */
  readonly isBack: boolean
  readonly isNew: boolean
}

export interface Drawing {
  readonly width: number
  readonly height: number
  readonly boxes: readonly Box[]
  readonly links: readonly Link[]
}

const CHARACTER = 9.7
export const ROW = 26
export const TITLE = 30
const GAP = 18
const COLUMN_GAP = 56
const LEAST_WIDTH = 560
/** For the mark of the last writer at the end of a row. */
const WRITER = 6

/** Draw the memory behind step `position`. */
export function drawingOf(data: PlayerData, state: MachineState, position: number): Drawing {
  const existing = data.objects.filter(({ from = -1 }) => from <= position)
  const boxes = existing.map((object) => boxOf(data, object, state, position))
  const links = linksOf(boxes, state)
  const columns = columnsOf(boxes, links)
  const width = placeColumns(columns)
  const below = columns.length === 0 ? 0 : Math.max(...columns.flat().map((box) => box.y + box.height)) + GAP
  const rest = boxes.filter((box) => !columns.flat().includes(box))
  const bottom = shelve(rest, below, Math.max(width, LEAST_WIDTH))
  return {
    width: Math.max(width, LEAST_WIDTH),
    height: Math.max(bottom, below, TITLE),
    boxes,
    links: links.map(({ from, row, to, target }) => ({
      path: pathOf(from, row, to, target),
      isBack: /prev/i.test(row.field.name),
      isNew: row.touched === 'written',
    })),
  }
}

function boxOf(data: PlayerData, object: PlayerObject, state: MachineState, position: number): Box {
  const touched = data.steps[position]?.touched ?? []
  const rows = object.fields.map((field, index): Row => {
    const { value = field.initial, writer = -1 } = state.words.get(field.address) ?? {}
    const access = touched.find(({ address }) => address === field.address)
    return {
      field, writer, value: valueText(data, field, value), y: TITLE + index * ROW,
      touched: access === undefined ? 'no' : access.writes ? 'written' : 'read',
    }
  })
  const lengths = rows.map(({ field, value }) => field.name.length + value.length + 3 + WRITER)
  const longest = Math.max(...lengths, object.name.length + 10)
  return {
    object, rows, isFree: object.to !== undefined && object.to <= position,
    x: 0, y: 0, width: Math.ceil(longest * CHARACTER), height: TITLE + rows.length * ROW + 6,
  }
}

/** A value for people. */
export function valueText(data: PlayerData, { kind }: PlayerField, value: number): string {
  if (kind === 'lock') return value === 0 ? 'free' : `held by ${data.contexts[value - 1]?.name ?? value}`
  const isBits = kind === 'word' && Math.abs(value) >= 1e6
  if (kind !== 'link') return isBits ? `0x${(value >>> 0).toString(16)}` : String(value)
  if (value === 0) return 'null'
  return objectAt(data.objects, value)?.name ?? `[${value}]`
}

interface Lead { readonly from: Box, readonly row: Row, readonly to: Box, readonly target: number }

function linksOf(boxes: readonly Box[], state: MachineState): Lead[] {
  return boxes.flatMap((from) => from.rows.flatMap((row): Lead[] => {
    const target = state.words.get(row.field.address)?.value ?? row.field.initial
    if (row.field.kind !== 'link' || target === 0) return []
    const to = boxes.find(({ object, isFree }) => !isFree && contains(object, target))
    return to === undefined ? [] : [{ from, row, to, target }]
  }))
}

function contains({ address, words }: PlayerObject, at: number): boolean {
  return at >= address && at < address + words
}

function objectAt(objects: readonly PlayerObject[], at: number): PlayerObject | undefined {
  return objects.find((object) => contains(object, at))
}

/** Boxes that links touch, by column. */
function columnsOf(boxes: readonly Box[], links: readonly Lead[]): Box[][] {
  const linked = new Set(links.flatMap(({ from, to }) => [from, to]))
  const columns: Box[][] = [boxes.filter((box) => linked.has(box) && !box.object.isBlock)]
  const placed = new Set(columns[0])
  const onward = [...links].sort((a, b) => Number(/prev/i.test(a.row.field.name)) - Number(/prev/i.test(b.row.field.name)))
  for (let column = columns[0] ?? []; column.length > 0;) {
    const before = column
    column = []
    for (const { from, to } of onward) {
      if (!before.includes(from) || placed.has(to)) continue
      placed.add(to)
      column.push(to)
    }
    if (column.length > 0) columns.push(column)
  }
  const lost = [...linked].filter((box) => !placed.has(box))         // blocks that lead only to one another
  return [...columns, lost].filter((column) => column.length > 0)
}

/** Place columns from left to right; the width of all. */
function placeColumns(columns: readonly Box[][]): number {
  let x = 0
  for (const column of columns) {
    let y = 0
    for (const box of column) {
      box.x = x
      box.y = y
      y += box.height + GAP
    }
    x += Math.max(...column.map((box) => box.width)) + COLUMN_GAP
  }
  return Math.max(0, x - COLUMN_GAP)
}

/** Place boxes in rows from `top` down; where they end. */
function shelve(boxes: readonly Box[], top: number, width: number): number {
  let x = 0
  let y = top
  let rowHeight = 0
  for (const box of boxes) {
    if (x > 0 && x + box.width > width) {
      x = 0
      y += rowHeight + GAP
      rowHeight = 0
    }
    box.x = x
    box.y = y
    x += box.width + GAP
    rowHeight = Math.max(rowHeight, box.height)
  }
  return y + rowHeight
}

/** From the row of a link to the row, or the title, that it leads to, by the sides that face each other. */
function pathOf(from: Box, row: Row, to: Box, target: number): string {
  const inner = to.rows.find(({ field }) => field.address === target)
  const y1 = from.y + row.y + ROW / 2
  const y2 = to.y + (inner === undefined || target === to.object.address ? TITLE / 2 : inner.y + ROW / 2)
  const rightward = to.x >= from.x + from.width
  const leftward = to.x + to.width <= from.x
  const x1 = leftward ? from.x : from.x + from.width
  const x2 = rightward ? to.x : to.x + to.width
  const bend = rightward || leftward ? Math.abs(x2 - x1) / 2 : 40
  const c1 = leftward ? x1 - bend : x1 + bend
  const c2 = rightward ? x2 - bend : x2 + bend
  return `M${x1} ${y1} C${c1} ${y1} ${c2} ${y2} ${x2} ${y2}`
}
