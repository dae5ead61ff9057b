// SPDX-License-Identifier: MIT
/** What a context did: its operations by number, each with its value, and the generator that did them. */
import { larger } from '../undo.js'

export type Steps = Generator<unknown, unknown, number>

/** The operations of one context along the present path and beyond it, by number. */
export class History {
  op = new Uint8Array(64)
  a = new Int32Array(64)
  b = new Int32Array(64)
  c = new Int32Array(64)
  time = new Float64Array(64)
  value = new Float64Array(64)
  /** While the code ran that led to the operation: IF, plus twice the active handlers; and the CPU's time. */
  state = new Int32Array(64)
  now = new Float64Array(64)
  generator: Steps | null = null
  /** The last operation that is kept. */
  last = 0

  ensure(n: number): void {
    if (n < this.op.length) return
    for (const name of ['op', 'a', 'b', 'c', 'time', 'value', 'state', 'now'] as const) {
      this[name] = larger(this[name] as Int32Array, n + 1) as never
    }
  }

  keep(n: number, op: number, a: number, b: number, c: number, time: number): void {
    this.op[n] = op
    this.a[n] = a
    this.b[n] = b
    this.c[n] = c
    this.time[n] = time
  }
}
