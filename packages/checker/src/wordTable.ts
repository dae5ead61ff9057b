// SPDX-License-Identifier: MIT
/** A record of cells for each word of memory that was ever touched, found by address. */
import type { Executor } from './executor.js'
import type { Undo } from './undo.js'

export class WordTable {
  private readonly undo: Undo
  private readonly cellsPerWord: number
  private readonly first: Int32Array

  constructor(executor: Executor, cellsPerWord: number) {
    this.undo = executor.undo
    this.cellsPerWord = cellsPerWord
    this.first = new Int32Array(executor.memory.length + executor.cpuCount)
  }

  /** The first cell of a word's record. The doorbells follow the words. */
  cellOf(address: number): number {
    return this.first[address]! || this.open(address)
  }

  private open(address: number): number {
    const cell = this.undo.reserve(this.cellsPerWord)
    this.first[address] = cell
    return cell
  }
}
