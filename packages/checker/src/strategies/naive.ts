// SPDX-License-Identifier: MIT
/**
 * All schedules, one after the other: the oracle of the others. With `merge`, a prefix whose class and scheduler state
 * were seen before is not gone into again; the set of classes is the same.
 */
import type { Classes } from '../classes.js'
import { scramble } from '../scramble.js'
import type { Executor } from '../executor.js'
import { HashSet, type SavedSet } from '../hashSet.js'
import { Op } from '../op.js'
import { popCount, type Order } from '../order.js'
import { larger } from '../undo.js'
import { STOP, type Splittable, type StrategyContext } from './strategy.js'

export interface NaiveOptions {
  /** Merge prefixes of one class. Needs the classes that the search keeps. */
  readonly merge?: Classes
  /** Count a handler's entry and its first step as one step of the schedule, as the published counts do. */
  readonly fused?: boolean
}

export class Naive implements Splittable {
  readonly name = 'naive'
  private readonly executor: Executor
  private readonly order: Order
  private readonly merge: Classes | undefined
  private readonly fused: boolean
  private readonly seen = new HashSet()
  private readonly positions: number
  private done = new Int32Array(256)

  constructor({ executor, order }: StrategyContext, { merge, fused = false }: NaiveOptions = {}) {
    this.executor = executor
    this.order = order
    this.merge = merge
    this.fused = fused
    this.positions = executor.undo.reserve(executor.count)
  }

  next(): number {
    const { executor } = this
    const d = executor.depth
    if (d >= this.done.length) this.done = larger(this.done, d + 1)
    this.done[d] = 0
    if (executor.enabled() === 0 || this.wasSeen()) return STOP
    const entered = this.fused ? this.justEntered() : 0
    if (entered !== 0) this.done[d] = ~entered
    return this.take(d)
  }

  stepped(): void {
    const { trace, depth, undo } = this.executor
    const cell = this.positions + trace.label[depth - 1]!
    undo.set(cell, undo.cells[cell]! + 1)
  }

  ended(): void {
    // nothing to learn from an end
  }

  backtrack(): number {
    for (let d = this.executor.depth - 1; d >= 0; d--) {
      if ((this.executor.enabledAt(d) & ~this.done[d]!) === 0) continue
      this.executor.back(d)
      return this.take(d)
    }
    return STOP
  }

  sleeping(): number[] {
    return []
  }

  plant(): void {
    const { depth } = this.executor
    this.done = larger(this.done, depth + 1)
    this.done.fill(-1, 0, depth)
  }

  asked(): number[] {
    return []
  }

  ask(): void {
    // every choice is taken as it is
  }

  branches(depth: number): { begun: number, known: number } {
    return { begun: popCount(this.done[depth]!), known: popCount(this.executor.enabledAt(depth)) }
  }

  save(): unknown {
    return { done: [...this.done.subarray(0, this.executor.depth)], seen: this.seen.save() }
  }

  restore(saved: unknown): void {
    const { done, seen } = saved as { done: number[], seen: SavedSet }
    this.done = larger(this.done, done.length)
    this.done.set(done)
    this.seen.restore(seen)
  }

  private take(d: number): number {
    const label = this.order.pick(this.executor.enabled() & ~this.done[d]!)
    this.done[d]! |= 1 << label
    return label
  }

  /** The handler that entered by the last step, if its first step is enabled. */
  private justEntered(): number {
    const { trace, depth } = this.executor
    if (depth === 0 || trace.op[depth - 1] !== Op.Enter) return 0
    return trace.steps[depth]! & ~trace.waiting[depth]! & (1 << trace.label[depth - 1]!)
  }

  /** The class of a prefix says what memory and contexts hold; where each context stands and who is on top is added. */
  private wasSeen(): boolean {
    const { executor, merge } = this
    if (merge === undefined) return false
    let low = merge.lowHash()
    let high = merge.highHash()
    for (let label = 0; label < executor.count; label++) {
      low = (low + scramble(Math.imul(label + 1, 0x9e3779b1) ^ executor.undo.cells[this.positions + label]!)) | 0
    }
    for (let cpu = 0; cpu < executor.cpuCount; cpu++) {
      high = (high + scramble(Math.imul(executor.schedulerHash(cpu) + 7, 0x85ebca6b) ^ cpu)) | 0
    }
    return !this.seen.add(low, scramble(high ^ executor.trace.irqOn[executor.depth]!))
  }
}
