// SPDX-License-Identifier: MIT
/** States by their hash of 64 bits, numbered as they come: 20 bytes a state, no object. */
import { larger } from './undo.js'

export class StateTable {
  size = 0
  private low = new Int32Array(1 << 10)
  private high = new Int32Array(1 << 10)
  /** Open addressing: number + 1, or 0. */
  private slots = new Int32Array(1 << 11)

  /** The number of a state. A new one gets the number that `size` was before. */
  numberOf(low: number, high: number): number {
    const { slots } = this
    const mask = slots.length - 1
    let at = low & mask
    for (let slot = slots[at]!; slot !== 0; slot = slots[at]!) {
      if (this.low[slot - 1] === low && this.high[slot - 1] === high) return slot - 1
      at = (at + 1) & mask
    }
    const number = this.size++
    if (number >= this.low.length) this.grow()
    this.low[number] = low
    this.high[number] = high
    if (this.slots === slots) slots[at] = number + 1
    else this.place(number)
    return number
  }

  bytes(): number {
    return this.low.byteLength + this.high.byteLength + this.slots.byteLength
  }

  /** The hashes in order of the numbers. */
  save(): { low: number[], high: number[] } {
    return { low: [...this.low.subarray(0, this.size)], high: [...this.high.subarray(0, this.size)] }
  }

  private grow(): void {
    this.low = larger(this.low, this.size)
    this.high = larger(this.high, this.size)
    this.slots = new Int32Array(this.low.length * 2)
    for (let number = 0; number < this.size - 1; number++) this.place(number)
  }

  private place(number: number): void {
    const mask = this.slots.length - 1
    let at = this.low[number]! & mask
    while (this.slots[at] !== 0) at = (at + 1) & mask
    this.slots[at] = number + 1
  }
}
