// SPDX-License-Identifier: MIT
/** What an end is: complete, blocked and by whom, or broken. */
import type { Executor } from './executor.js'
import { AWAIT_EQ, Op, opName } from './op.js'
import type { Violation } from './program.js'

const comparisons = ['==', '!=', '!&', '&', '<', '<=', '>', '>='] as const

/** What every unfinished context waits for; '' if all finished. Two blocked ends are alike if this is equal. */
export function waitSignature(executor: Executor): string {
  return waits(executor).map(({ label, what }) => `${nameOf(executor, label)}: ${what}`).join('; ')
}

/** Who waits for what at a blocked end, and whether they wait in a circle. */
export function blockedViolation(executor: Executor): Violation {
  const waiting = waits(executor)
  const circle = waiting.some(({ label }) => waitsForItself(executor, label))
  const message = waiting.map(({ label, what, because }) => `${nameOf(executor, label)} ${because} ${what}`).join('; ')
  const first = waiting[0]
  return {
    kind: circle ? 'deadlock' : 'hang', message, step: executor.depth,
    context: first === undefined ? '-' : nameOf(executor, first.label),
  }
}

interface Wait { readonly label: number, readonly what: string, readonly because: string }

function waits(executor: Executor): Wait[] {
  const result: Wait[] = []
  const unfinished = executor.unfinished()
  for (let label = 0; label < executor.count; label++) {
    if (((unfinished >>> label) & 1) !== 0) result.push(waitOf(executor, label))
  }
  return result
}

function waitOf(executor: Executor, label: number): Wait {
  const started = ((executor.trace.started[executor.depth]! >>> label) & 1) !== 0
  if (!started) return { label, what: 'IF = 1', because: 'waits for' }
  const above = executor.contextAbove(label)
  if (above >= 0) return { label, what: 'preempted', because: `is below ${nameOf(executor, above)}:` }
  const { pendingOp, pendingA, pendingB, pendingC, program } = executor
  const op = pendingOp[label]!
  const word = program.wordName(pendingA[label]!)
  if (op === Op.Lock) return { label, what: `lock ${word}`, because: 'waits for' }
  if (op === Op.AwaitWord) {
    const test = comparisons[pendingB[label] ?? AWAIT_EQ] ?? '?'
    return { label, what: `${word} ${test} ${pendingC[label] ?? 0}`, because: 'waits for' }
  }
  return { label, what: opName(op), because: 'waits in' }
}

/** Follow who keeps whom from going on: the holder of a lock, the handler above. */
function waitsForItself(executor: Executor, from: number): boolean {
  let label = from
  for (let hops = 0; hops <= executor.count; hops++) {
    const above = executor.contextAbove(label)
    const holder = executor.pendingOp[label] === Op.Lock ? executor.memory[executor.pendingA[label]!]! - 1 : -1
    label = above >= 0 ? above : holder
    if (label < 0 || label >= executor.count || ((executor.unfinished() >>> label) & 1) === 0) return false
    if (label === from) return true
  }
  return false
}

function nameOf(executor: Executor, label: number): string {
  return executor.program.contexts[label]?.name ?? '-'
}
