// SPDX-License-Identifier: MIT
/**
 * A set of 64-bit hashes in two words each: open addressing, no object per entry. Two different members with one hash
 * would be taken for one: at a million members the odds are 1 in 30 million.
 *
 * HS1  However many are added, no more than twice the limit are kept: the oldest are forgotten. One that is forgotten is
 *      new when it comes again, so `size` is then what was added at most.
 */
import { scramble } from './scramble.js'

/** 256 MiB at most, twice. */
const LIMIT = 2 ** 24

/** A set as a checkpoint holds it: the members are words in base64. */
export interface SavedSet { readonly size: number, readonly members: string }

export class HashSet {
  size = 0
  private readonly limit: number
  private recent = new Table()
  private older: Table | null = null

  constructor(limit = LIMIT) {
    this.limit = limit
  }

  /** Add a hash; false if it was there. */
  add(low: number, high: number): boolean {
    const second = low === 0 && high === 0 ? 1 : high
    if (this.older?.has(low, second) === true || !this.recent.add(low, second)) return false
    this.size++
    if (this.recent.size < this.limit) return true
    this.older = this.recent
    this.recent = new Table()
    return true
  }

  has(low: number, high: number): boolean {
    const second = low === 0 && high === 0 ? 1 : high
    return this.older?.has(low, second) === true || this.recent.has(low, second)
  }

  /** Whether members were forgotten, so that `size` may be too large. */
  get forgot(): boolean {
    return this.size > this.recent.size + (this.older?.size ?? 0)
  }

  /** Words that are in use for it. */
  get words(): number {
    return this.recent.words + (this.older?.words ?? 0)
  }

  /** All members, as pairs of words, the older ones first. */
  members(): Int32Array {
    const { recent, older } = this
    const pairs = new Int32Array(((older?.size ?? 0) + recent.size) * 2)
    older?.copyTo(pairs, 0)
    recent.copyTo(pairs, (older?.size ?? 0) * 2)
    return pairs
  }

  addAll(pairs: Int32Array): void {
    for (let i = 0; i < pairs.length; i += 2) this.add(pairs[i]!, pairs[i + 1]!)
  }

  save(): SavedSet {
    const { buffer } = this.members()
    return { size: this.size, members: Buffer.from(buffer).toString('base64') }
  }

  restore({ size, members }: SavedSet): void {
    this.addAll(new Int32Array(Uint8Array.from(Buffer.from(members, 'base64')).buffer))
    this.size = size
  }

  /** Equal for two sets with the same members. */
  digest(): string {
    const pairs = this.members()
    let sum = 0
    let other = 0
    for (let i = 0; i < pairs.length; i += 2) {
      sum = (sum + scramble(pairs[i]! ^ scramble(pairs[i + 1]!))) | 0
      other = (other + scramble(pairs[i + 1]! + Math.imul(scramble(pairs[i]!), 0x9e3779b1))) | 0
    }
    return `${pairs.length / 2}:${hex(sum)}${hex(other)}`
  }
}

class Table {
  size = 0
  private slots = new Int32Array(1 << 8)

  get words(): number {
    return this.slots.length
  }

  add(low: number, high: number): boolean {
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
    const at = this.find(low, high)
    return this.slots[at] !== 0 || this.slots[at + 1] !== 0
  }

  copyTo(pairs: Int32Array, from: number): void {
    const { slots } = this
    let to = from
    for (let at = 0; at < slots.length; at += 2) {
      if (slots[at] === 0 && slots[at + 1] === 0) continue
      pairs[to++] = slots[at]!
      pairs[to++] = slots[at + 1]!
    }
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
    const before = this.slots
    this.slots = new Int32Array(before.length * 2)
    this.size = 0
    for (let at = 0; at < before.length; at += 2) {
      if (before[at] !== 0 || before[at + 1] !== 0) this.add(before[at]!, before[at + 1]!)
    }
  }
}

function hex(word: number): string {
  return (word >>> 0).toString(16).padStart(8, '0')
}
