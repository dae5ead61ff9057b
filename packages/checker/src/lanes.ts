// SPDX-License-Identifier: MIT
/**
 * An execution as lanes, one for each CPU, a line a step, for a terminal.
 *
 *     step  cpu 0              cpu 1
 *        0  lock L
 *        1                    >h1
 *        2                    ░│ load x : 0
 *        3                    ░└ store x = 1
 *
 * `░` marks what runs with IF = 0, `>` the entry of a handler, whose steps stand behind a bar down to the one with which
 * it returns.
 */
import type { Executor } from './executor.js'
import { activeHandlers, returnsAt } from './nesting.js'
import { Op, opName, READS, properties } from './op.js'
import type { Violation } from './program.js'

export interface LanesOptions {
  /** Columns of a lane. Default: as many as its longest step needs, at most 60. */
  readonly width?: number
  /** What to say of a step beside the lanes: its place in the source, for example. */
  readonly remark?: (step: number) => string
}

const MIN_WIDTH = 12
const MAX_WIDTH = 60

/** The present execution of an executor, as text. */
export function lanes(executor: Executor, violation: Violation | null, options: LanesOptions = {}): string {
  const { remark = () => '' } = options
  const rows = Array.from({ length: executor.depth }, (_, d) => cellsOf(executor, d))
  const longest = Math.max(...rows.flat().map((cell) => cell.length), 0)
  const width = options.width ?? Math.min(Math.max(longest + 2, MIN_WIDTH), MAX_WIDTH)
  const row = (cells: readonly string[]): string => cells.map((cell) => cell.slice(0, width - 1).padEnd(width)).join('')
  const head = row(Array.from({ length: executor.cpuCount }, (_, cpu) => `cpu ${cpu}`))
  const lines = rows.map((cells, d) => `${String(d).padStart(4)}  ${row(cells)}${remark(d)}`.trimEnd())
  const end = violation === null ? [] : ['', `${violation.kind}: ${violation.message}`]
  return [`step  ${head}`.trimEnd(), ...lines, ...end].join('\n')
}

/** What stands in each CPU's lane beside step `d`. */
function cellsOf(executor: Executor, d: number): string[] {
  const { trace, cpuCount } = executor
  return Array.from({ length: cpuCount }, (_, cpu) => {
    const shade = ((trace.irqOn[d]! >>> cpu) & 1) === 0 ? '░' : ' '
    const depth = activeHandlers(executor, d, cpu)
    const own = cpu === trace.cpu[d] ? `${barsOf(executor, d, depth)}${describeStep(executor, d)}` : '│'.repeat(depth)
    return `${shade}${own}`
  })
}

function barsOf(executor: Executor, d: number, depth: number): string {
  if (executor.trace.op[d] === Op.Enter || depth === 0) return '│'.repeat(depth)
  return `${'│'.repeat(depth - 1)}${returnsAt(executor, d) ? '└' : '│'} `
}

/** What step `d` did, for people. */
export function describeStep(executor: Executor, d: number): string {
  const { trace, program } = executor
  const op = trace.op[d]!
  const context = program.contexts[trace.label[d]!]
  if (op === Op.Enter) return `>${context?.name ?? '-'}${context?.kind === 'vector' ? ` vector ${trace.a[d]!}` : ''}`
  const place = trace.length[d] === 0 || op === Op.RaiseVector ? '' : ` ${program.wordName(trace.address[d]!)}`
  return `${opName(op)}${place}${operands(executor, d)}`
}

function operands(executor: Executor, d: number): string {
  const { trace } = executor
  const [op, b, c, value] = [trace.op[d]!, trace.b[d]!, trace.c[d]!, trace.value[d]!]
  switch (op) {
    case Op.St: case Op.Store: return ` = ${b}`
    case Op.Xchg: case Op.FetchAdd: case Op.FetchOr: case Op.FetchAnd: return ` ${b} (was ${value})`
    case Op.Cmpxchg: return ` ${b} -> ${c} (${value === b ? 'done' : `is ${value}`})`
    case Op.TestAndSetBit: case Op.TestAndClearBit: return ` bit ${b} (was ${value})`
    case Op.RaiseVector: return ` ${b} on cpu ${trace.a[d]!}`
    case Op.Xmalloc: return ` ${trace.a[d]!} words: ${value}`
    case Op.StTime: return ` = ${trace.time[d]!}`
    case Op.Lock: case Op.Unlock: return ''
    default: return (properties[op]! & READS) === 0 ? '' : ` : ${value}`
  }
}
