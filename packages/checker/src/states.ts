// SPDX-License-Identifier: MIT
/**
 * Hashes of whole states, step by step: words of memory, local state of the contexts, and the scheduler's.
 *
 * ST1  Two states with one hash have the same future (but for collisions of 64 bits).
 *
 * Where a front end cannot name a context's local state, the history of what the context read stands for it: finer than
 * needed, never wrong.
 */
import { scramble } from './scramble.js'
import type { Executor } from './executor.js'
import { Op } from './op.js'
import { larger } from './undo.js'

export class States {
  private readonly executor: Executor
  /** Two cells for each context: hash of its local state. */
  private readonly local: number
  private memoryLow = new Int32Array(256)
  private memoryHigh = new Int32Array(256)

  constructor(executor: Executor) {
    this.executor = executor
    this.local = executor.undo.reserve(executor.count * 2)
    for (let label = 0; label < executor.count; label++) this.refreshLocal(label, 0)
    executor.undo.length = 0
  }

  /** Take the step that was just executed into account. */
  extend(): void {
    const { trace, depth, memory } = this.executor
    const d = depth - 1
    if (depth >= this.memoryLow.length) this.grow(depth)
    this.memoryLow[depth] = this.memoryLow[d]!
    this.memoryHigh[depth] = this.memoryHigh[d]!
    const address = trace.address[d]!
    if (trace.op[d] === Op.Xfree) {
      // nobody may look at them again
      for (let word = address; word < address + trace.length[d]!; word++) this.replace(depth, word, memory[word]!, 0)
    } else if (trace.writes[d] !== 0 && address < memory.length) {
      this.replace(depth, address, trace.old[d]!, memory[address]!)
      if (trace.length[d] === 2) this.replace(depth, address + 1, trace.old2[d]!, memory[address + 1]!)
    }
    this.refreshLocal(trace.label[d]!, scramble(trace.value[d]! ^ ((trace.op[d]! + 1) << 24)))
  }

  low(): number {
    return this.hash(this.memoryLow[this.executor.depth]!, 0)
  }

  high(): number {
    return this.hash(this.memoryHigh[this.executor.depth]!, 1)
  }

  private hash(memory: number, half: number): number {
    const { executor, local } = this
    const { trace, depth, undo: { cells } } = executor
    let hash = memory ^ scramble(trace.started[depth]! + half)
    hash = scramble(hash + trace.finished[depth]!) ^ trace.irqOn[depth]!
    for (let label = 0; label < executor.count; label++) {
      hash = (Math.imul(hash, 31) + scramble(cells[local + label * 2 + half]! + executor.pendingOp[label]!)) | 0
    }
    hash = scramble(hash + executor.heapHash())
    for (let cpu = 0; cpu < executor.cpuCount; cpu++) hash = scramble(hash + executor.schedulerHash(cpu))
    return hash
  }

  private refreshLocal(label: number, event: number): void {
    const { executor: { undo, contexts }, local } = this
    for (let half = 0; half < 2; half++) {
      const cell = local + label * 2 + half
      const known = contexts.localHash(label, half)
      undo.set(cell, known ?? scramble(Math.imul(undo.cells[cell]! + 1, half === 0 ? 33 : 65599) + event))
    }
  }

  private replace(depth: number, address: number, old: number, now: number): void {
    const { executor } = this
    if (old === now || executor.tracksLocals && !executor.isLookedAt(address)) return
    const at = Math.imul(address, 0x9e3779b1)
    this.memoryLow[depth] = (this.memoryLow[depth]! - scramble(at ^ old) + scramble(at ^ now)) | 0
    const other = Math.imul(address, 0x85ebca6b) + 1
    this.memoryHigh[depth] = (this.memoryHigh[depth]! - scramble(other ^ old) + scramble(other ^ now)) | 0
  }

  private grow(depth: number): void {
    this.memoryLow = larger(this.memoryLow, depth + 1)
    this.memoryHigh = larger(this.memoryHigh, depth + 1)
  }
}
