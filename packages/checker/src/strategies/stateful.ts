// SPDX-License-Identifier: MIT
/**
 * Every state once: a path stops where a state was seen before. It fits spaces in which many orders lead to the same
 * states, and it alone sees a livelock: a part of the state graph that can be gone round for ever although every context
 * that could always run does run.
 *
 * SF1  A state from which a step that nobody else can see is taken at once is passed, not kept.
 * SF2  A data race is looked for in each state: what led to a state that is known is lost (`meetingOf`).
 */
import type { Executor } from '../executor.js'
import { meetingOf } from '../meeting.js'
import { popCount, type Order } from '../order.js'
import type { States } from '../states.js'
import { StateTable } from '../stateTable.js'
import { larger } from '../undo.js'
import { fairCircle, type StateGraph } from './stateGraph.js'
import { STOP, type Strategy, type StrategyContext } from './strategy.js'

export interface StatefulOptions {
  readonly states: States
  /** Whether data races are looked for. */
  readonly races: boolean
}

interface Saved extends Readonly<Record<'at' | 'via' | 'done' | 'from' | 'label' | 'to' | 'enabled', readonly number[]>> {
  readonly known: { readonly low: readonly number[], readonly high: readonly number[] }
}

export class Stateful implements Strategy {
  readonly name = 'stateful'
  private readonly executor: Executor
  private readonly order: Order
  private readonly states: States
  private readonly races: boolean
  private readonly table = new StateTable()
  /** At each depth: the last state there or before, -1 if none was; the label taken from it; the labels begun here. */
  private at = new Int32Array(256)
  private via = new Int32Array(256)
  private done = new Int32Array(256)
  /** The second of two accesses that meet, if the first was just taken. */
  private second = STOP
  private edges = 0
  private from = new Int32Array(1024)
  private label = new Uint8Array(1024)
  private to = new Int32Array(1024)
  // per state: contexts that are enabled there
  private enabled = new Int32Array(1024)

  constructor({ executor, order }: StrategyContext, { states, races }: StatefulOptions) {
    this.executor = executor
    this.order = order
    this.states = states
    this.races = races
  }

  next(): number {
    const { executor } = this
    const d = executor.depth
    if (d >= this.at.length) this.grow(d)
    this.at[d] = d === 0 ? -1 : this.at[d - 1]!
    this.via[d] = d === 0 ? STOP : this.via[d - 1]!
    this.done[d] = 0
    if (this.second !== STOP) return this.takeSecond()
    if (executor.trace.quiet[d] !== 0) return this.take(d)                                     // SF1
    if (!this.enter(d) || executor.enabled() === 0) return STOP
    const meeting = this.races ? meetingOf(executor) : null
    if (meeting === null) return this.take(d)
    this.second = meeting[1]                                                                   // SF2
    return meeting[0]
  }

  stepped(): void {
    // the state is looked at in `next`
  }

  ended(): void {
    this.second = STOP
  }

  backtrack(): number {
    for (let d = this.executor.depth - 1; d >= 0; d--) {
      if ((this.executor.enabledAt(d) & ~this.done[d]!) === 0) continue
      this.executor.back(d)
      return this.take(d)
    }
    return STOP
  }

  branches(depth: number): { begun: number, known: number } {
    return { begun: popCount(this.done[depth]!), known: popCount(this.executor.enabledAt(depth)) }
  }

  known(): { count: number, bytes: number } {
    const { table, enabled, from, label, to } = this
    const columns = [enabled, from, label, to]
    return { count: table.size, bytes: columns.reduce((sum, { byteLength }) => sum + byteLength, table.bytes()) }
  }

  /** After everything was explored: the choices that lead into a livelock and once round it; null if there is none. */
  livelock(): { readonly labels: readonly number[], readonly who: number } | null {
    return fairCircle(this.graph())
  }

  save(): Saved {
    const { edges, executor: { depth } } = this
    const part = (column: Int32Array | Uint8Array, length: number): number[] => [...column.subarray(0, length)]
    return {
      known: this.table.save(), enabled: part(this.enabled, this.table.size),
      at: part(this.at, depth), via: part(this.via, depth), done: part(this.done, depth),
      from: part(this.from, edges), label: part(this.label, edges), to: part(this.to, edges),
    }
  }

  restore(saved: unknown): void {
    const { known, ...columns } = saved as Saved
    known.low.forEach((low, number) => { this.table.numberOf(low, known.high[number] ?? 0) })
    this.edges = columns.from.length
    this.from = larger(this.from, this.edges)
    this.label = larger(this.label, this.edges)
    this.to = larger(this.to, this.edges)
    this.enabled = larger(this.enabled, columns.enabled.length)
    if (columns.at.length >= this.at.length) this.grow(columns.at.length)
    for (const name of ['at', 'via', 'done', 'from', 'label', 'to', 'enabled'] as const) this[name].set(columns[name])
  }

  private graph(): StateGraph {
    const { from, label, to, edges, enabled, table } = this
    const entries = this.executor.irqs | this.executor.vectors
    const mustRun = this.executor.mode === 'exactly' ? -1 : ~entries
    return { states: table.size, edges, from, label, to, enabled, mustRun }
  }

  /** Note the state at depth d and the edge to it; whether it is new. */
  private enter(d: number): boolean {
    const { table } = this
    const before = table.size
    const number = table.numberOf(this.states.low(), this.states.high())
    const isNew = table.size > before
    if (isNew) {
      if (number >= this.enabled.length) this.enabled = larger(this.enabled, number + 1)
      this.enabled[number] = this.executor.enabled()
    }
    const from = this.at[d]!
    if (from >= 0) this.addEdge(from, this.via[d]!, number)
    this.at[d] = number
    return isNew
  }

  private addEdge(from: number, label: number, to: number): void {
    const n = this.edges++
    if (n === this.from.length) {
      this.from = larger(this.from, n + 1)
      this.label = larger(this.label, n + 1)
      this.to = larger(this.to, n + 1)
    }
    this.from[n] = from
    this.label[n] = label
    this.to[n] = to
  }

  private take(d: number): number {
    const label = this.order.pick(this.executor.enabled() & ~this.done[d]!)
    this.done[d]! |= 1 << label
    if (this.executor.trace.quiet[d] === 0) this.via[d] = label
    return label
  }

  // It breaks there, and nothing is begun: whoever goes on behind violations comes back to both.
  private takeSecond(): number {
    const label = this.second
    this.second = STOP
    return label
  }

  private grow(d: number): void {
    this.at = larger(this.at, d + 1)
    this.via = larger(this.via, d + 1)
    this.done = larger(this.done, d + 1)
  }
}
