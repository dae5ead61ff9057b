// SPDX-License-Identifier: MIT
/** One number for what a step did: who, which operation, on what, with which value. */
import { scramble } from './scramble.js'
import type { Trace } from './trace.js'

/** The hash of row `d`. */
export function hashRow(trace: Trace, d: number): number {
  let hash = scramble(trace.label[d]! * 64 + trace.op[d]! + 1)
  hash = scramble(hash ^ trace.a[d]!)
  hash = scramble(hash ^ trace.b[d]!)
  hash = scramble(hash ^ trace.c[d]!)
  return scramble(hash ^ trace.value[d]!)
}
