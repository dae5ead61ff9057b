// SPDX-License-Identifier: MIT
/**
 * The text form of small programs, as data. A line is a statement; `#` begins a comment.
 *
 *     prog NAME            a program, up to `end`
 *     nest N               handlers active at once on a CPU (default 1)
 *     array A N            N consecutive words (other names are words of their own when first used; all start at 0)
 *     init A N             what a word holds at the start, if not 0
 *     base CPU             the base of a CPU: the statements that follow
 *     irq NAME CPU         a handler that may enter once
 *     vec NAME CPU         a handler that enters for each `raise CPU VECTOR`
 *
 *     rd R A, wr A E       atomic read, write                  ld R A, st A E     plain read, write
 *     add|or|and|xchg R A E, cas R A E E                       atomic, R = old value; a failed cas is a read
 *     lock A, unlock A     blocks while held                   wait A [OP E]      blocks until A OP E (default != 0)
 *     cli, sti, raise E E, halt                                alloc R E, free E
 *     if E OP E L, jmp L, label L, set R E, assert E OP E      no steps
 *
 * E is a number, a register, or `R+N`, `R-N`, `R+R`. A is a name, `NAME[E]`, or `[E]`. OP is ==, !=, <, <=, >, >=, &
 * (any bit of the right side set), !& (none).
 */
import { AWAIT_ALL_CLEAR, AWAIT_ANY_SET, AWAIT_EQ, AWAIT_GE, AWAIT_GT, AWAIT_LE, AWAIT_LT, AWAIT_NE, Op } from '../op.js'

/** register + register + constant; '' is no register. */
export interface Expression { readonly left: string, readonly right: string, readonly constant: number }

/** A word: the word of `name` (or absolute, if '') plus an index. */
export interface Place { readonly name: string, readonly index: Expression }

export type Comparison = '==' | '!=' | '<' | '<=' | '>' | '>=' | '&' | '!&'

/** A statement and the line that it stands on; 0: it was put in. */
export type Statement = StatementBody & { readonly line: number }

export type StatementBody =
  | { readonly kind: 'access', readonly op: number, readonly dest: string, readonly place: Place | null,
    readonly b: Expression, readonly c: Expression }
  | { readonly kind: 'if' | 'assert', readonly left: Expression, readonly comparison: Comparison,
    readonly right: Expression, readonly target: string, readonly text: string }
  | { readonly kind: 'jmp' | 'label', readonly target: string }
  | { readonly kind: 'set', readonly dest: string, readonly value: Expression }

export interface ContextText {
  readonly name: string
  readonly cpu: number
  readonly kind: 'base' | 'irq' | 'vector'
  readonly code: readonly Statement[]
}

export interface ProgramText {
  readonly name: string
  readonly nest: number
  readonly arrays: ReadonlyMap<string, number>
  readonly initial: readonly { readonly place: Place, readonly value: number }[]
  readonly contexts: readonly ContextText[]
}

export const zero: Expression = { left: '', right: '', constant: 0 }

/** Statements with one word: mnemonic to operation and the operands that follow, D register, A place, E expression. */
export const accesses: ReadonlyMap<string, readonly [op: number, operands: string]> = new Map([
  ['rd', [Op.Load, 'DA']], ['wr', [Op.Store, 'AE']], ['ld', [Op.Ld, 'DA']], ['st', [Op.St, 'AE']],
  ['add', [Op.FetchAdd, 'DAE']], ['or', [Op.FetchOr, 'DAE']], ['and', [Op.FetchAnd, 'DAE']], ['xchg', [Op.Xchg, 'DAE']],
  ['cas', [Op.Cmpxchg, 'DAEE']], ['lock', [Op.Lock, 'A']], ['unlock', [Op.Unlock, 'A']],
  ['cli', [Op.IrqDisable, '']], ['sti', [Op.IrqEnable, '']], ['halt', [Op.Halt, '']],
  ['raise', [Op.RaiseVector, 'EE']], ['alloc', [Op.Xmalloc, 'DE']], ['free', [Op.Xfree, 'E']],
])

export const comparisons: readonly Comparison[] = ['==', '!=', '<', '<=', '>', '>=', '&', '!&']

/** The tests of `wait`, by comparison. */
export const awaitTests: ReadonlyMap<string, number> = new Map([
  ['==', AWAIT_EQ], ['!=', AWAIT_NE], ['!&', AWAIT_ALL_CLEAR], ['&', AWAIT_ANY_SET],
  ['<', AWAIT_LT], ['<=', AWAIT_LE], ['>', AWAIT_GT], ['>=', AWAIT_GE],
])
