// SPDX-License-Identifier: MIT
/**
 * Which steps of an execution are ordered, by vector clocks over CPUs, and which pairs of steps race.
 *
 * A step's position is its depth + 1. Row p of the clocks holds, for each CPU, the position of its last step that
 * happens before step p (or is it): steps of one CPU are ordered, and so are conflicting accesses to a word. To the
 * search a CPU is one sequential process that chooses among its step and its entries; that base and handler of a CPU
 * are not ordered in a *class* does not matter here (INTERRUPTS.md, rule 1).
 *
 * HB1  A pair (e, e') on two CPUs races if it conflicts and nothing between orders e before e'.
 * HB2  An operation that blocks races with the nearest earlier write before which it was enabled: the release of a lock
 *      cannot be moved behind its acquisition, the acquisition before it can. So does the entry of a vector: it needs a
 *      request.
 * HB3  A request of a vector conflicts with every step that its target took with IF = 1: the vector could have entered
 *      there.
 * HB4  An operation that is blocked when a handler enters above it races there: the handler may never give the CPU back.
 */
import type { Executor } from './executor.js'
import { BLOCKS, LOCAL, Op, passes, properties, WRITES } from './op.js'
import { larger } from './undo.js'
import { WordTable } from './wordTable.js'

/** What a search does with a race. */
export interface RaceSink {
  /**
   * `first` and `second` are positions; row `second` holds what orders the second so far. `label` takes the second, with
   * the footprint `address`, `extent` (twice the words, plus 1 if written). It may be an operation that is blocked: then
   * `second` is the position that it would have had.
   */
  race(first: number, second: number, label: number, address: number, extent: number): void
}

export class HappensBefore {
  readonly cpuCount: number
  /** Clocks: row p starts at p * cpuCount. */
  rows: Int32Array
  private readonly executor: Executor
  private readonly sink: RaceSink
  /** Cell of the last position of each CPU. */
  private readonly last: number
  /** Per word: last write, then last read by each CPU. */
  private readonly words: WordTable
  private previousWrite = new Int32Array(256)
  // the step that races: see RaceSink
  private label = 0
  private address = 0
  private extent = 0

  constructor(executor: Executor, sink: RaceSink) {
    this.executor = executor
    this.sink = sink
    this.cpuCount = executor.cpuCount
    this.rows = new Int32Array(256 * this.cpuCount)
    this.last = executor.undo.reserve(this.cpuCount)
    this.words = new WordTable(executor, 1 + this.cpuCount)
  }

  /** Take the step that was just executed into account and report its races. */
  extend(): void {
    const { trace, depth: p, undo, vectors } = this.executor
    const d = p - 1
    const cpu = trace.cpu[d]!
    if (trace.op[d] === Op.Enter) this.leaveBlocked(p, cpu)
    this.open(p, cpu)
    this.previousWrite[p] = 0
    const length = trace.length[d]!
    this.second(trace.label[d]!, trace.address[d]!, length * 2 + trace.writes[d]!)
    if (length !== 0) {
      const op = trace.op[d]!
      const blocks = (properties[op]! & BLOCKS) !== 0 || op === Op.Enter
      if (blocks) this.raceOfBlocking(p, op, trace.b[d]!, trace.c[d]!)
      for (let word = 0; word < length; word++) {
        const cell = this.words.cellOf(trace.address[d]! + word)
        if (trace.writes[d] === 0) this.read(p, cpu, cell, !blocks)
        else this.write(p, cell, !blocks)
      }
      if (length > 1) this.previousWrite[p] = 0
    }
    if (vectors !== 0 && ((trace.irqOn[d]! >>> cpu) & 1) !== 0) {
      this.read(p, cpu, this.words.cellOf(this.executor.doorbells + cpu), true)
    }
    this.rows[p * this.cpuCount + cpu] = p
    undo.set(this.last + cpu, p)
  }

