// SPDX-License-Identifier: MIT
/**
 * The heap of an execution: every context has its own arena and no address is ever used twice, so allocations of
 * different contexts commute and every access after a free is seen.
 *
 * Each word of the heap has an owner cell: 0 never allocated, n > 0 word of a live block of n - 1 words before it (its
 * first word has 1), n < 0 the same of a freed block.
 *
 * HP1  An access outside a live block is a violation. Giving a block back touches all its words.
 */
import { scramble } from './scramble.js'
import type { Executor } from './executor.js'
import type { Block, ViolationKind } from './program.js'

/** Blocks of this size and more lie on lines of their own, as the machine's do. */
const LINE_WORDS = 32

export class Heap {
  readonly base: number
  private readonly end: number
  private readonly executor: Executor
  private readonly owner: number
  private readonly next: number
  private readonly arenas: number
  /** How many blocks more there are than at the start. */
  private readonly count: number
  private readonly arenaWords: number
  /** Sum over the blocks that were allocated and given back since. */
  private readonly blocks: number

  constructor(executor: Executor, base: number, end: number, live: readonly Block[]) {
    this.executor = executor
    this.base = base
    this.end = end
    this.owner = executor.undo.reserve(end - base)
    this.next = executor.undo.reserve(executor.count)
    this.count = executor.undo.reserve(1)
    this.blocks = executor.undo.reserve(1)
    const used = live.reduce((last, block) => Math.max(last, block.address + block.words), base)
    this.arenas = (used + LINE_WORDS - 1) & -LINE_WORDS
    this.arenaWords = Math.floor((end - this.arenas) / executor.count) & -LINE_WORDS
    for (const { address, words } of live) this.own(address, words)
  }

  /** Whether an access to a word at or above `base` is one to a live block. */
  allows(address: number): boolean {
    return address < this.end && this.executor.undo.cells[this.owner + address - this.base]! > 0
  }

  /** What is wrong with an access that is not allowed. */
  complaint(address: number): readonly [ViolationKind, string] {
    const owner = address < this.end ? this.executor.undo.cells[this.owner + address - this.base]! : 0
    if (owner === 0) return ['bad-access', `access to word ${address}, which was never allocated`]
    return ['use-after-free', `access to word ${-owner - 1} of the freed block at ${address + owner + 1}`]
  }

  /** Allocate from the arena of a context; 0 if it is exhausted. The words are 0. */
  alloc(label: number, words: number): number {
    const { undo } = this.executor
    const align = words >= LINE_WORDS ? LINE_WORDS : 2
    const from = (undo.cells[this.next + label]! + align - 1) & -align
    if (words <= 0 || from + words > this.arenaWords) return 0
    const address = this.arenas + label * this.arenaWords + from
    undo.set(this.next + label, from + words)
    undo.set(this.count, undo.cells[this.count]! + 1)
    this.own(address, words)
    this.noteBlock(Math.imul(address, 2))
    return address
  }

  /** Give a block back; returns its size. */
  free(d: number, address: number): number {
    const { undo } = this.executor
    const first = this.owner + address - this.base
    const owner = address >= this.base && address < this.end ? undo.cells[first]! : 0
    if (owner === 1) {
      undo.set(this.count, undo.cells[this.count]! - 1)
      this.noteBlock(Math.imul(address, 2) + 1)
      return this.release(first)
    }
    if (owner === -1) this.executor.failHere(d, ['double-free', `the block at ${address} was freed before`])
    else this.executor.failHere(d, ['bad-free', `xfree(${address}): no block begins there`])
    return 0
  }

  /** If there are more blocks than at the start: those that contexts allocated and nobody gave back. */
  live(): number[] {
    const { cells } = this.executor.undo
    const blocks: number[] = []
    if (cells[this.count]! <= 0) return blocks
    for (let address = this.arenas; address < this.end; address++) {
      if (cells[this.owner + address - this.base] === 1) blocks.push(address)
    }
    return blocks
  }

  /** One number for which blocks there are, and were. */
  hash(): number {
    return this.executor.undo.cells[this.blocks]!
  }

  private noteBlock(what: number): void {
    const { undo } = this.executor
    undo.set(this.blocks, undo.cells[this.blocks]! + scramble(what))
  }

  private own(address: number, words: number): void {
    const first = this.owner + address - this.base
    for (let word = 0; word < words; word++) this.executor.undo.set(first + word, word + 1)
  }

  private release(first: number): number {
    const { undo } = this.executor
    let words = 0
    do {
      undo.set(first + words, -words - 1)
      words++
    } while (undo.cells[first + words] === words + 1)
    return words
  }
}
