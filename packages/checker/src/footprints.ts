// SPDX-License-Identifier: MIT
/**
 * Who touches which word, over all executions of a program: what nobody else can see needs no other order.
 *
 * A word is quiet for a step if no context ever writes it; or if no context but this one touches it; or if only contexts
 * of this CPU do, and IF = 0. Such a step commutes with every step of everybody else, so it is taken at once and nothing
 * else is tried in its place.
 *
 * A search that knows states again wants to know as well which words are looked at: what the others hold is no part of a
 * state.
 *
 * F1  What is known of a word only grows. A search in which it grew has skipped orders that count: it begins again.
 * F2  A word is looked at where it is read, by a context or at an end; unless only to count in it.
 */
import type { Executor } from './executor.js'
import { Op } from './op.js'

export class Footprints {
  /** Contexts that touch each word, and words that somebody writes. */
  private readonly touched: Int32Array
  private readonly written: Uint8Array
  private readonly looked: Uint8Array
  /** Words that are looked at. */
  looks = 0
  private isNew = false
  /** Whether steps are noted. */
  learns = true

  constructor(words: number) {
    this.touched = new Int32Array(words)
    this.written = new Uint8Array(words)
    this.looked = new Uint8Array(words)
  }

  /** Whether something new was learned since the last `clear`. */
  get grew(): boolean {
    return this.isNew
  }

  /** What is known, as data, for each word: address, contexts, 1 if written plus 2 if looked at. */
  save(): number[] {
    const known: number[] = []
    this.touched.forEach((labels, word) => {
      const how = this.written[word]! + this.looked[word]! * 2
      if (labels !== 0 || how !== 0) known.push(word, labels, how)
    })
    return known
  }

  /** Know what was saved, and nothing else. */
  restore(saved: readonly number[]): void {
    this.touched.fill(0)
    this.written.fill(0)
    this.looked.fill(0)
    for (let i = 0; i < saved.length; i += 3) {
      this.touched[saved[i]!] = saved[i + 1]!
      this.written[saved[i]!] = saved[i + 2]! & 1
      this.looked[saved[i]!] = saved[i + 2]! >> 1
    }
    this.looks = this.looked.reduce((sum, is) => sum + is, 0)
  }

  clear(): void {
    this.isNew = false
  }

  /** Take over what somebody else has learned. */
  learn(saved: readonly number[]): void {
    this.restore(saved)
    this.isNew = true
  }

  /** Learn from a step: `length` words from `address` on, by a context. */
  note(label: number, address: number, length: number, writes: boolean): void {
    if (!this.learns) return
    const bit = 1 << label
    for (let word = address; word < address + length; word++) {
      if ((this.touched[word]! & bit) === 0) {
        this.touched[word]! |= bit
        this.isNew = true
      }
      if (writes && this.written[word] === 0) {
        this.written[word] = 1
        this.isNew = true
      }
    }
  }

  isLookedAt(word: number): boolean {
    return this.looked[word] !== 0
  }

  lookAt(word: number): void {
    if (this.looked[word] !== 0) return
    this.looked[word] = 1
    this.looks++
    this.isNew = true
  }

  /** Whether what a context offers now commutes with everything that others may do. */
  isQuiet(executor: Executor, label: number, ifIsOn: boolean): boolean {
    const op = executor.pendingOp[label]!
    if (op === Op.SmpMb || op === Op.CpuRelax) return true
    if (op > Op.TestAndClearBit) return executor.tracksLocals && isQuietOnCpu(op, executor.pendingA[label]!, ifIsOn)
    const address = executor.pendingA[label]!
    const others = this.touched[address]! & ~(1 << label)
    if (others === 0 || this.written[address] === 0 && op === readOnly(op)) return true
    return !ifIsOn && (others & ~executor.labelsOf[executor.cpuOf[label]!]!) === 0
  }
}

/** A step without a word: only handlers of its CPU see it, and those that may enter could as well before it, or behind. */
function isQuietOnCpu(op: number, flags: number, ifIsOn: boolean): boolean {
  switch (op) {
    case Op.Woken: case Op.IrqEnable: return true
    case Op.IrqDisable: case Op.IrqSave: return !ifIsOn
    case Op.IrqRestore: return !ifIsOn || flags !== 0
    default: return false
  }
}

const readOnly = (op: number): number => op === Op.Ld || op === Op.Load ? op : -1
