// SPDX-License-Identifier: MIT
/**
 * Dynamic partial-order reduction with source sets and sleep sets; the processes are CPUs that choose.
 *
 * At each state a set of CPUs is explored, and of each CPU all choices: its step and every entry. Whatever races on
 * the way down asks for a CPU at the state before the first of the two: one that can begin what must come first.
 *
 * The rules are those of INTERRUPTS.md, "Backtrack points":
 * R1  Choosing a CPU at a state means exploring all its choices there, one after the other with no other CPU between:
 *     a state at which a CPU's step sleeps and its entries do not would be left by the entries only, and what must come
 *     before the step is never found.
 * R2  For a race, a CPU that begins the reversed order is added at the state before the first event; operations that
 *     are still blocked at the end race too.
 * R3  A CPU whose current step is blocked brings all enabled transitions with it, chosen by default or by a race: what
 *     unblocks it is an order that its entries alone do not start.
 * R4  See SleepSets.
 * R5  Mode atMost: while a step is enabled the default choice is no entry; where none is, every entry is added.
 */
import type { Executor } from '../executor.js'
import { HappensBefore, type RaceSink } from '../happensBefore.js'
import { lowest, popCount, type Order } from '../order.js'
import { MAX_CONTEXTS } from '../program.js'
import { larger } from '../undo.js'
import { SleepSets, type SavedSleep } from './sleepSets.js'
import { STOP, type Splittable, type StrategyContext } from './strategy.js'

export interface DporOptions {
  /** Sleep sets. Default: on. */
  readonly sleep?: boolean
}

interface SavedDpor { readonly wanted: readonly number[], readonly sleep: SavedSleep }

export class Dpor implements Splittable, RaceSink {
  readonly name: string = 'dpor'
  protected readonly executor: Executor
  protected readonly order: Order
  protected readonly happensBefore: HappensBefore
  protected readonly sleepSets: SleepSets
  /** Labels to explore at each depth. */
  private wanted = new Int32Array(256)
  /** Depth of the state below which is searched, and what is asked for above it (see `codeOf`). */
  private root = 0
  private readonly above = new Set<number>()
  // scratch of `race`: position of the first step of each CPU in the reversed order
  private readonly first: Int32Array

  constructor({ executor, order }: StrategyContext, { sleep = true }: DporOptions = {}) {
    this.executor = executor
    this.order = order
    this.happensBefore = new HappensBefore(executor, this)
    this.sleepSets = new SleepSets(executor, sleep)
    this.first = new Int32Array(executor.cpuCount)
  }

  next(): number {
    const { executor, sleepSets } = this
    const d = executor.depth
    if (d >= this.wanted.length) this.wanted = larger(this.wanted, d + 1)
    this.wanted[d] = 0
    const awake = executor.enabled() & ~sleepSets.asleep[d]!
    if (awake === 0) return STOP
    if (executor.isEnd()) this.happensBefore.ended()                        // R5: an execution may end here, R2 holds
    this.wantDefault(d, awake)
    return this.take(d, this.wanted[d])
  }

  stepped(): void {
    this.happensBefore.extend()
    this.sleepSets.descend()
  }

  ended(): void {
    this.happensBefore.ended()
  }

  backtrack(): number {
    const { executor } = this
    for (let d = executor.depth - 1; d >= 0; d--) {
      const left = this.wanted[d]! & ~this.sleepSets.covered(d)
      if (left === 0) continue
      const sameCpu = left & executor.labelsOf[executor.trace.cpu[d]!]!     // R1
      executor.back(d)
      return this.take(d, sameCpu !== 0 ? sameCpu : left)
    }
    return STOP
  }

  /** R2. `second` may be the position behind the end: an operation that is still blocked. */
  race(first: number, second: number, label: number): void {
    const d = first - 1
    const { cpuOf } = this.executor
    const secondCpu = cpuOf[label]!
    const enabled = this.executor.enabledAt(d)
    if ((enabled & ~this.wanted[d]!) === 0) return
    const initials = this.initials(first, second, secondCpu)
    if (initials === 0) return
    if (d < this.root) this.above.add(codeOf(d, initials, secondCpu))
    else this.wantOneOf(d, initials, secondCpu)
  }

  sleeping(): number[] {
    return this.sleepSets.sleeping(this.executor.depth)
  }

