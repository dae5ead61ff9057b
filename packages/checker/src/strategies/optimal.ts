// SPDX-License-Identifier: MIT
/**
 * Optimal dynamic partial-order reduction: races are reversed by whole sequences, kept in wakeup trees, so that without
 * interrupts no execution is begun that turns out to be known.
 *
 * At every end, for every race (e, e') of the execution: v is all steps that e does not order, then e'. If nothing that
 * sleeps before e can begin v, v goes into the tree of that state. The rules R1 to R5 of `dpor.ts` hold here too; what
 * they ask for at a state are single transitions with everything open below them.
 */
import type { Executor } from '../executor.js'
import { HappensBefore, type RaceSink } from '../happensBefore.js'
import { Op } from '../op.js'
import { popCount, type Order } from '../order.js'
import { larger } from '../undo.js'
import type { DporOptions } from './dpor.js'
import { SleepSets, type SavedSleep } from './sleepSets.js'
import { STOP, type Strategy, type StrategyContext } from './strategy.js'
import { IRQ_ON, NOT_INITIAL, Sequence, SOLE, WakeupTrees, type SavedTree } from './wakeupTree.js'

interface SavedOptimal {
  readonly trees: readonly SavedTree[]
  readonly wanted: readonly number[]
  readonly sleep: SavedSleep
}

export class Optimal implements Strategy, RaceSink {
  readonly name = 'optimal'
  private readonly executor: Executor
  private readonly order: Order
  private readonly happensBefore: HappensBefore
  private readonly sleepSets: SleepSets
  private readonly trees: WakeupTrees
  private readonly reversed = new Sequence()
  /** Per depth: the tree, and the single transitions that the rules ask for. */
  private head = new Int32Array(256)
  private wanted = new Int32Array(256)
  /** What is below the transition that is being taken. */
  private below = 0
  // races of the present path: positions, and the context of the second
  private races = 0
  private raceFirst = new Int32Array(256)
  private raceSecond = new Int32Array(256)
  private raceLabel = new Int32Array(256)
  private raceAddress = new Int32Array(256)
  private raceExtent = new Int32Array(256)
  /** Number of races before the step of each depth. */
  private raceMark = new Int32Array(256)

  constructor({ executor, order }: StrategyContext, { sleep = true }: DporOptions = {}) {
    this.executor = executor
    this.order = order
    this.happensBefore = new HappensBefore(executor, this)
    this.sleepSets = new SleepSets(executor, sleep)
    this.trees = new WakeupTrees({ doorbells: executor.doorbells, vectors: executor.vectors !== 0 })
  }

  next(): number {
    const { executor, sleepSets } = this
    const d = executor.depth
    this.wanted[d] = 0
    const awake = executor.enabled() & ~sleepSets.asleep[d]!
    if (awake === 0) return STOP
    if (executor.isEnd()) this.reverseAll()
    const guided = this.takeBranch(d)
    this.wantDefault(d, awake)
    return guided !== STOP ? guided : this.take(d, this.order.pick(this.wanted[d] & ~sleepSets.asleep[d]!))
  }

  stepped(): void {
    const d = this.executor.depth
    if (d >= this.head.length) this.grow(d)
    this.raceMark[d - 1] = this.races
    this.happensBefore.extend()
    this.sleepSets.descend()
    this.head[d] = this.below
    this.below = 0
  }

  ended(): void {
    this.reverseAll()
  }

  backtrack(): number {
    const { executor } = this
    for (let d = executor.depth - 1; d >= 0; d--) {
      this.trees.drop(this.head[d + 1]!)
      this.head[d + 1] = 0
      const label = this.takeLeft(d)
      if (label !== STOP) return label
    }
    return STOP
  }

  race(first: number, second: number, label: number, address: number, extent: number): void {
    const n = this.races++
    if (n === this.raceFirst.length) this.growRaces(n + 1)
    this.raceFirst[n] = first
    this.raceSecond[n] = second
    this.raceLabel[n] = label
    this.raceAddress[n] = address
    this.raceExtent[n] = extent
  }

