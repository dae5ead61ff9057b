// SPDX-License-Identifier: MIT
/**
 * An execution as lanes, one for each CPU, a line a step, for a terminal.
 *
 *     step  cpu 0              cpu 1
 *        0  lock L
 *        1                    >h1
 *        2                    ░lock L waits
 *
 * `░` marks what runs with IF = 0, `>` the entry of a handler; a handler's steps are indented below it.
 */
import type { Executor } from './executor.js'
import { Op, opName, READS, properties } from './op.js'
import type { Violation } from './program.js'

export interface LanesOptions {
  /** Columns of a lane. Default: 26. */
  readonly width?: number
}

/** The present execution of an executor, as text. */
export function lanes(executor: Executor, violation: Violation | null, options: LanesOptions = {}): string {
  const { width = 26 } = options
  const { cpuCount, depth } = executor
  const head = Array.from({ length: cpuCount }, (_, cpu) => `cpu ${cpu}`.padEnd(width)).join('')
  const lines = [`step  ${head}`.trimEnd()]
  for (let d = 0; d < depth; d++) lines.push(lineOf(executor, d, width))
  if (violation !== null) lines.push('', `${violation.kind}: ${violation.message}`)
  return lines.join('\n')
}

function lineOf(executor: Executor, d: number, width: number): string {
  const { trace, cpuCount } = executor
  const cpu = trace.cpu[d]!
  const shade = ((trace.irqOn[d]! >>> cpu) & 1) === 0 ? '░' : ' '
  const cell = `${shade}${describeStep(executor, d)}`.slice(0, width - 1).padEnd(width)
  const cells = Array.from({ length: cpuCount }, (_, other) =>
    other === cpu ? cell : idle(executor, d, other).padEnd(width))
  return `${String(d).padStart(4)}  ${cells.join('')}`.trimEnd()
}

function idle(executor: Executor, d: number, cpu: number): string {
  return ((executor.trace.irqOn[d]! >>> cpu) & 1) === 0 ? '░' : ''
}

/** What step `d` did, for people. */
export function describeStep(executor: Executor, d: number): string {
  const { trace, program } = executor
  const op = trace.op[d]!
  const context = program.contexts[trace.label[d]!]
  const name = context?.name ?? '-'
  if (op === Op.Enter) return `>${name}${context?.kind === 'vector' ? ` vector ${trace.a[d]!}` : ''}`
  const indent = context?.kind === 'base' ? '' : `${name}: `
  const place = trace.length[d] === 0 || op === Op.RaiseVector ? '' : ` ${program.wordName(trace.address[d]!)}`
  return `${indent}${opName(op)}${place}${operands(executor, d)}`
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