  /** Report the races of the operations that are still blocked at the end of an execution. */
  ended(): void {
    const { trace, depth } = this.executor
    for (let labels = trace.waiting[depth]! & ~trace.steps[depth]!; labels !== 0; labels &= labels - 1) {
      this.pending(depth + 1, 31 - Math.clz32(labels & -labels))
    }
  }

  /** HB4 */
  private leaveBlocked(p: number, cpu: number): void {
    const { trace, labelsOf } = this.executor
    const blocked = trace.waiting[p - 1]! & ~trace.steps[p - 1]! & labelsOf[cpu]!
    if (blocked !== 0) this.pending(p, 31 - Math.clz32(blocked))
  }

  // Row p stands in for the step that the blocked operation would be.
  private pending(p: number, label: number): void {
    const { cpuOf, pendingOp, pendingA, pendingB, pendingC } = this.executor
    const flags = properties[pendingOp[label]!]!
    if ((flags & (BLOCKS | LOCAL)) !== BLOCKS) return
    this.open(p, cpuOf[label]!)
    this.second(label, pendingA[label]!, (flags & WRITES) === 0 ? 2 : 3)
    this.raceOfBlocking(p, pendingOp[label]!, pendingB[label]!, pendingC[label]!)
  }

  private second(label: number, address: number, extent: number): void {
    this.label = label
    this.address = address
    this.extent = extent
  }

  /** Whether the step at `first`, of CPU `cpu`, happens before the step at `second`. */
  ordered(first: number, cpu: number, second: number): boolean {
    return this.rows[second * this.cpuCount + cpu]! >= first
  }

  private open(p: number, cpu: number): void {
    const n = this.cpuCount
    if ((p + 1) * n > this.rows.length) this.grow(p)
    const { rows } = this
    const from = this.executor.undo.cells[this.last + cpu]! * n
    const to = p * n
    for (let i = 0; i < n; i++) rows[to + i] = rows[from + i]!
  }

  private read(p: number, cpu: number, cell: number, races: boolean): void {
    const { undo } = this.executor
    this.after(undo.cells[cell]!, p, races)
    undo.set(cell + 1 + cpu, p)
  }

  private write(p: number, cell: number, races: boolean): void {
    const { undo: { cells }, undo } = this.executor
    const n = this.cpuCount
    const row = p * n
    const written = cells[cell]!
    for (;;) {
      let latest = written
      for (let reader = 0; reader < n; reader++) {
        const at = cells[cell + 1 + reader]!
        if (at > latest && at > this.rows[row + reader]!) latest = at
      }
      if (latest === written) break
      this.after(latest, p, races)
    }
    this.after(written, p, races)
    this.previousWrite[p] = written
    undo.set(cell, p)
  }

  /** Step p comes after the conflicting step `first`: a race, unless something ordered them already (HB1). */
  private after(first: number, p: number, races: boolean): void {
    const n = this.cpuCount
    const { rows } = this
    if (first === 0 || rows[p * n + this.executor.trace.cpu[first - 1]!]! >= first) return
    if (races) this.sink.race(first, p, this.label, this.address, this.extent)
    const from = first * n
    const to = p * n
    for (let i = 0; i < n; i++) if (rows[from + i]! > rows[to + i]!) rows[to + i] = rows[from + i]!
  }

  /** HB2. Row p holds what the CPU knew before. */
  private raceOfBlocking(p: number, op: number, test: number, operand: number): void {
    const { trace, undo } = this.executor
    let at = undo.cells[this.words.cellOf(this.address)]!
    while (at !== 0 && at > this.rows[p * this.cpuCount + trace.cpu[at - 1]!]!) {
      const { label, address, extent } = this
      if (passes(op, test, operand, trace.old[at - 1]!)) return this.sink.race(at, p, label, address, extent)
      at = this.previousWrite[at]!
    }
  }

  private grow(p: number): void {
    this.rows = larger(this.rows, (p + 1) * this.cpuCount)
    this.previousWrite = larger(this.previousWrite, p + 1)
  }
}