  /** At the states above nothing is wanted, so every race is asked for: whether it adds anything, its owner knows. */
  plant(sleeping: readonly number[]): void {
    const { depth } = this.executor
    this.root = depth
    this.above.clear()
    this.wanted = larger(this.wanted, depth + 1)
    this.wanted.fill(0, 0, depth)
    this.sleepSets.lull(depth, sleeping)
  }

  asked(): number[] {
    return [...this.above]
  }

  ask(asked: readonly number[]): void {
    const { executor } = this
    for (const code of asked) {
      const [d, initials, secondCpu] = raceOf(code)
      const isWanted = (executor.labelsOfCpus(initials) & this.wanted[d]!) !== 0
      if (!isWanted && (executor.enabledAt(d) & ~this.wanted[d]!) !== 0) this.wantOneOf(d, initials, secondCpu)
    }
  }

  branches(depth: number): { begun: number, known: number } {
    const asleep = this.sleepSets.asleep[depth]!
    const done = popCount(this.sleepSets.done[depth]! & ~asleep)
    return { begun: done, known: Math.max(done, popCount(this.wanted[depth]! & ~asleep)) }
  }

  save(): SavedDpor {
    const { depth } = this.executor
    return { wanted: [...this.wanted.subarray(0, depth)], sleep: this.sleepSets.save(depth) }
  }

  restore(saved: SavedDpor): void {
    this.wanted = larger(this.wanted, saved.wanted.length)
    this.wanted.set(saved.wanted)
    this.sleepSets.restore(saved.sleep)
  }

  private wantOneOf(d: number, cpus: number, preferred: number): void {
    this.want(d, ((cpus >>> preferred) & 1) !== 0 ? preferred : lowest(cpus))
  }

  /** R1, R3: a CPU with all its choices; with everything, if its step is blocked. */
  private want(d: number, cpu: number): void {
    const { executor } = this
    const enabled = executor.enabledAt(d)
    this.wanted[d]! |= executor.isBlocked(cpu, d) ? enabled : enabled & executor.labelsOf[cpu]!
  }

  private wantDefault(d: number, awake: number): void {
    const { executor } = this
    const steps = awake & executor.trace.steps[d]!
    const byStep = executor.mode === 'atMost'
    if (byStep && steps === 0) this.wanted[d] = executor.enabled()          // R5
    else this.want(d, executor.cpuOf[this.order.pick(byStep ? steps : awake)]!)
  }

  private take(d: number, labels: number): number {
    const label = this.order.pick(labels & ~this.sleepSets.covered(d))
    this.sleepSets.take(d, label)
    return label
  }

  /**
   * The CPUs that can begin the reversed order: all steps between the two that the first does not order, then the
   * second. 0 if one of them is wanted already at the state before the first.
   */
  private initials(first: number, second: number, secondCpu: number): number {
    const { happensBefore, executor: { trace, labelsOf } } = this
    const wanted = this.wanted[first - 1]!
    const firstCpu = trace.cpu[first - 1]!
    let seen = 0
    let initials = 0
    for (let position = first + 1; position <= second; position++) {
      const isSecond = position === second
      if (!isSecond && happensBefore.ordered(first, firstCpu, position)) continue
      const cpu = isSecond ? secondCpu : trace.cpu[position - 1]!
      if (((seen >>> cpu) & 1) !== 0) continue
      if (this.begins(position, seen)) {
        if ((wanted & labelsOf[cpu]!) !== 0) return 0
        initials |= 1 << cpu
      }
      this.first[cpu] = position
      seen |= 1 << cpu
    }
    return initials
  }

  /** Whether no step of the reversed order so far happens before `position`. */
  private begins(position: number, seen: number): boolean {
    for (let cpus = seen; cpus !== 0; cpus &= cpus - 1) {
      const cpu = 31 - Math.clz32(cpus & -cpus)
      if (this.happensBefore.ordered(this.first[cpu]!, cpu, position)) return false
    }
    return true
  }
}

/** A race in one number: depth, CPUs that can begin the reversed order, CPU of the second. */
const codeOf = (d: number, initials: number, secondCpu: number): number =>
  (d * MAX_CONTEXTS + secondCpu) * 2 ** 32 + (initials >>> 0)

const raceOf = (code: number): [number, number, number] => {
  const rest = Math.floor(code / 2 ** 32)
  return [Math.floor(rest / MAX_CONTEXTS), code % 2 ** 32 | 0, rest % MAX_CONTEXTS]
}
