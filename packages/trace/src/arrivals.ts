// SPDX-License-Identifier: MIT
/**
 * Interrupt arrivals of a recorded trace: when which line fired, for replay.
 */
import { InputError } from '@bottomhalf/base'
import { parseFtraceLine, parseIrqArgs } from './ftrace.js'

/** One interrupt, in ns since the first event of the trace. */
export interface Arrival { readonly timeNs: number, readonly irq: number, readonly name: string, readonly cpu: number }

export interface ArrivalTrace {
  /** In order of time. */
  readonly arrivals: readonly Arrival[]
  /** From the first event of the trace to the last, of any kind. */
  readonly spanNs: number
  /** Lines that are neither events nor known header, comment or marker lines. */
  readonly unreadable: readonly number[]
}

/** Which arrivals of a trace to take: a line's number or its name; all if neither is given. */
export interface ArrivalFilter { readonly irq?: number | undefined, readonly name?: string | undefined }

/** How many interrupts a message names. */
const NAMED = 20
const ENTRY = 'irq_handler_entry'
const EXPECTED = `ftrace text with ${ENTRY} lines (trace-cmd or tracefs, events irq:irq_handler_entry)`

/**
 * Read the `irq_handler_entry` events of an ftrace text. Throws `InputError`: empty, no event at all (names the first
 * line that could not be read), no interrupt lines, or none that the filter takes (names those there are).
 */
export function readArrivals(text: string, file: string, filter: ArrivalFilter = {}): ArrivalTrace {
  const { arrivals, times, unreadable } = readAll(text, file)
  if (arrivals.length === 0) {
    throw new InputError({ file, line: 0, column: 0 }, `${times.count} events, none of them ${ENTRY}`, EXPECTED)
  }
  const taken = arrivals.filter((a) => matches(a, filter))
  if (taken.length === 0) {
    const there = [...new Set(arrivals.map((a) => `${a.irq} (${a.name})`))]
    const more = there.length > NAMED ? ` and ${there.length - NAMED} more` : ''
    const expected = `one of ${there.slice(0, NAMED).join(', ')}${more}`
    throw new InputError({ file, line: 0, column: 0 }, `no interrupt ${describe(filter)}`, expected)
  }
  taken.sort((a, b) => a.timeNs - b.timeNs)
  const shifted = taken.map((a) => ({ ...a, timeNs: a.timeNs - times.first }))
  return { arrivals: shifted, spanNs: times.last - times.first, unreadable }
}

interface Times { first: number, last: number, count: number }

function readAll(text: string, file: string): { arrivals: Arrival[], times: Times, unreadable: number[] } {
  const arrivals: Arrival[] = []
  const unreadable: number[] = []
  const times: Times = { first: Infinity, last: -Infinity, count: 0 }
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/)
  for (const [i, line] of lines.entries()) {
    if (isRemark(line)) continue
    const event = parseFtraceLine(line)
    if (event === undefined) {
      unreadable.push(i + 1)
      continue
    }
    note(times, event.timeNs)
    if (event.event !== ENTRY) continue
    arrivals.push({ timeNs: event.timeNs, cpu: event.cpu, ...irqOf(event.args, line, i + 1, file) })
  }
  if (times.count === 0) throw noEvents(lines, unreadable, file)
  return { arrivals, times, unreadable }
}

function note(times: Times, timeNs: number): void {
  times.first = Math.min(times.first, timeNs)
  times.last = Math.max(times.last, timeNs)
  times.count++
}

function irqOf(args: string, line: string, number: number, file: string): { irq: number, name: string } {
  const irq = parseIrqArgs(args)
  if (irq !== undefined) return irq
  const column = line.indexOf(ENTRY) + ENTRY.length + 3
  throw new InputError({ file, line: number, column }, `${ENTRY} with '${shortened(args)}'`, 'irq=NUMBER name=NAME')
}

function noEvents(lines: string[], unreadable: number[], file: string): InputError {
  const first = unreadable[0]
  if (first === undefined) return new InputError({ file, line: 0, column: 0 }, 'the trace is empty', EXPECTED)
  const found = shortened((lines[first - 1] ?? '').trim())
  return new InputError({ file, line: first, column: 1 }, `'${found}' is no trace event`, EXPECTED)
}

function shortened(text: string): string {
  return text.length > 40 ? `${text.slice(0, 40)}...` : text
}

/** Headers, comments and the markers that ftrace itself writes between events. */
function isRemark(line: string): boolean {
  return line.trim() === '' || /^\s*#|^CPU \d+ is empty|^CPU:\d+ \[LOST|^(cpus|version) ?=|^\s*=> |<stack trace>/.test(line)
}

function matches(arrival: Arrival, filter: ArrivalFilter): boolean {
  if (filter.irq !== undefined && arrival.irq !== filter.irq) return false
  return filter.name === undefined || arrival.name === filter.name
}

function describe(filter: ArrivalFilter): string {
  return [filter.irq, filter.name === undefined ? undefined : `'${filter.name}'`].filter((x) => x !== undefined).join(' ')
}
