// SPDX-License-Identifier: MIT
/**
 * The path of an execution: one row per step, and the scheduler's state before each step.
 *
 * Row d is the transition from state d to state d + 1. Rows of steps that were undone are overwritten, never cleared.
 * All columns are preallocated arrays that grow by doubling: a step allocates nothing.
 */
import { larger } from './undo.js'

export class Trace {
  capacity = 256

  // ---- the transition taken at state d
  /** The context that took it. */
  label = new Uint8Array(this.capacity)
  cpu = new Uint8Array(this.capacity)
  op = new Uint8Array(this.capacity)
  a = new Int32Array(this.capacity)
  b = new Int32Array(this.capacity)
  c = new Int32Array(this.capacity)
  /** Operand of an operation on times. */
  time = new Float64Array(this.capacity)
  value = new Float64Array(this.capacity)
  /** Footprint: first word, number of words (0: none), and whether it was written. */
  address = new Int32Array(this.capacity)
  length = new Int32Array(this.capacity)
  writes = new Uint8Array(this.capacity)
  /** What the first two words of the footprint held before. */
  old = new Int32Array(this.capacity)
  old2 = new Int32Array(this.capacity)

  // ---- state d: sets of contexts, except `irqOn`
  started = new Int32Array(this.capacity)
  finished = new Int32Array(this.capacity)
  /** CPUs with IF = 1. */
  irqOn = new Int32Array(this.capacity)
  /** Contexts whose next operation is enabled. */
  steps = new Int32Array(this.capacity)
  /** Handlers that may enter. */
  enters = new Int32Array(this.capacity)
  /** Contexts whose turn it is and whose next operation may block, enabled or not. */
  waiting = new Int32Array(this.capacity)
  /** The context whose next step nobody else can see, as a set: then nothing else is tried. */
  quiet = new Int32Array(this.capacity)
  /** Whether contexts that relax are enabled only because nobody else is. */
  forced = new Uint8Array(this.capacity)
  /** The log of the cells. */
  mark = new Int32Array(this.capacity)

  /** Make room for row `d` and the state behind it. */
  ensure(d: number): void {
    if (d + 1 < this.capacity) return
    const wanted = d + 2
    for (const column of columns) this[column] = larger(this[column] as Int32Array, wanted) as never
    this.capacity = this.label.length
  }
}

const columns = [
  'label', 'cpu', 'op', 'a', 'b', 'c', 'time', 'value', 'address', 'length', 'writes', 'old', 'old2',
  'started', 'finished', 'irqOn', 'steps', 'enters', 'waiting', 'quiet', 'forced', 'mark',
] as const
