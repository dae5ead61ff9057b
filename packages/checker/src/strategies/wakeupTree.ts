// SPDX-License-Identifier: MIT
/**
 * Wakeup trees: for each state of the path, the sequences that must still be explored from it, as an ordered tree.
 *
 * A step in a sequence is a transition with the footprint it will have. All trees share one pool of nodes; a node is a
 * number, 0 is none.
 *
 * WT1  A sequence is inserted only if no branch of the tree begins an execution that contains it.
 */
import { larger } from '../undo.js'
import { conflicts } from './sleepSets.js'

/** A step of a CPU with IF = 1 (HB3). */
export const IRQ_ON = 1
/**
 * The only choice that its CPU has. Only such a transition begins sequences in which its CPU does nothing: of several
 * choices, each begins only the executions in which it is the one that is taken.
 */
export const SOLE = 2

/** A sequence of transitions, filled and shortened in place. */
export class Sequence {
  length = 0
  label = new Uint8Array(64)
  cpu = new Uint8Array(64)
  address = new Int32Array(64)
  extent = new Int32Array(64)
  /** IRQ_ON, SOLE */
  flags = new Uint8Array(64)

  push(label: number, cpu: number, address: number, extent: number, flags: number): void {
    const n = this.length++
    if (n === this.label.length) this.grow(n + 1)
    this.label[n] = label
    this.cpu[n] = cpu
    this.address[n] = address
    this.extent[n] = extent
    this.flags[n] = flags
  }

  remove(at: number): void {
    this.length--
    for (const column of [this.label, this.cpu, this.address, this.extent, this.flags]) {
      column.copyWithin(at, at + 1, this.length + 1)
    }
  }

  private grow(wanted: number): void {
    this.label = larger(this.label, wanted)
    this.cpu = larger(this.cpu, wanted)
    this.address = larger(this.address, wanted)
    this.extent = larger(this.extent, wanted)
    this.flags = larger(this.flags, wanted)
  }
}

/** What the trees must know of a program. */
export interface Dependence {
  /** The doorbell of CPU 0; those of the others follow. */
  readonly doorbells: number
  /** Whether vectors are raised at all. */
  readonly vectors: boolean
}

export const NOT_INITIAL = -2
const ABSENT = -1

export class WakeupTrees {
  private readonly dependence: Dependence
  private label = new Uint8Array(256)
  private cpu = new Uint8Array(256)
  private address = new Int32Array(256)
  private extent = new Int32Array(256)
  private flags = new Uint8Array(256)
  private child = new Int32Array(256)
  private sibling = new Int32Array(256)
  private used = 1
  private free = 0

  constructor(dependence: Dependence) {
    this.dependence = dependence
  }

  labelOf(node: number): number {
    return this.label[node]!
  }

  /** The first child. */
  childOf(node: number): number {
    return this.child[node]!
  }

  siblingOf(node: number): number {
    return this.sibling[node]!
  }

  /** Insert what is left of `sequence` below the list that starts at `head`; returns the new head. WT1. */
  insert(head: number, sequence: Sequence): number {
    let list = head
    let parent = 0
    for (;;) {
      const node = this.firstInitial(list, sequence)
      if (node === 0) break
      if (this.child[node] === 0 || sequence.length === 0) return head
      parent = node
      list = this.child[node]!
    }
    if (sequence.length === 0) return head
    const chain = this.chain(sequence)
    if (list !== 0) this.append(list, chain)
    else if (parent !== 0) this.child[parent] = chain
    return head === 0 ? chain : head
  }

  /** Give a node back; returns its children. */
  open(node: number): number {
    const children = this.child[node]!
    this.sibling[node] = this.free
    this.free = node
    return children
  }

  /** Give a list and everything below it back. */
  drop(head: number): void {
    let node = head
    while (node !== 0) {
      const next = this.sibling[node]!
      this.drop(this.open(node))
      node = next
    }
  }

