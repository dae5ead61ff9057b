// SPDX-License-Identifier: MIT
/**
 * What contexts do between two operations, once seen: from a local state and the last operation's value to the next
 * operation and the local state there. With it, code that was run in a state is not run in that state again (LS1).
 *
 * Open addressing in one array, ROW words an entry; a key is never 0 in both words.
 */

/** The key's two words, the operation and its operands, the state's two words. */
const ROW = 8
const OP = 2
const STATE = 6

interface Hash { readonly low: number, readonly high: number }

export class StepCache {
  private rows = new Int32Array(ROW << 10)
  private times = new Float64Array(1 << 10)
  private size = 0
  private found = 0

  /** Look a key up. The fields below are then those of its entry. */
  find(low: number, high: number): boolean {
    const at = this.placeOf(this.rows, low, high)
    this.found = at
    return this.rows[at] !== 0 || this.rows[at + 1] !== 0
  }

  get op(): number { return this.rows[this.found + OP]! }
  get a(): number { return this.rows[this.found + OP + 1]! }
  get b(): number { return this.rows[this.found + OP + 2]! }
  get c(): number { return this.rows[this.found + OP + 3]! }
  get time(): number { return this.times[this.found / ROW]! }
  get low(): number { return this.rows[this.found + STATE]! }
  get high(): number { return this.rows[this.found + STATE + 1]! }

  /** Enter what follows under a key that is new. */
  add(key: Hash, op: number, a: number, b: number, c: number, time: number, state: Hash): void {
    if (this.size * 2 >= this.times.length) this.grow()
    const at = this.placeOf(this.rows, key.low, key.high)
    this.rows.set([key.low, key.high, op, a, b, c, state.low, state.high], at)
    this.times[at / ROW] = time
    this.size++
  }

  private placeOf(rows: Int32Array, low: number, high: number): number {
    const mask = rows.length - 1
    let at = Math.imul(low, ROW) & mask
    while ((rows[at] !== 0 || rows[at + 1] !== 0) && (rows[at] !== low || rows[at + 1] !== high)) at = (at + ROW) & mask
    return at
  }

  private grow(): void {
    const { rows, times } = this
    this.rows = new Int32Array(rows.length * 2)
    this.times = new Float64Array(times.length * 2)
    for (let at = 0; at < rows.length; at += ROW) {
      if (rows[at] === 0 && rows[at + 1] === 0) continue
      const to = this.placeOf(this.rows, rows[at]!, rows[at + 1]!)
      this.rows.set(rows.subarray(at, at + ROW), to)
      this.times[to / ROW] = times[at / ROW]!
    }
  }
}