  branches(depth: number): { begun: number, known: number } {
    const asleep = this.sleepSets.asleep[depth]!
    const done = popCount(this.sleepSets.done[depth]! & ~asleep)
    let known = popCount((this.wanted[depth]! | this.sleepSets.done[depth]!) & ~asleep)
    for (let node = this.head[depth]!; node !== 0; node = this.trees.siblingOf(node)) known++
    return { begun: done, known: Math.max(done, known) }
  }

  save(): SavedOptimal {
    const { depth } = this.executor
    const trees = Array.from({ length: depth }, (_, d) => this.trees.saved(this.head[d]!))
    return { trees, wanted: [...this.wanted.subarray(0, depth)], sleep: this.sleepSets.save(depth) }
  }

  restore({ trees, wanted, sleep }: SavedOptimal): void {
    this.grow(trees.length)
    trees.forEach((tree, d) => { this.head[d] = this.trees.restored(tree) })
    this.wanted.set(wanted)
    this.sleepSets.restore(sleep)
  }

  // ---- taking

  private takeLeft(d: number): number {
    const { executor, sleepSets } = this
    if (this.head[d] === 0 && (this.wanted[d]! & ~sleepSets.covered(d)) === 0) return STOP
    executor.back(d)
    this.races = this.raceMark[d]!
    const branch = this.takeBranch(d)
    if (branch !== STOP) return branch
    const left = this.wanted[d]! & ~sleepSets.covered(d)
    return left === 0 ? STOP : this.take(d, this.order.pick(left))
  }

  /** The first branch of the tree that is not known yet. */
  private takeBranch(d: number): number {
    const { trees, sleepSets } = this
    for (let node = this.head[d]!; node !== 0; node = this.head[d]!) {
      this.head[d] = trees.siblingOf(node)
      const label = trees.labelOf(node)
      const below = trees.open(node)
      if (((sleepSets.covered(d) >>> label) & 1) === 0 && this.isOpen(d, label)) return this.takeGuided(d, label, below)
      trees.drop(below)
    }
    return STOP
  }

  /** A context that relaxes may be awake in another order only: then everything is wanted, as in R3. */
  private isOpen(d: number, label: number): boolean {
    const { executor } = this
    if (((executor.enabled() >>> label) & 1) !== 0 || executor.pendingOp[label] !== Op.CpuRelax) return true
    this.wanted[d]! |= executor.enabledAt(d)
    return false
  }

  private takeGuided(d: number, label: number, below: number): number {
    if (((this.executor.enabled() >>> label) & 1) === 0) throw new Error('a wakeup sequence cannot be executed')
    this.below = below
    this.want(d, label)
    return this.take(d, label)
  }

  private take(d: number, label: number): number {
    this.sleepSets.take(d, label)
    return label
  }

  /** R1, R3: with a transition, all choices of its CPU; if the CPU's step is blocked or sleeps, everything. */
  private want(d: number, label: number): void {
    const { executor, sleepSets } = this
    const cpu = executor.cpuOf[label]!
    const mine = executor.labelsOf[cpu]!
    const stepSleeps = (executor.trace.steps[d]! & mine & sleepSets.asleep[d]!) !== 0
    this.wanted[d]! |= stepSleeps || executor.isBlocked(cpu, d) ? executor.enabled() : executor.enabled() & mine
  }

  /** What must be explored here whatever the tree says: in mode atMost, executions that the tree's entries lack (R5). */
  private wantDefault(d: number, awake: number): void {
    const { executor } = this
    const byStep = executor.mode === 'atMost'
    const steps = awake & executor.trace.steps[d]!
    if ((this.wanted[d]! & (byStep ? steps : -1)) !== 0) return
    if (byStep && steps === 0) this.wanted[d] = executor.enabled()
    else this.want(d, this.order.pick(byStep ? steps : awake))
  }

