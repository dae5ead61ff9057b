// SPDX-License-Identifier: MIT
/**
 * Every state once: a path stops where a state was seen before. It fits spaces in which many orders lead to the same
 * states, and it alone sees a livelock: a part of the state graph that can be gone round for ever although every context
 * that could always run does run.
 */
import type { Executor } from '../executor.js'
import { popCount, type Order } from '../order.js'
import type { States } from '../states.js'
import { larger } from '../undo.js'
import { fairCircle, type StateGraph } from './stateGraph.js'
import { STOP, type Strategy, type StrategyContext } from './strategy.js'

export interface StatefulOptions {
  readonly states: States
}

export class Stateful implements Strategy {
  readonly name = 'stateful'
  private readonly executor: Executor
  private readonly order: Order
  private readonly states: States
  private readonly known = new Map<bigint, number>()
  /** The number of the state at each depth, and the labels begun there. */
  private at = new Int32Array(256)
  private done = new Int32Array(256)
  private edges = 0
  private from = new Int32Array(1024)
  private label = new Uint8Array(1024)
  private to = new Int32Array(1024)
  // per state: contexts that are enabled there
  private enabled = new Int32Array(1024)

  constructor({ executor, order }: StrategyContext, { states }: StatefulOptions) {
    this.executor = executor
    this.order = order
    this.states = states
  }

  next(): number {
    const { executor } = this
    const d = executor.depth
    if (d >= this.at.length) this.grow(d)
    const isNew = this.enter(d)
    this.done[d] = 0
    if (!isNew || executor.enabled() === 0) return STOP
    return this.take(d)
  }

  stepped(): void {
    // the state is looked at in `next`
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

  branches(depth: number): { begun: number, known: number } {
    return { begun: popCount(this.done[depth]!), known: popCount(this.executor.enabledAt(depth)) }
  }

  /** Number of states. */
  stateCount(): number {
    return this.known.size
  }

  /** After everything was explored: the choices that lead into a livelock and once round it; null if there is none. */
  livelock(): { readonly labels: readonly number[], readonly who: number } | null {
    return fairCircle(this.graph())
  }

  save(): unknown {
    const { edges, executor: { depth } } = this
    return {
      known: [...this.known].map(([key, state]) => [key.toString(36), state] as const),
      at: [...this.at.subarray(0, depth)], done: [...this.done.subarray(0, depth)],
      from: [...this.from.subarray(0, edges)],
      label: [...this.label.subarray(0, edges)],
      to: [...this.to.subarray(0, edges)],
      enabled: [...this.enabled.subarray(0, this.known.size)],
    }
  }

  restore(saved: unknown): void {
    const state = saved as Record<'at' | 'done' | 'from' | 'label' | 'to' | 'enabled', number[]> & { known: [string, number][] }
    this.edges = state.from.length
    this.from = larger(this.from, this.edges)
    this.label = larger(this.label, this.edges)
    this.to = larger(this.to, this.edges)
    this.enabled = larger(this.enabled, state.enabled.length)
    if (state.at.length >= this.at.length) this.grow(state.at.length)
    for (const name of ['at', 'done', 'from', 'label', 'to', 'enabled'] as const) this[name].set(state[name])
    for (const [text, number] of state.known) this.known.set(parseKey(text), number)
  }

  private graph(): StateGraph {
    const { from, label, to, edges, enabled, known } = this
    const entries = this.executor.irqs | this.executor.vectors
    const mustRun = this.executor.mode === 'exactly' ? -1 : ~entries
    return { states: known.size, edges, from, label, to, enabled, mustRun }
  }

  /** Note the state at depth d and the edge to it; whether it is new. */
  private enter(d: number): boolean {
    const key = (BigInt(this.states.high() >>> 0) << 32n) | BigInt(this.states.low() >>> 0)
    const known = this.known.get(key)
    const number = known ?? this.known.size
    if (known === undefined) {
      this.known.set(key, number)
      if (number >= this.enabled.length) this.enabled = larger(this.enabled, number + 1)
      this.enabled[number] = this.executor.enabled()
    }
    this.at[d] = number
    if (d > 0) this.addEdge(this.at[d - 1]!, this.executor.trace.label[d - 1]!, number)
    return known === undefined
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
    return label
  }

  private grow(d: number): void {
    this.at = larger(this.at, d + 1)
    this.done = larger(this.done, d + 1)
  }
}

function parseKey(text: string): bigint {
  let key = 0n
  for (const digit of text) key = key * 36n + BigInt(parseInt(digit, 36))
  return key
}
