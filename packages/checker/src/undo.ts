// SPDX-License-Identifier: MIT
/**
 * The cells of an execution, and the way back.
 *
 * Whatever changes from step to step and is not a column of the trace lives in one array of cells; every change is
 * logged, so that going back to an earlier state costs what was changed since and nothing is copied or allocated.
 *
 * N1  After `back(mark)` every cell holds what it held when `mark` was taken.
 */
export class Undo {
  cells = new Int32Array(1024)
  /** Entries in the log; a mark is a value of it. */
  length = 0
  private log = new Int32Array(4096)
  private used = 0

  /** Take `count` fresh cells, all 0; returns the first. Not logged: a range once taken stays. */
  reserve(count: number): number {
    const first = this.used
    this.used += count
    if (this.used > this.cells.length) this.cells = larger(this.cells, this.used)
    return first
  }

  set(cell: number, value: number): void {
    const n = this.length
    if (n + 2 > this.log.length) this.log = larger(this.log, n + 2)
    const log = this.log
    log[n] = cell
    log[n + 1] = this.cells[cell]!
    this.length = n + 2
    this.cells[cell] = value
  }

  /** Restore the cells as they were when `length` was `mark`. */
  back(mark: number): void {
    const { log, cells } = this
    for (let n = this.length - 2; n >= mark; n -= 2) cells[log[n]!] = log[n + 1]!
    this.length = mark
  }
}

/** A copy of `array` with room for at least `wanted` elements. */
export function larger<A extends Int32Array | Float64Array | Uint8Array>(array: A, wanted: number): A {
  let size = Math.max(16, array.length)
  while (size < wanted) size *= 2
  const copy = new (array.constructor as new (size: number) => A)(size)
  copy.set(array)
  return copy
}
