// SPDX-License-Identifier: MIT
/**
 * Compiles the text form to columns: one row per statement of all contexts, registers and words by number.
 *
 * Nothing is looked up by name while a program runs, and a program's state is a few cells, so that going back costs a
 * few writes.
 */
import { hashString } from '@bottomhalf/base'
import { Op } from '../op.js'
import type { ContextHost, ContextInfo, Prepared, Program } from '../program.js'
import { LitmusContexts } from './contexts.js'
import { litmusMap } from './memoryMap.js'
import { comparisons, zero } from './syntax.js'
import type { ContextText, Expression, Place, ProgramText, Statement } from './syntax.js'

/** Statements that are no operation have kinds above those of the operations. */
export const IF = 64
export const JMP = 65
export const SET = 66
const ASSERT = 67

/** An operand is reg[left] + reg[right] + constant; register 0 always holds 0. `fixed`: no operand has a register. */
const COLUMNS = ['kind', 'dest', 'target', 'fixed', 'a1', 'aK', 'b1', 'b2', 'bK', 'c1', 'c2', 'cK', 'line'] as const
type Row = Record<typeof COLUMNS[number], number>
export type Code = Readonly<Record<typeof COLUMNS[number], Int32Array>>

/** A compiled program, and where its names went. */
export interface LitmusProgram extends Program {
  readonly text: ProgramText
  readonly code: Code
  /** First row of each context. */
  readonly entry: readonly number[]
  readonly words: ReadonlyMap<string, number>
  /** `CONTEXT.REGISTER` to number. */
  readonly registers: ReadonlyMap<string, number>
  /** First register of each context, and behind them all. */
  readonly firstRegister: readonly number[]
  readonly asserts: readonly string[]
}

export interface CompileOptions {
  /** Each handler a thread of its own that holds its CPU's interrupt lock; `cli` and `sti` of the base take and drop it. */
  readonly threads?: boolean
}

const FIRST_WORD = 2
const HEAP_WORDS_PER_CONTEXT = 64

/** Compile a parsed program. */
export function compile(text: ProgramText, options: CompileOptions = {}): LitmusProgram {
  const source = options.threads === true ? withThreads(text) : text
  return new Compiler(source).program(text)
}

/** The third mode of programs with interrupts: a handler as a thread that holds its CPU's interrupt lock. */
function withThreads(text: ProgramText): ProgramText {
  const lock = (op: number, cpu: number): Statement =>
    ({ kind: 'access', op, dest: '', place: { name: `irq.${cpu}`, index: zero }, b: zero, c: zero, line: 0 })
  let threads = 1 + Math.max(...text.contexts.map((context) => context.cpu))
  const contexts = text.contexts.map((context): ContextText => {
    const { cpu, code } = context
    if (context.kind === 'base') return { ...context, code: code.map((s) => maskAsLock(s, cpu, lock)) }
    const body = [lock(Op.Lock, cpu), ...code, lock(Op.Unlock, cpu)]
    return { name: context.name, cpu: threads++, kind: 'base', code: body }
  })
  return { ...text, contexts }
}

function maskAsLock(statement: Statement, cpu: number, lock: (op: number, cpu: number) => Statement): Statement {
  if (statement.kind !== 'access') return statement
  if (statement.op === Op.IrqDisable) return lock(Op.Lock, cpu)
  if (statement.op === Op.IrqEnable) return lock(Op.Unlock, cpu)
  return statement
}

/** Code that only moved down a file is the same code. */
const withoutLines = (key: string, value: unknown): unknown => (key === 'line' ? undefined : value)

class Compiler {
  private readonly text: ProgramText
  private readonly rows: Row[] = []
  private readonly words = new Map<string, number>()
  private readonly registers = new Map<string, number>()
  private readonly asserts: string[] = []
  private nextWord = FIRST_WORD
  private context = ''

  constructor(text: ProgramText) {
    this.text = text
    for (const [name, size] of text.arrays) this.allocate(name, size)
  }

