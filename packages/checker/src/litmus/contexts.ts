// SPDX-License-Identifier: MIT
/**
 * Runs compiled text programs: each context is a row number and registers, all of them cells of the executor.
 */
import { scramble } from '../scramble.js'
import type { CodePlace, ContextHost, Contexts } from '../program.js'
import { IF, JMP, SET, type Code, type LitmusProgram } from './compile.js'

/** Statements without an operation that a context may run in a row: more is a loop that nothing can end. */
const MAX_SILENT = 100_000

export class LitmusContexts implements Contexts {
  private readonly host: ContextHost
  private readonly code: Code
  private readonly entry: Int32Array
  private readonly asserts: readonly string[]
  private readonly row: number
  private readonly register: number
  /** First register of each context, and behind them all. */
  private readonly firstRegister: Int32Array

  constructor(program: LitmusProgram, host: ContextHost) {
    this.host = host
    this.code = program.code
    this.entry = Int32Array.from(program.entry)
    this.asserts = program.asserts
    this.firstRegister = Int32Array.from(program.firstRegister)
    this.row = host.reserve(program.contexts.length)
    this.register = host.reserve(program.registers.size + 1)
  }

  start(context: number): void {
    this.run(context, this.entry[context]!)
  }

  resume(context: number, value: number): void {
    const row = this.host.cell(this.row + context)
    const dest = this.code.dest[row]!
    if (dest >= 0) this.host.setCell(this.register + dest, value)
    this.run(context, row + 1)
  }

  localHash(context: number, half: number): number {
    const { host, register } = this
    let hash = host.cell(this.row + context) + half
    const end = this.firstRegister[context + 1]!
    for (let r = this.firstRegister[context]!; r < end; r++) {
      hash = scramble(hash + Math.imul(r, 0x9e3779b1)) ^ host.cell(register + r)
    }
    return scramble(hash)
  }

  places(context: number): CodePlace[] {
    const line = this.code.line[this.host.cell(this.row + context)]!
    return line === 0 ? [] : [{ file: '', line, where: '' }]
  }

  /** What a register holds. */
  registerValue(number: number): number {
    return this.host.cell(this.register + number)
  }

  private run(context: number, from: number): void {
    const { code, host } = this
    let row = from
    let kind = code.kind[row]!
    for (let silent = 0; kind >= IF; kind = code.kind[row]!) {
      if (++silent > MAX_SILENT) return host.fail(context, 'livelock', 'a loop without any operation')
      if (kind === IF) row = this.compare(row) ? code.target[row]! : row + 1
      else if (kind === JMP) row = code.target[row]!
      else if (kind === SET) host.setCell(this.register + code.dest[row]!, this.b(row++))
      else if (this.compare(row)) row++
      else return host.fail(context, 'assertion', `assert ${this.asserts[code.target[row]!] ?? ''}`)
    }
    host.setCell(this.row + context, row)
    if (code.fixed[row] !== 0) host.offer(context, kind, code.aK[row]!, code.bK[row]!, code.cK[row]!)
    else host.offer(context, kind, this.a(row), this.b(row), this.c(row))
  }

  private a(row: number): number {
    return this.host.cell(this.register + this.code.a1[row]!) + this.code.aK[row]!
  }

  private b(row: number): number {
    const { code, host, register } = this
    return (host.cell(register + code.b1[row]!) + host.cell(register + code.b2[row]!) + code.bK[row]!) | 0
  }

  private c(row: number): number {
    const { code, host, register } = this
    return (host.cell(register + code.c1[row]!) + host.cell(register + code.c2[row]!) + code.cK[row]!) | 0
  }

  private compare(row: number): boolean {
    const left = this.b(row)
    const right = this.c(row)
    switch (this.code.dest[row]) {
      case 0: return left === right
      case 1: return left !== right
      case 2: return left < right
      case 3: return left <= right
      case 4: return left > right
      case 5: return left >= right
      case 6: return (left & right) !== 0
      default: return (left & right) === 0
    }
  }
}
