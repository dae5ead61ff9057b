// SPDX-License-Identifier: MIT
/** Reads the text form (`syntax.ts`). The first thing that is wrong is met with line, column and what was expected. */
import { Op } from '../op.js'
import { accesses, awaitTests, comparisons, zero } from './syntax.js'
import type { Comparison, ContextText, Expression, Place, ProgramText, Statement, StatementBody } from './syntax.js'

/** Text that is no program. */
export class LitmusError extends Error {
  override readonly name = 'LitmusError'
  readonly line: number
  readonly column: number

  constructor(line: number, column: number, message: string) {
    super(`${line}:${column}: ${message}`)
    this.line = line
    this.column = column
  }
}

/** All programs of a text, in order. Throws `LitmusError`. */
export function parsePrograms(text: string): ProgramText[] {
  const programs: ProgramText[] = []
  let open: OpenProgram | null = null
  const lines = text.split('\n')
  for (const [index, line] of lines.entries()) {
    const words = new Words(line, index + 1)
    if (words.atEnd()) continue
    const first = words.peek()
    if (open === null) {
      words.expectWord('prog', 'a program (prog NAME)')
      open = openProgram(words.next('the name of the program'))
    } else if (first === 'end') {
      words.next('end')
      programs.push(closeProgram(open, words))
      open = null
    } else readLine(open, words)
    words.expectEnd()
  }
  if (open !== null) throw new LitmusError(lines.length, 1, 'the program is not closed: expected end')
  return programs
}

interface OpenContext { name: string, cpu: number, kind: ContextText['kind'], code: Statement[] }
interface OpenProgram {
  name: string
  nest: number
  arrays: Map<string, number>
  initial: { place: Place, value: number }[]
  contexts: OpenContext[]
  targets: { context: OpenContext, target: string, line: number, column: number }[]
}

function openProgram(name: string): OpenProgram {
  return { name, nest: 1, arrays: new Map(), initial: [], contexts: [], targets: [] }
}

function closeProgram(program: OpenProgram, words: Words): ProgramText {
  for (const { context, target, line, column } of program.targets) {
    if (context.code.some((s) => s.kind === 'label' && s.target === target)) continue
    throw new LitmusError(line, column, `no label ${target} in ${context.name}`)
  }
  if (program.contexts.length === 0) throw words.error('the program has no contexts: expected base CPU or irq NAME CPU')
  const order = { base: 0, irq: 1, vector: 2 }
  const contexts = [...program.contexts].sort((a, b) => order[a.kind] - order[b.kind])
  return { name: program.name, nest: program.nest, arrays: program.arrays, initial: program.initial, contexts }
}

function readLine(program: OpenProgram, words: Words): void {
  const word = words.next('a statement')
  switch (word) {
    case 'nest': program.nest = words.count('the number of handlers active at once', 1); return
    case 'array': program.arrays.set(words.next('the name of the array'), words.count('its number of words', 1)); return
    case 'init': program.initial.push({ place: words.place(), value: words.constant('its first value') }); return
    case 'base': openContext(program, words, 'base'); return
    case 'irq': openContext(program, words, 'irq'); return
    case 'vec': openContext(program, words, 'vector'); return
    default: readStatement(program, words, word)
  }
}

function openContext(program: OpenProgram, words: Words, kind: ContextText['kind']): void {
  const name = kind === 'base' ? '' : words.next('the name of the handler')
  const cpu = words.count('the number of its CPU', 0)
  const context = { name: name === '' ? `base${cpu}` : name, cpu, kind, code: [] }
  if (program.contexts.some((other) => other.name === context.name)) throw words.error(`${context.name} is there already`)
  program.contexts.push(context)
}

function readStatement(program: OpenProgram, words: Words, word: string): void {
  const context = program.contexts.at(-1)
  if (context === undefined) throw words.error(`${word} stands before the first base or irq`)
  context.code.push({ ...readBody(program, context, words, word), line: words.line })
}

function readBody(program: OpenProgram, context: OpenContext, words: Words, word: string): StatementBody {
  const access = accesses.get(word)
  if (access !== undefined) return readAccess(words, ...access)
  switch (word) {
    case 'wait': return readWait(words)
    case 'set': return { kind: 'set', dest: words.register(), value: words.expression() }
    case 'label': return { kind: 'label', target: words.next('the name of the label') }
    case 'jmp': return { kind: 'jmp', target: readTarget(program, context, words) }
    case 'if': case 'assert': return readCondition(program, context, words, word)
    default: throw words.error(`unknown statement ${word}`)
  }
}

