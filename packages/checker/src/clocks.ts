// SPDX-License-Identifier: MIT
/**
 * Time, as far as a search over all orders has any: each CPU's own, which stands still but for its deadlines. A deadline
 * may be reached at any moment after it was set; then the CPU's time is that of the deadline, if it was earlier.
 */
import type { Undo } from './undo.js'

const words = new Int32Array(2)
const double = new Float64Array(words.buffer)

export class Clocks {
  private readonly undo: Undo
  private readonly deadline: number
  private readonly now: number

  constructor(undo: Undo, cpuCount: number) {
    this.undo = undo
    this.deadline = undo.reserve(cpuCount * 2)
    this.now = undo.reserve(cpuCount * 2)
  }

  timeOf(cpu: number): number {
    return this.read(this.now + cpu * 2)
  }

  setDeadline(cpu: number, timeNs: number): void {
    this.write(this.deadline + cpu * 2, timeNs)
  }

  reachDeadline(cpu: number): void {
    const deadline = this.read(this.deadline + cpu * 2)
    if (deadline > this.timeOf(cpu)) this.write(this.now + cpu * 2, deadline)
    this.setDeadline(cpu, 0)
  }

  /** One number for what is known of a CPU. */
  hashOf(cpu: number): number {
    const { undo: { cells }, deadline, now } = this
    let hash = 0
    for (let at = cpu * 2; at < cpu * 2 + 2; at++) {
      hash = Math.imul(hash ^ cells[deadline + at]!, 0x85ebca6b) ^ Math.imul(cells[now + at]!, 0x9e3779b1)
    }
    return hash
  }

  // A double is kept in two cells.
  private read(cell: number): number {
    words[0] = this.undo.cells[cell]!
    words[1] = this.undo.cells[cell + 1]!
    return double[0]!
  }

  private write(cell: number, value: number): void {
    double[0] = value
    this.undo.set(cell, words[0]!)
    this.undo.set(cell + 1, words[1]!)
  }
}
