// SPDX-License-Identifier: MIT
/**
 * Spinning without spinning: a context that relaxes waits until something that it looked at has changed.
 *
 * A turn of a waiting loop that read nothing new would do what the turn before did. So behind `cpuRelax` a context goes
 * on only when another one wrote, since the context read it, a word that it read since its last `cpuRelax`; or when
 * nobody else can go on, so that a loop that ends by itself does.
 *
 * RX1  A write between the read and the relax counts: no change is missed.
 */
import type { Executor } from './executor.js'
import { Op, properties, READS } from './op.js'
import { WordTable } from './wordTable.js'

export class Relaxing {
  private readonly executor: Executor
  /** For each word: in which turn of its loop each context read it. */
  private readonly reads: WordTable
  /** Cells: the turn of each context, from 1; and the contexts whose words were written, as a mask. */
  private readonly turns: number
  private readonly stirred: number

  constructor(executor: Executor) {
    this.executor = executor
    this.reads = new WordTable(executor, executor.count)
    this.turns = executor.undo.reserve(executor.count)
    this.stirred = executor.undo.reserve(1)
    for (let label = 0; label < executor.count; label++) executor.undo.set(this.turns + label, 1)
  }

  /** Contexts that may go on behind a relax. */
  awake(): number {
    return this.executor.undo.cells[this.stirred]!
  }

  /** Take the step into account that was just performed. */
  extend(d: number): void {
    const { trace, undo } = this.executor
    const label = trace.label[d]!
    const op = trace.op[d]!
    if (op === Op.CpuRelax) {
      undo.set(this.turns + label, undo.cells[this.turns + label]! + 1)
      undo.set(this.stirred, undo.cells[this.stirred]! & ~(1 << label))
    }
    const reads = (properties[op]! & READS) !== 0
    for (let word = 0; word < trace.length[d]!; word++) {
      const cell = this.reads.cellOf(trace.address[d]! + word)
      if (trace.writes[d] !== 0) this.stir(cell, label)
      if (reads) undo.set(cell + label, undo.cells[this.turns + label]!)
    }
  }

  // RX1
  private stir(cell: number, writer: number): void {
    const { undo, undo: { cells }, count } = this.executor
    let stirred = cells[this.stirred]!
    for (let label = 0; label < count; label++) {
      if (label !== writer && cells[cell + label] === cells[this.turns + label]) stirred |= 1 << label
    }
    if (stirred !== cells[this.stirred]) undo.set(this.stirred, stirred)
  }
}
