// SPDX-License-Identifier: MIT
/**
 * The contexts' local states along a path, and what follows on each: code that was run from a local state is not run from
 * it again (LS1).
 *
 * TL1  A read of a word that nobody looks at is no part of the state: `st(w, ld(w) + 1)`, with nothing told between, only
 *      counts, and goes on in the same way whatever w holds. Any other read looks at its word (F2).
 */
import type { LocalsListener } from '@bottomhalf/machine/engine'
import { Op, properties, READS } from '../op.js'
import type { ContextHost } from '../program.js'
import type { History } from './history.js'
import { LocalState } from './localState.js'
import { StepCache } from './stepCache.js'

export class TrackedLocals {
  private readonly host: ContextHost
  /** Equal for contexts that run the same code on the same CPU. */
  private readonly codes: readonly number[]
  /** Two cells for each context; 0 before it begins and after its end. */
  private readonly cells: number
  private cache = new StepCache()
  /** How many words were looked at when the cache was begun. */
  private looks = 0
  /** Where each context's generator stands. */
  private readonly states: readonly LocalState[]
  /** What the context that advances is in behind its last operation, and the key of what follows there. */
  private readonly behind = new LocalState()
  private readonly key = new LocalState()

  constructor(host: ContextHost, codes: readonly number[]) {
    this.host = host
    this.codes = codes
    this.cells = host.reserve(codes.length * 2)
    this.states = codes.map(() => new LocalState())
  }

  hash(context: number, half: number): number {
    return this.host.cell(this.cells + context * 2 + half)
  }

  /** Take what the code of a context tells. */
  listener(running: () => number): LocalsListener {
    return {
      frame: () => this.stateOf(running()).frame(),
      at: (frame, place, values) => { this.stateOf(running()).at(frame, place, values) },
      opaque: () => { this.stateOf(running()).opaque() },
    }
  }

  // ---- the generator of a context runs

  begin(context: number, value: number): void {
    this.stateOf(context).begin(value)
  }

  /** It is given the value of operation `n`. */
  pass(context: number, history: History, n: number): void {
    this.mix(this.stateOf(context), history, n)
  }

  // ---- a context advances to operation `n` of its history

  /** Whether what follows is known: then it is entered in the history. */
  find(context: number, history: History, n: number, isFirst: boolean): boolean {
    this.forgetIfWrong()
    const { behind, key, cache } = this
    if (isFirst) behind.begin(history.value[n - 1]!)
    else {
      behind.set(this.hash(context, 0), this.hash(context, 1))
      this.mix(behind, history, n - 1)
    }
    key.set(behind.low, behind.high)
    key.operation(this.codes[context]!, history.state[n]!)
    key.operation(0, history.now[n]!)
    if (!cache.find(key.low, key.high)) return false
    history.keep(n, cache.op, cache.a, cache.b, cache.c, cache.time)
    if (!isFirst && writesBack(history, n) && !this.host.isLookedAt(cache.a)) history.b[n] = history.value[n - 1]! + 1
    this.settle(context, cache.low, cache.high)
    return true
  }

  // What was learned while a word seemed to count only says nothing any more (TL1).
  private forgetIfWrong(): void {
    const looks = this.host.looks()
    if (looks !== this.looks) this.cache = new StepCache()
    this.looks = looks
  }

  /** The context was run: this is what follows. */
  learn(context: number, history: History, n: number, isFirst: boolean): void {
    const { behind, key, cache } = this
    const state = history.op[n] === Op.Done ? NOTHING : this.stateOf(context)
    const { op, a, b, c, time } = history
    if (!isFirst && (properties[op[n - 1]!]! & READS) !== 0) {
      const isOneMore = writesBack(history, n) && b[n] === ((history.value[n - 1]! + 1) | 0)
      const onlyCounts = isOneMore && state.low === behind.low && state.high === behind.high
      if (!onlyCounts) this.lookAt(history, n - 1)                                             // TL1
    }
    // whether it can go on hangs on the word already
    if (op[n] === Op.AwaitWord) this.lookAt(history, n)
    cache.add(key, op[n]!, a[n]!, b[n]!, c[n]!, time[n]!, state)
    this.settle(context, state.low, state.high)
  }

  private settle(context: number, low: number, high: number): void {
    this.host.setCell(this.cells + context * 2, low)
    this.host.setCell(this.cells + context * 2 + 1, high)
  }

  private mix(state: LocalState, { op, a, value }: History, n: number): void {
    const isIgnored = op[n] === Op.Ld && !this.host.isLookedAt(a[n]!)
    state.operation(op[n]!, isIgnored ? 0 : value[n]!)
  }

  private lookAt({ op, a }: History, n: number): void {
    this.host.lookAt(a[n]!)
    if (op[n] === Op.LdTime) this.host.lookAt(a[n]! + 1)
  }

  private stateOf(context: number): LocalState {
    return this.states[context]!
  }
}

/** Whether operation `n` writes the word that the one before it read. */
const writesBack = ({ op, a }: History, n: number): boolean =>
  op[n] === Op.St && op[n - 1] === Op.Ld && a[n] === a[n - 1]

const NOTHING = { low: 0, high: 0 }
