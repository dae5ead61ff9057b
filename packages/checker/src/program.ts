// SPDX-License-Identifier: MIT
/**
 * A program under test, as all strategies see it: CPUs, contexts, words. Two front ends make one: the text form
 * (`litmus/`) and the stepped code of real packages (`model/`).
 *
 * A context is straight-line code of one CPU: its base, or an interrupt handler that may enter wherever IF = 1. It
 * *offers* one operation at a time and is resumed with that operation's value; what it computes between two operations
 * is no step. Contexts are numbered, bases first; a transition is named by the number of the context that takes it.
 */

import type { Footprints } from './footprints.js'

/** At most this many contexts: sets of them are masks in one word. */
export const MAX_CONTEXTS = 32

export interface ContextInfo {
  readonly name: string
  readonly cpu: number
  /** base: runs from the start. irq: may enter once. vector: enters each time its vector is requested. */
  readonly kind: 'base' | 'irq' | 'vector'
  /** The vector that a context of kind `vector` serves. */
  readonly vector?: number
  /** irq: the context that does the same and enters before it. */
  readonly after?: number
}

/** How the end of an execution with interrupts is defined (see `Executor`). */
export type Mode = 'exactly' | 'atMost'

export interface Program {
  readonly name: string
  readonly cpuCount: number
  readonly contexts: readonly ContextInfo[]
  /** Number of handlers that may be active at once on a CPU. */
  readonly nest: number
  /** Whether contexts use plain accesses, so that there can be data races. */
  readonly hasPlainAccess: boolean
  /** What is known of who touches which word; null or none: every step counts. */
  readonly footprints?: Footprints | null
  /** Distinguishes this code from other versions of it. */
  readonly codeHash: number
  /** The name of a word, for people. */
  wordName(address: number): string
  /** What its words are, for drawings. */
  readonly map?: MemoryMap
  /** Set up the memory and the contexts of one execution. */
  prepare(host: ContextHost): Prepared
}

export interface Prepared {
  readonly memory: Int32Array
  readonly contexts: Contexts
  /** Words below are no memory: an access to them is one through a null reference. */
  readonly firstWord: number
  /** Words from here up to `end` belong to the heap: an access outside a live block is a violation. */
  readonly heap: { readonly base: number, readonly end: number, readonly live: readonly Block[] } | null
  /** CPUs that start with IF = 1. Default: all. */
  readonly irqOn?: number
  /** Whether `cpuRelax` waits until something has changed (see `Relaxing`). Default: no. */
  readonly relaxWaits?: boolean
}

/** A block of the heap that is allocated from the start. Contexts allocate behind them all. */
export interface Block { readonly address: number, readonly words: number }

/** What the running contexts need of the executor. */
export interface ContextHost {
  /** Whether `Contexts.places` will be asked: finding out costs time. */
  readonly keepsPlaces: boolean
  /** Whether `Contexts.localHash` will be asked. */
  readonly tracksLocals: boolean
  /** The logged cells: everything that a context changes while it runs lives there. */
  reserve(count: number): number
  cell(index: number): number
  setCell(index: number, value: number): void
  /** The context's next operation. `time` is the operand of operations on times. */
  offer(context: number, op: number, a: number, b: number, c: number, time?: number): void
  /** Whether IF = 1 on a CPU, how many handlers are active there, and its time: as they are for what runs now. */
  irqIsOn(cpu: number): boolean
  nestingOf(cpu: number): number
  timeOf(cpu: number): number
  /** The vector that a context of kind `vector` entered for. */
  vectorOf(context: number): number
  /** Whether somebody looks at a word: otherwise what it holds decides nothing. And that somebody does. */
  isLookedAt(address: number): boolean
  /** How many words somebody looks at: never fewer than before. */
  looks(): number
  lookAt(address: number): void
  /** The context hit a broken invariant instead of an operation. */
  fail(context: number, kind: ViolationKind, message: string): void
}

export interface Contexts {
  /** Begin a context: it runs to its first operation and offers it. */
  start(context: number): void
  /** Give a context the value of the operation it offered: it runs to the next one. */
  resume(context: number, value: number): void
  /** Where the operation that a context offers stands in its source: its line, then those of the calls that led there. */
  places?(context: number): readonly CodePlace[]
  /** One half of a hash of a context's local state; undefined if it cannot be known. */
  localHash(context: number, half: number): number | undefined
}

export interface MemoryMap {
  /** A word outside the heap; undefined if nothing is known of it. */
  locate(address: number): WordPlace | undefined
  /** Blocks of the heap that are there from the start. */
  readonly blocks: readonly TaggedBlock[]
  /** A word of a block of the heap, by the tag that it was allocated with. */
  inBlock(tag: number, offset: number): Omit<WordPlace, 'address' | 'words'>
}

export interface TaggedBlock extends Block { readonly tag: number }

export interface WordPlace {
  /** What it is part of, and where that lies; `words` is 0 if it is no object that could be pointed to. */
  readonly object: string
  readonly address: number
  readonly words: number
  readonly field: string
  /** link: the address of a word. lock: 0, or the number of the context that holds it + 1. time: a double in two words. */
  readonly kind: 'word' | 'link' | 'lock' | 'time'
}

export interface CodePlace {
  /** '' is the text that the program was compiled from. */
  readonly file: string
  readonly line: number
  /** The function. */
  readonly where: string
}

export type ViolationKind =
  | 'bug' | 'assertion' | 'at-rest' | 'deadlock' | 'hang' | 'livelock' | 'data-race'
  | 'bad-access' | 'use-after-free' | 'double-free' | 'bad-free' | 'bad-unlock' | 'leak' | 'step-limit' | 'nondeterminism'

export interface Violation {
  readonly kind: ViolationKind
  readonly message: string
  /** The step before which, or in which, it was seen. */
  readonly step: number
  readonly context: string
}