  /**
   * Where a transition stands in a sequence that it can begin: its index, ABSENT if it is not in the sequence but could
   * come before all of it, or NOT_INITIAL.
   */
  initialIn(sequence: Sequence, label: number, cpu: number, address: number, extent: number, flags: number): number {
    for (let i = 0; i < sequence.length; i++) {
      if (sequence.cpu[i] === cpu) return sequence.label[i] === label ? i : NOT_INITIAL
      if (this.depends(sequence, i, cpu, address, extent, flags)) return NOT_INITIAL
    }
    return (flags & SOLE) === 0 ? NOT_INITIAL : ABSENT
  }

  /** All lists as nested arrays, to be written down. */
  saved(head: number): SavedTree {
    const list: SavedTree = []
    for (let node = head; node !== 0; node = this.sibling[node]!) {
      list.push([
        this.label[node]!, this.cpu[node]!, this.address[node]!, this.extent[node]!, this.flags[node]!,
        this.saved(this.child[node]!),
      ])
    }
    return list
  }

  restored(list: SavedTree): number {
    let head = 0
    for (const [label, cpu, address, extent, flags, children] of [...list].reverse()) {
      const node = this.node(label, cpu, address, extent, flags)
      this.child[node] = this.restored(children)
      this.sibling[node] = head
      head = node
    }
    return head
  }

  /** The first node of a list that can begin the sequence; its step is taken out of the sequence. */
  private firstInitial(list: number, sequence: Sequence): number {
    for (let node = list; node !== 0; node = this.sibling[node]!) {
      const at = this.initialIn(sequence, this.label[node]!, this.cpu[node]!, this.address[node]!, this.extent[node]!,
        this.flags[node]!)
      if (at === NOT_INITIAL) continue
      if (at >= 0) sequence.remove(at)
      return node
    }
    return 0
  }

  private depends(s: Sequence, i: number, cpu: number, address: number, extent: number, flags: number): boolean {
    if (conflicts(s.address[i]!, s.extent[i]!, address, extent)) return true
    const { doorbells, vectors } = this.dependence
    if (!vectors) return false
    return ((flags & IRQ_ON) !== 0 && rings(s.address[i]!, s.extent[i]!, doorbells + cpu)) ||
      ((s.flags[i]! & IRQ_ON) !== 0 && rings(address, extent, doorbells + s.cpu[i]!))
  }

  private chain(sequence: Sequence): number {
    let below = 0
    for (let i = sequence.length - 1; i >= 0; i--) {
      const { label, cpu, address, extent, flags } = sequence
      const node = this.node(label[i]!, cpu[i]!, address[i]!, extent[i]!, flags[i]!)
      this.child[node] = below
      below = node
    }
    return below
  }

  private append(list: number, node: number): void {
    let last = list
    while (this.sibling[last] !== 0) last = this.sibling[last]!
    this.sibling[last] = node
  }

  private node(label: number, cpu: number, address: number, extent: number, flags: number): number {
    const node = this.free !== 0 ? this.free : this.used++
    if (node === this.free) this.free = this.sibling[node]!
    if (node >= this.label.length) this.grow(node + 1)
    this.label[node] = label
    this.cpu[node] = cpu
    this.address[node] = address
    this.extent[node] = extent
    this.flags[node] = flags
    this.child[node] = 0
    this.sibling[node] = 0
    return node
  }

  private grow(wanted: number): void {
    this.label = larger(this.label, wanted)
    this.cpu = larger(this.cpu, wanted)
    this.address = larger(this.address, wanted)
    this.extent = larger(this.extent, wanted)
    this.flags = larger(this.flags, wanted)
    this.child = larger(this.child, wanted)
    this.sibling = larger(this.sibling, wanted)
  }
}

export type SavedTree = [number, number, number, number, number, SavedTree][]

function rings(address: number, extent: number, doorbell: number): boolean {
  return (extent & 1) !== 0 && address === doorbell
}
