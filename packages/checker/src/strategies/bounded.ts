// SPDX-License-Identifier: MIT
/**
 * All schedules with at most k preemptions, for k = 0, 1, 2, ...: each bound is exhausted before the next one.
 *
 * A preemption is a transition of another CPU while the last one's step is enabled, and the entry of a handler above a
 * context that could go on. States that were seen with as many preemptions are not gone into again.
 */
import { scramble } from '../scramble.js'
import type { Executor } from '../executor.js'
import { HashSet, type SavedSet } from '../hashSet.js'
import { popCount, type Order } from '../order.js'
import type { States } from '../states.js'
import { larger } from '../undo.js'
import { STOP, type Strategy, type StrategyContext } from './strategy.js'

export interface BoundedOptions {
  /** The largest bound. */
  readonly preemptions: number
  /** The first bound. Default: 0. */
  readonly from?: number
  readonly states: States
  /** Paths longer than this are given up, shortest violations first: lowered by whoever found one. */
  readonly depthLimit?: { steps: number }
}

interface Saved {
  readonly bound: number
  readonly exhaustedBound: number
  readonly wasCut: boolean
  readonly done: readonly number[]
  readonly used: readonly number[]
  readonly moved: readonly number[]
  readonly seen: SavedSet
}

export class Bounded implements Strategy {
  readonly name = 'bounded'
  /** The bound that is being explored. */
  bound: number
  /** The largest bound that was exhausted; -1 if none. */
  exhaustedBound = -1
  private readonly executor: Executor
  private readonly order: Order
  private readonly states: States
  private readonly last: number
  private readonly depthLimit: { steps: number }
  private seen = new HashSet()
  private wasCut = false
  /** At each depth: preemptions so far, contexts that took a step, labels begun. */
  private used = new Int32Array(256)
  private moved = new Int32Array(256)
  /** At each depth: the CPU that took the step before it, plus 1; 0 if none did. */
  private mover = new Int32Array(256)
  private done = new Int32Array(256)

  constructor({ executor, order }: StrategyContext, options: BoundedOptions) {
    this.executor = executor
    this.order = order
    this.states = options.states
    this.bound = options.from ?? 0
    this.last = options.preemptions
    this.depthLimit = options.depthLimit ?? { steps: Infinity }
  }

  next(): number {
    const d = this.executor.depth
    if (d >= this.done.length) this.grow(d)
    this.done[d] = 0
    if (this.executor.enabled() === 0 || d >= this.depthLimit.steps || this.wasSeen(d)) return STOP
    return this.take(d)
  }

  stepped(): void {
    const { depth } = this.executor
    if (depth >= this.used.length) this.grow(depth)
    const label = this.executor.trace.label[depth - 1]!
    const isQuiet = this.executor.trace.quiet[depth - 1] !== 0
    this.used[depth] = this.used[depth - 1]! + this.cost(depth - 1, label)
    // a step that nobody else can see is at no place among theirs
    this.moved[depth] = this.moved[depth - 1]! | (isQuiet ? 0 : 1 << label)
    this.mover[depth] = isQuiet ? this.mover[depth - 1]! : this.executor.cpuOf[label]! + 1
  }

  ended(): void {
    // nothing to learn from an end
  }

  backtrack(): number {
    const { executor } = this
    for (let d = executor.depth - 1; d >= 0; d--) {
      if (d >= this.depthLimit.steps) continue
      executor.back(d)
      const label = this.take(d)
      if (label !== STOP) return label
    }
    return this.nextBound()
  }

  branches(depth: number): { begun: number, known: number } {
    return { begun: popCount(this.done[depth]!), known: popCount(this.executor.enabledAt(depth)) }
  }

  save(): Saved {
    const { bound, exhaustedBound, wasCut, done, used, moved, seen, executor: { depth } } = this
    const part = (column: Int32Array): number[] => [...column.subarray(0, depth + 1)]
    return {
      bound, exhaustedBound, wasCut, done: part(done), used: part(used), moved: part(moved), seen: seen.save(),
    }
  }

  restore(saved: unknown): void {
    const state = saved as Saved
    this.bound = state.bound
    this.exhaustedBound = state.exhaustedBound
    this.wasCut = state.wasCut
    if (state.done.length >= this.done.length) this.grow(state.done.length)
    this.done.set(state.done)
    this.used.set(state.used)
    this.moved.set(state.moved)
    this.seen.restore(state.seen)
  }

  private nextBound(): number {
    this.exhaustedBound = this.wasCut ? this.bound : Infinity
    if (!this.wasCut || this.bound >= this.last) return STOP
    this.bound++
    this.wasCut = false
    this.seen = new HashSet()
    this.executor.back(0)
    this.done[0] = 0
    return this.take(0)
  }

  private take(d: number): number {
    for (;;) {
      const left = this.executor.enabled() & ~this.done[d]!
      if (left === 0) return STOP
      const label = this.order.pick(left)
      this.done[d]! |= 1 << label
      if (this.used[d]! + this.cost(d, label) <= this.bound) return label
      this.wasCut = true
    }
  }

  /** Preemptions that a transition of state d is. */
  private cost(d: number, label: number): number {
    const { trace, cpuOf, labelsOf } = this.executor
    if (trace.quiet[d] !== 0) return 0
    const cpu = cpuOf[label]!
    const before = this.mover[d] === 0 ? cpu : this.mover[d]! - 1
    const leaves = before !== cpu && (trace.steps[d]! & labelsOf[before]!) !== 0
    const isEntry = ((trace.enters[d]! >>> label) & 1) !== 0
    // an entry above a context that did not begin yet interrupts nothing
    const interrupts = isEntry && (trace.steps[d]! & labelsOf[cpu]! & this.moved[d]!) !== 0
    return (leaves ? 1 : 0) + (interrupts ? 1 : 0)
  }

  private wasSeen(d: number): boolean {
    const { states } = this
    const cpu = this.mover[d]!
    // a state that is cut off by its depth is another one nearer to the root
    const depth = this.depthLimit.steps === Infinity ? 0 : d
    const extra = scramble(scramble(cpu * 1024 + this.used[d]!) + depth)
    return !this.seen.add(states.low() ^ extra, states.high() + extra | 0)
  }

  private grow(d: number): void {
    this.used = larger(this.used, d + 2)
    this.moved = larger(this.moved, d + 2)
    this.mover = larger(this.mover, d + 2)
    this.done = larger(this.done, d + 2)
  }
}