function readAccess(words: Words, op: number, operands: string): StatementBody {
  let dest = ''
  let place: Place | null = null
  const expressions: Expression[] = []
  for (const operand of operands) {
    if (operand === 'D') dest = words.register()
    else if (operand === 'A') place = words.place()
    else expressions.push(words.expression())
  }
  // operations without a place have their first operand in its stead
  if (place === null && expressions.length > 0) place = { name: '', index: expressions.shift() ?? zero }
  return { kind: 'access', op, dest, place, b: expressions[0] ?? zero, c: expressions[1] ?? zero }
}

function readWait(words: Words): StatementBody {
  const place = words.place()
  const test = words.atEnd() ? '!=' : words.next('a comparison')
  const number = awaitTests.get(test)
  if (number === undefined) throw words.error(`wait cannot test ${test}, only ${[...awaitTests.keys()].join(' ')}`)
  const c = words.atEnd() ? zero : words.expression()
  return { kind: 'access', op: Op.AwaitWord, dest: '', place, b: { ...zero, constant: number }, c }
}

function readCondition(program: OpenProgram, context: OpenContext, words: Words, kind: 'if' | 'assert'): StatementBody {
  const text = words.rest()
  const left = words.expression()
  const word = words.next('a comparison')
  const comparison = comparisons.find((known): known is Comparison => known === word)
  if (comparison === undefined) throw words.error(`${word} is no comparison, expected ${comparisons.join(' ')}`)
  const right = words.expression()
  const target = kind === 'if' ? readTarget(program, context, words) : ''
  return { kind, left, comparison, right, target, text }
}

function readTarget(program: OpenProgram, context: OpenContext, words: Words): string {
  const target = words.next('the name of a label')
  program.targets.push({ context, target, line: words.line, column: words.column })
  return target
}

const numberForm = /^-?\d+$/
const nameForm = /^[A-Za-z_]\w*$/
const placeForm = /^([A-Za-z_][\w.]*)?(?:\[(.+)\])?$/

/** The words of a line, with where they stand. */
class Words {
  readonly line: number
  column = 1
  private readonly text: string
  private readonly found: { word: string, column: number }[]
  private at = 0

  constructor(text: string, line: number) {
    this.line = line
    this.text = text.replace(/#.*/, '')
    this.found = [...this.text.matchAll(/\S+/g)].map((match) => ({ word: match[0], column: match.index + 1 }))
  }

  atEnd(): boolean {
    return this.at >= this.found.length
  }

  peek(): string | undefined {
    return this.found[this.at]?.word
  }

  rest(): string {
    return this.text.slice((this.found[this.at]?.column ?? 1) - 1).trim()
  }

  next(expected: string): string {
    const entry = this.found[this.at]
    this.column = entry?.column ?? this.text.trimEnd().length + 1
    if (entry === undefined) throw this.error(`expected ${expected}`)
    this.at++
    return entry.word
  }

  expectWord(word: string, expected: string): void {
    if (this.next(expected) !== word) throw this.error(`expected ${expected}`)
  }

  expectEnd(): void {
    if (this.atEnd()) return
    this.next('')
    throw this.error('expected the end of the line')
  }

  constant(expected: string): number {
    const word = this.next(expected)
    if (!numberForm.test(word)) throw this.error(`expected ${expected}, a number`)
    return Number(word) | 0
  }

  count(expected: string, least: number): number {
    const value = this.constant(expected)
    if (value < least) throw this.error(`expected ${expected}, at least ${least}`)
    return value
  }

  register(): string {
    const word = this.next('a register')
    if (!nameForm.test(word)) throw this.error(`${word} is no register`)
    return word
  }

  place(): Place {
    const word = this.next('a word of memory')
    const match = placeForm.exec(word)
    if (match === null || word === '') throw this.error(`${word} names no word of memory: expected NAME, NAME[E] or [E]`)
    return { name: match[1] ?? '', index: match[2] === undefined ? zero : this.parseExpression(match[2]) }
  }

  expression(): Expression {
    return this.parseExpression(this.next('a number or register'))
  }

  error(message: string): LitmusError {
    return new LitmusError(this.line, this.column, message)
  }

  private parseExpression(word: string): Expression {
    if (numberForm.test(word)) return { ...zero, constant: Number(word) | 0 }
    const match = /^([A-Za-z_]\w*)(?:([+-])(\w+))?$/.exec(word)
    if (match === null) throw this.error(`${word} is no expression: expected N, R, R+N, R-N or R+R`)
    const [, left = '', sign, right] = match
    if (right === undefined) return { ...zero, left }
    if (numberForm.test(right)) return { ...zero, left, constant: (sign === '-' ? -Number(right) : Number(right)) | 0 }
    if (sign === '-' || !nameForm.test(right)) throw this.error(`${word} is no expression: expected R+R`)
    return { left, right, constant: 0 }
  }
}
