// SPDX-License-Identifier: MIT
/**
 * A search with several threads that finds what the search with one thread finds, whatever their number and speed.
 *
 * The search walks the upper part of its tree itself, in its usual order. A part below is a function of its root (see
 * `Splittable`), so helpers explore, ahead of time, the parts that it is likely to come to; where it comes to one it
 * takes the result, or waits. A part that nobody asks for after all is thrown away.
 *
 * PS1  Parts are taken in the order of the search alone: verdict, counts, classes, schedule and checkpoint are those of
 *      one thread.
 * PS2  How deep the parts begin, and which are explored ahead, changes nothing but the time.
 */
import { checkProgram } from '../check.js'
import type { CheckOptions, CheckResult } from '../checkOptions.js'
import type { Checkpoint } from '../checkpoint.js'
import type { Footprints } from '../footprints.js'
import type { Program } from '../program.js'
import { Run } from '../run.js'
import type { Explored } from '../search.js'
import type { Splittable } from '../strategies/strategy.js'
import { lookAhead } from './ahead.js'
import { depthOfParts, isSplittable, keyOf, type Subtree, type SubtreeResult } from './subtree.js'

/** Explores parts, one after the other: a thread with `subtreeExplorer`. */
export interface Helper { explore(subtree: Subtree): Promise<SubtreeResult> }

export interface ParallelOptions extends CheckOptions {
  /** Called when the search turns out to be long. */
  readonly helpers: () => readonly Helper[]
  /** Executions before that. Default: 4000. */
  readonly aloneExecutions?: number
  /** About as many steps has a part. Default: 100 000. */
  readonly partSteps?: number
}

/** What a search needs so that others can take part. */
export function canSplit({ strategy = 'dpor', order = 'base-first', merge = false }: CheckOptions): boolean {
  return (strategy === 'dpor' || strategy === 'naive' && !merge) && typeof order === 'string'
}

/** Explore a program, with helpers. Throws what a helper throws. */
export async function checkParallel(program: Program, options: ParallelOptions): Promise<CheckResult> {
  const { helpers: call, aloneExecutions = 4000, partSteps = 100_000, ...rest } = options
  const { resume, maxExecutions = Infinity, maxSeconds = Infinity, collect = false, everyStep = false } = rest
  if (!canSplit(rest)) throw new Error('this search cannot be split: it needs dpor or naive, and an order that is no seed')
  const alone = (resume?.state.counts.executions ?? 0) + aloneExecutions
  const first = checkProgram(program, { ...rest, maxExecutions: Math.min(alone, maxExecutions) })
  const isLong = first.checkpoint !== null && first.executions >= alone && alone < maxExecutions
  if (!isLong) return first
  const footprints = everyStep ? null : program.footprints ?? null
  const helpers = call()
  for (let from: Checkpoint | null = first.checkpoint; ; from = null) {
    footprints?.clear()
    const result = await new Union(program, rest, footprints, helpers, partSteps).search(from)
    const isOver = result.violation !== null && !collect || result.seconds >= maxSeconds
    if (footprints?.grew !== true || isOver) return result                                               // F1
  }
}

/** Parts that are kept for the search to come to them, at most: what was not taken for so long, nobody asks for. */
const KEPT = 1000

class Union {
  private readonly run: Run
  private readonly strategy: Splittable
  private readonly footprints: Footprints | null
  private readonly helpers: readonly Helper[]
  private readonly maxExecutions: number
  private readonly partSteps: number
  /** Where the parts begin, and how many steps the last ones had. */
  private depth = 1
  private meanSteps: number
  /** Parts that are explored, or being explored; by key. */
  private readonly done = new Map<string, SubtreeResult>()
  private readonly doing = new Set<string>()
  private readonly busy = new Map<Helper, Promise<void>>()

  constructor(
    program: Program, options: CheckOptions, footprints: Footprints | null, helpers: readonly Helper[],
    partSteps: number,
  ) {
    this.run = new Run(program, options, footprints, () => this.explored())
    if (!isSplittable(this.run.strategy)) throw new Error(`a search with ${this.run.strategy.name} has no parts`)
    this.strategy = this.run.strategy
    this.footprints = footprints
    this.helpers = helpers
    this.maxExecutions = options.maxExecutions ?? Infinity
    this.partSteps = partSteps
    this.meanSteps = partSteps
  }

  async search(from: Checkpoint | null): Promise<CheckResult> {
    const { run } = this
    if (from !== null) run.resume(from)
    // so early subtrees look smaller than they are
    this.depth = depthOfParts(run, 0, this.partSteps / 16)
    for (run.go(); run.search.waits; run.go()) {
      this.assign()
      await Promise.race(this.busy.values())
    }
    return run.result()
  }

  /** PS1 */
  private explored(): Explored {
    const part = this.partHere()
    if (part === null) return 'here'
    const key = keyOf(part)
    const result = this.done.get(key)
    if (result === undefined) return 'not yet'
    this.done.delete(key)
    const passesLimit = this.run.search.counts.executions + result.counts.executions > this.maxExecutions
    if (passesLimit) return 'here'
    this.fitDepth(result)
    if (result.smaller !== null) return 'here'
    this.run.take(result)
    this.strategy.ask(result.asked)
    if (result.learned !== null) this.footprints?.learn(result.learned)
    return 'elsewhere'
  }

  /** PS2 */
  private fitDepth({ smaller, counts: { steps } }: SubtreeResult): void {
    this.meanSteps += (steps - this.meanSteps) / 16
    const isSmall = this.meanSteps < this.partSteps / 8 && this.depth > 1
    if (smaller === null && !isSmall) return
    this.depth = smaller ?? this.depth - 1
    this.meanSteps = this.partSteps
  }

  /** The part that begins at the present state, if one does. */
  private partHere(): Subtree | null {
    const { executor } = this.run.session
    if (executor.depth !== this.depth || executor.isEnd()) return null
    const sleeping = this.strategy.sleeping()
    const asleep = sleeping.reduce((mask, label, i) => i % 3 === 0 ? mask | (1 << label) : mask, 0)
    if ((executor.enabled() & ~asleep) === 0) return null
    const path = [...executor.trace.label.subarray(0, executor.depth)]
    return { path, sleeping, partSteps: this.partSteps, footprints: null }
  }

  /** Give every idle helper a part: those that the search comes to first. */
  private assign(): void {
    const idle = this.helpers.filter((helper) => !this.busy.has(helper))
    if (idle.length === 0) return
    const known = (part: Subtree): readonly number[] | null => {
      const key = keyOf(part)
      const result = this.done.get(key)
      if (result !== undefined) return result.asked
      return this.doing.has(key) ? [] : null
    }
    const parts = lookAhead(this.run, this.strategy, () => this.partHere(), known, idle.length)
    const footprints = this.footprints?.save() ?? null
    parts.forEach((part, i) => {
      const helper = idle[i]
      if (helper !== undefined) this.start(helper, { ...part, footprints })
    })
  }

  private start(helper: Helper, part: Subtree): void {
    const key = keyOf(part)
    this.doing.add(key)
    this.busy.set(helper, helper.explore(part).then((result) => {
      this.doing.delete(key)
      this.busy.delete(helper)
      this.done.set(key, result)
      const [oldest] = this.done.keys()
      if (this.done.size > KEPT && oldest !== undefined) this.done.delete(oldest)
    }))
  }
}