  program(original: ProgramText): LitmusProgram {
    const { text } = this
    const firstRegister = [1]
    const entry = text.contexts.map((context) => {
      const row = this.compileContext(context)
      firstRegister.push(this.registers.size + 1)
      return row
    })
    const initial = text.initial
      .map(({ place, value }) => [this.word(place.name) + place.index.constant, value] as const)
    const columns = COLUMNS.map((name) => [name, Int32Array.from(this.rows, (row) => row[name])] as const)
    const code = Object.fromEntries(columns) as unknown as Code
    const names = this.wordNames()
    const words = (this.nextWord + 31) & ~31
    const usesHeap = this.rows.some((row) => row.kind === Op.Xmalloc || row.kind === Op.Xfree)
    const heapWords = usesHeap ? text.contexts.length * HEAP_WORDS_PER_CONTEXT : 0
    const result: LitmusProgram = {
      name: text.name,
      cpuCount: 1 + Math.max(...text.contexts.map((context) => context.cpu)),
      contexts: text.contexts.map(({ name, cpu, kind }): ContextInfo => ({ name, cpu, kind })),
      nest: text.nest,
      codeHash: hashString(JSON.stringify([text.nest, text.initial, text.contexts], withoutLines)),
      hasPlainAccess: this.rows.some((row) => row.kind === Op.Ld || row.kind === Op.St || row.kind === Op.Xfree),
      map: litmusMap(text, this.words),
      wordName: (address) => names[address] ?? `[${address}]`,
      prepare: (host: ContextHost): Prepared => {
        const memory = new Int32Array(words + heapWords)
        for (const [address, value] of initial) memory[address] = value
        const contexts = new LitmusContexts(result, host)
        const heap = usesHeap ? { base: words, end: words + heapWords, live: [] } : null
        return { memory, contexts, firstWord: FIRST_WORD, heap }
      },
      text: original, code, entry, words: this.words, registers: this.registers, firstRegister, asserts: this.asserts,
    }
    return result
  }

  private compileContext({ name, code }: ContextText): number {
    this.context = name
    const first = this.rows.length
    const labels = new Map<string, number>()
    let at = first
    for (const statement of code) {
      if (statement.kind === 'label') labels.set(statement.target, at)
      else at++
    }
    for (const statement of code) {
      if (statement.kind !== 'label') this.rows.push({ ...this.row(statement, labels), line: statement.line })
    }
    this.rows.push({ ...this.operands(), kind: Op.Done })
    return first
  }

  private row(statement: Statement, labels: ReadonlyMap<string, number>): Row {
    switch (statement.kind) {
      case 'access': {
        const { place, b, c, dest } = statement
        const row = this.operands(b, c, place)
        return { ...row, kind: statement.op, dest: dest === '' ? -1 : this.register(dest) }
      }
      case 'if': case 'assert': {
        const row = this.operands(statement.left, statement.right)
        if (statement.kind === 'assert') this.asserts.push(statement.text)
        const target = statement.kind === 'if' ? labels.get(statement.target) ?? 0 : this.asserts.length - 1
        return { ...row, kind: statement.kind === 'if' ? IF : ASSERT, target, dest: comparisons.indexOf(statement.comparison) }
      }
      case 'set': return { ...this.operands(statement.value), kind: SET, dest: this.register(statement.dest) }
      default: return { ...this.operands(), kind: JMP, target: labels.get(statement.target) ?? 0 }
    }
  }

  private operands(b: Expression = zero, c: Expression = zero, place: Place | null = null): Row {
    const a = place?.index ?? zero
    const base = place === null || place.name === '' ? 0 : this.word(place.name)
    const names = [a.left, b.left, b.right, c.left, c.right]
    return {
      kind: 0, dest: -1, target: 0, fixed: names.every((name) => name === '') ? 1 : 0,
      a1: this.register(a.left), aK: base + a.constant,
      b1: this.register(b.left), b2: this.register(b.right), bK: b.constant,
      c1: this.register(c.left), c2: this.register(c.right), cK: c.constant, line: 0,
    }
  }

  private register(name: string): number {
    if (name === '') return 0
    const key = `${this.context}.${name}`
    const known = this.registers.get(key)
    if (known !== undefined) return known
    this.registers.set(key, this.registers.size + 1)
    return this.registers.size
  }

  private word(name: string): number {
    return this.words.get(name) ?? this.allocate(name, 1)
  }

  private allocate(name: string, size: number): number {
    const first = this.nextWord
    this.nextWord += size
    this.words.set(name, first)
    return first
  }

  private wordNames(): string[] {
    const names: string[] = []
    for (const [name, first] of this.words) {
      const size = this.text.arrays.get(name)
      for (let i = 0; i < (size ?? 1); i++) names[first + i] = size === undefined ? name : `${name}[${i}]`
    }
    return names
  }
}
