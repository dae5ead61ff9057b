// SPDX-License-Identifier: MIT
/** A program of the text form at rest, by names: for predicates. */
import type { Executor } from '../executor.js'
import type { LitmusProgram } from './compile.js'
import { LitmusContexts } from './contexts.js'

export interface LitmusView {
  word(name: string): number
  register(context: string, name: string): number
  /** Whether a handler entered; as a thread, it always did. */
  entered(context: string): boolean
  readonly isComplete: boolean
}

export function litmusView(program: LitmusProgram, executor: Executor): LitmusView {
  const { contexts, memory } = executor
  if (!(contexts instanceof LitmusContexts)) throw new TypeError('not a program of the text form')
  return {
    word: (name) => memory[program.words.get(name) ?? 0] ?? 0,
    register: (context, name) => contexts.registerValue(program.registers.get(`${context}.${name}`) ?? 0),
    entered: (context) => {
      const label = program.contexts.findIndex((candidate) => candidate.name === context)
      return (((executor.trace.started[executor.depth] ?? 0) >>> label) & 1) !== 0
    },
    isComplete: executor.isComplete(),
  }
}
