// SPDX-License-Identifier: MIT
/** Runs of small programs for tests. */
import { checkProgram, type CheckOptions, type CheckResult } from '../src/check.js'
import { compile, type LitmusProgram } from '../src/litmus/compile.js'
import { parsePrograms } from '../src/litmus/parse.js'
import { litmusView } from '../src/litmus/view.js'
import type { OrderName } from '../src/order.js'
import type { ProgramMode } from '../src/runProgram.js'
import type { InterruptProgram } from './programs/interrupts.js'

/** The one program of a text. */
export function program(text: string, mode: ProgramMode = 'exactly'): LitmusProgram {
  const [first] = parsePrograms(text)
  if (first === undefined) throw new Error('no program')
  return compile(first, { threads: mode === 'threads' })
}

/** Count all executions: violations and blocked ends do not stop the search. */
export function count(text: string, mode: ProgramMode = 'exactly', options: CheckOptions = {}): CheckResult {
  return checkProgram(program(text, mode), {
    collect: true, allowBlocked: true, mode: mode === 'atMost' ? 'atMost' : 'exactly', ...options,
  })
}

/** The same with what the program is about. */
export function countInterrupts(entry: InterruptProgram, mode: ProgramMode, options: CheckOptions = {}): CheckResult {
  const compiled = program(entry.text, mode)
  return checkProgram(compiled, {
    collect: true, allowBlocked: true, mode: mode === 'atMost' ? 'atMost' : 'exactly',
    atRest: ({ executor }) => entry.isWrong(litmusView(compiled, executor), entry.handlers) ? 'wrong' : undefined,
    ...options,
  })
}

/** What the published tables say of a result: complete, blocked, signatures, wrong. */
export function rowOf(result: CheckResult): [number, number, number, number] {
  const { complete, blocked, wrong } = result.classes
  return [complete, blocked, result.waitSignatures.length, wrong]
}

/** One fixed order misses mistakes that the others show. */
export const orders: readonly OrderName[] = ['base-first', 'reversed', 1, 2, 3]
