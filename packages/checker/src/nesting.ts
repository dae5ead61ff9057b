// SPDX-License-Identifier: MIT
/** Which handlers are active at a state of the present path, and where they return. */
import type { Executor } from './executor.js'

/** Number of handlers active on a CPU at state `d`. */
export function activeHandlers({ trace, bases, labelsOf }: Executor, d: number, cpu: number): number {
  let count = 0
  for (let set = trace.started[d]! & ~trace.finished[d]! & ~bases & labelsOf[cpu]!; set !== 0; set &= set - 1) count++
  return count
}

/** Whether step `d` was the last one of a handler. */
export function returnsAt({ trace, bases }: Executor, d: number): boolean {
  const bit = 1 << trace.label[d]!
  const isOver = (trace.finished[d + 1]! & bit) !== 0 || (trace.started[d + 1]! & bit) === 0
  return (bases & bit) === 0 && isOver
}
