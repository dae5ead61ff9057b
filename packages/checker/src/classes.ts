// SPDX-License-Identifier: MIT
/**
 * Classes of executions: two executions are one class if the same interrupts entered, the same events were executed
 * and conflicting events stand in the same order. Steps that touch no memory (`cli`, `sti`) are no events; base and
 * handler of one CPU have no order beyond conflicts.
 *
 * An event's place in the order of conflicts is the number of writes to its word before it. So a class is a set of
 * (context, number of the event in it, word, written or not, writes before), and its hash a sum over the set that is
 * kept up to date step by step, whatever the order of the steps.
 *
 * CL1  Executions of one class have one hash in every order of their independent steps.
 */
import type { Executor } from './executor.js'
import { HashSet, type SavedSet } from './hashSet.js'
import { Op } from './op.js'
import { scramble } from './scramble.js'
import { larger } from './undo.js'
import { WordTable } from './wordTable.js'

const endSets = ['complete', 'blocked', 'broken'] as const
export type EndSet = typeof endSets[number]

const ofEach = <T>(make: (name: EndSet) => T): Record<EndSet, T> =>
  ({ complete: make('complete'), blocked: make('blocked'), broken: make('broken') })

export class Classes {
  readonly complete = new HashSet()
  readonly blocked = new HashSet()
  /** Ends at which something broke. */
  readonly broken = new HashSet()
  private readonly executor: Executor
  private readonly events: number
  private readonly writes: WordTable
  private low = new Int32Array(256)
  private high = new Int32Array(256)

  constructor(executor: Executor) {
    this.executor = executor
    this.events = executor.undo.reserve(executor.count)
    this.writes = new WordTable(executor, 1)
  }

  /** Take the step that was just executed into account. */
  extend(): void {
    const { trace, depth, undo } = this.executor
    const d = depth - 1
    if (depth >= this.low.length) this.grow(depth)
    this.low[depth] = this.low[d]!
    this.high[depth] = this.high[d]!
    const label = trace.label[d]!
    const words = trace.length[d]!
    if (words === 0 && trace.op[d] !== Op.Enter) return
    const events = this.events + label
    const index = undo.cells[events]!
    undo.set(events, index + 1)
    const written = trace.writes[d]!
    if (words === 0) this.mix(depth, label, index, 4, 0)
    for (let word = 0; word < words; word++) {
      const address = trace.address[d]! + word
      const cell = this.writes.cellOf(address)
      const before = undo.cells[cell]!
      this.mix(depth, (label << 16) | index, address, written, before)
      if (written !== 0) undo.set(cell, before + 1)
    }
  }

  /** Note the end of an execution in one of the sets; false if its class was known. */
  record(set: HashSet): boolean {
    const { depth } = this.executor
    return set.add(this.low[depth]!, this.high[depth]!)
  }

  /** Whether an end of a class was noted in any of the sets. */
  has(low: number, high: number): boolean {
    return this.complete.has(low, high) || this.blocked.has(low, high) || this.broken.has(low, high)
  }

  /** Whether there were more classes than can be kept: then some may have been counted twice. */
  get forgot(): boolean {
    return this.complete.forgot || this.blocked.forgot || this.broken.forgot
  }

  /** All classes that were noted, as pairs of words. */
  members(): Record<EndSet, Int32Array> {
    return ofEach((name) => this[name].members())
  }

  addAll(members: Readonly<Record<EndSet, Int32Array>>): void {
    for (const name of endSets) this[name].addAll(members[name])
  }

  save(): Record<EndSet, SavedSet> {
    return ofEach((name) => this[name].save())
  }

  restore(saved: Readonly<Record<EndSet, SavedSet>>): void {
    for (const name of endSets) this[name].restore(saved[name])
  }

  /** The hash of the class of the present prefix. */
  lowHash(): number {
    return this.low[this.executor.depth]!
  }

  highHash(): number {
    return this.high[this.executor.depth]!
  }

  private mix(depth: number, who: number, what: number, how: number, when: number): void {
    const h = Math.imul(who + 1, 0x9e3779b1) ^ Math.imul(what + 0x7f4a7c15, 0x85ebca6b) ^
      Math.imul((when << 4) + how + 0x165667b1, 0xc2b2ae35)
    this.low[depth] = (this.low[depth]! + scramble(h)) | 0
    this.high[depth] = (this.high[depth]! + scramble(Math.imul(who + 0x51ed27, 0x27d4eb2f) ^
      Math.imul(what + 1, 0x165667b1) ^ Math.imul((when << 4) + how + 1, 0x9e3779b1))) | 0
  }

  private grow(depth: number): void {
    this.low = larger(this.low, depth + 1)
    this.high = larger(this.high, depth + 1)
  }
}