  // ---- reversing

  private reverseAll(): void {
    const count = this.races
    this.happensBefore.ended()
    for (let n = 0; n < this.races; n++) this.reverse(n)
    this.races = count
  }

  private reverse(n: number): void {
    const d = this.raceFirst[n]! - 1
    const { reversed, sleepSets } = this
    this.fillReversed(n)
    if (this.begins(d, sleepSets.covered(d))) return
    this.head[d] = this.trees.insert(this.head[d]!, reversed)
  }

  /** v: the steps behind the first that it does not order, then the second. */
  private fillReversed(n: number): void {
    const { reversed, happensBefore, executor: { trace, depth, cpuOf } } = this
    const first = this.raceFirst[n]!
    const second = this.raceSecond[n]!
    const label = this.raceLabel[n]!
    const firstCpu = trace.cpu[first - 1]!
    const secondCpu = cpuOf[label]!
    reversed.length = 0
    for (let p = first + 1; p <= depth; p++) {
      if (happensBefore.ordered(first, firstCpu, p)) continue
      if (p >= second && happensBefore.ordered(second, secondCpu, p)) continue
      const cpu = trace.cpu[p - 1]!
      const taken = trace.label[p - 1]!
      const extent = trace.length[p - 1]! * 2 + trace.writes[p - 1]!
      reversed.push(taken, cpu, trace.address[p - 1]!, extent, this.flags(p - 1, taken))
    }
    reversed.push(label, secondCpu, this.raceAddress[n]!, this.reversedExtent(n), this.flags(second - 1, label))
  }

  private flags(d: number, label: number): number {
    const { trace, cpuOf, labelsOf, mode } = this.executor
    const cpu = cpuOf[label]!
    const irqOn = ((trace.irqOn[d]! >>> cpu) & 1) !== 0 ? IRQ_ON : 0
    const choices = (trace.steps[d]! | trace.waiting[d]! | trace.enters[d]!) & labelsOf[cpu]!
    if ((choices & (choices - 1)) !== 0 || (mode === 'atMost' && (choices & trace.enters[d]!) !== 0)) return irqOn
    return irqOn | SOLE
  }

  /** A compare-and-swap may succeed before the first of a race though it failed behind it, and the other way round. */
  private reversedExtent(n: number): number {
    const { trace, depth } = this.executor
    const [first, second] = [this.raceFirst[n]!, this.raceSecond[n]!]
    const isSwap =
      second <= depth && trace.label[second - 1] === this.raceLabel[n] && trace.op[second - 1] === Op.Cmpxchg
    if (!isSwap || trace.writes[first - 1] === 0) return this.raceExtent[n]!
    return trace.old[first - 1] === trace.b[second - 1] ? 3 : 2
  }

  /** Whether one of the labels can begin v at depth d. */
  private begins(d: number, labels: number): boolean {
    const { executor: { cpuOf }, reversed, sleepSets, trees } = this
    for (let left = labels; left !== 0; left &= left - 1) {
      const label = 31 - Math.clz32(left & -left)
      const flags = this.flags(d, label)
      const address = sleepSets.addressOf(d, label)
      const at = trees.initialIn(reversed, label, cpuOf[label]!, address, sleepSets.extentOf(d, label), flags)
      if (at !== NOT_INITIAL) return true
    }
    return false
  }

  private grow(d: number): void {
    this.head = larger(this.head, d + 1)
    this.wanted = larger(this.wanted, d + 1)
    this.raceMark = larger(this.raceMark, d + 1)
  }

  private growRaces(wanted: number): void {
    this.raceFirst = larger(this.raceFirst, wanted)
    this.raceSecond = larger(this.raceSecond, wanted)
    this.raceLabel = larger(this.raceLabel, wanted)
    this.raceAddress = larger(this.raceAddress, wanted)
    this.raceExtent = larger(this.raceExtent, wanted)
  }
}
