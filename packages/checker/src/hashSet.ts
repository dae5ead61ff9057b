// SPDX-License-Identifier: MIT
/**
 * A set of 64-bit hashes in two words each: open addressing, no object per entry. Two different members with one hash
 * would be taken for one: at a million members the odds are 1 in 30 million.
 */
export class HashSet {
  size = 0
  private slots = new Int32Array(1 << 8)

  /** Add a hash; false if it was there. */
  add(low: number, high: number): boolean {
    if (low === 0 && high === 0) high = 1
    const { slots } = this
    const at = this.find(low, high)
    if (slots[at] !== 0 || slots[at + 1] !== 0) return false
    slots[at] = low
    slots[at + 1] = high
    this.size++
    if (this.size * 4 > slots.length) this.grow()
    return true
  }

  has(low: number, high: number): boolean {
    const at = low === 0 && high === 0 ? this.find(0, 1) : this.find(low, high)
    return this.slots[at] !== 0 || this.slots[at + 1] !== 0
  }

  /** All members, as pairs of words, in no order. */
  members(): number[] {
    const pairs: number[] = []
    for (let at = 0; at < this.slots.length; at += 2) {
      if (this.slots[at] !== 0 || this.slots[at + 1] !== 0) pairs.push(this.slots[at]!, this.slots[at + 1]!)
    }
    return pairs
  }

  /** The same members as text, in order: two sets are equal if their digests are. */
  digest(): string {
    const pairs = this.members()
    const texts: string[] = []
    for (let i = 0; i < pairs.length; i += 2) texts.push(hex(pairs[i]!) + hex(pairs[i + 1]!))
    return texts.sort().join(' ')
  }

  /** Where a hash is, or where it would go. */
  private find(low: number, high: number): number {
    const { slots } = this
    const mask = slots.length - 2
    let at = (low << 1) & mask
    while (slots[at] !== 0 || slots[at + 1] !== 0) {
      if (slots[at] === low && slots[at + 1] === high) return at
      at = (at + 2) & mask
    }
    return at
  }

  private grow(): void {
    const pairs = this.members()
    this.slots = new Int32Array(this.slots.length * 2)
    this.size = 0
    for (let i = 0; i < pairs.length; i += 2) this.add(pairs[i]!, pairs[i + 1]!)
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
