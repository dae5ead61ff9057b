// SPDX-License-Identifier: MIT
/**
 * One search of a program: when it stops, and what is known when it has.
 */
import type { CheckOptions, CheckResult } from './checkOptions.js'
import { checkpointOf, resumeFrom, type Checkpoint } from './checkpoint.js'
import { Findings } from './findings.js'
import type { Footprints } from './footprints.js'
import { createOrder, lowest, type Order } from './order.js'
import type { SubtreeResult } from './parallel/subtree.js'
import type { Program } from './program.js'
import { progressOf } from './progress.js'
import { Search, type Counts, type Explored } from './search.js'
import { Session } from './session.js'
import { Bounded } from './strategies/bounded.js'
import { createStrategy, isExhaustive } from './strategies/create.js'
import { Stateful } from './strategies/stateful.js'
import type { Strategy } from './strategies/strategy.js'

export class Run {
  private readonly program: Program
  private readonly options: CheckOptions
  readonly session: Session
  readonly strategy: Strategy
  readonly search: Search
  readonly findings: Findings
  readonly footprints: Footprints | null
  private readonly order: Order
  private readonly now: () => number
  private readonly begun: number
  private secondsBefore = 0
  private nextProgress: number
  private nextCheckpoint: number
  private nextLook = 0
  private isResumed = false

  /** @param explored where what is below a new state is explored; default: all of it here */
  constructor(
    program: Program, options: CheckOptions, footprints: Footprints | null, explored: () => Explored = () => 'here',
  ) {
    const { strategy = 'dpor', order = 'base-first', mode = 'exactly' } = options
    this.program = program
    this.options = options
    this.now = options.now ?? (() => performance.now())
    this.begun = this.now()
    this.nextProgress = this.begun + this.progressEvery()
    this.nextCheckpoint = this.begun + this.checkpointEvery()
    const states = strategy === 'bounded' || strategy === 'stateful'
    const { dataRaces, maxSteps } = options
    this.session = new Session(program, {
      mode, states, footprints, locals: strategy === 'stateful',
      ...dataRaces === undefined ? {} : { dataRaces }, ...maxSteps === undefined ? {} : { maxSteps },
    })
    this.order = createOrder(this.session.executor, order)
    this.strategy = createStrategy(strategy, this.session, this.order, options)
    this.footprints = footprints
    this.findings = new Findings(this.session, options)
    this.search = new Search(this.session, this.strategy, {
      ended: (kind) => this.findings.ended(kind),
      pause: () => this.pause(),
      explored,
    })
  }

  /** Begin where another search stopped. Throws `CheckpointError`. */
  resume(checkpoint: Checkpoint): void {
    const { state } = resumeFrom(checkpoint, this.session, this.strategy, this.order)
    Object.assign(this.search.counts, state.counts)
    this.findings.restore(state)
    this.secondsBefore = state.seconds
    this.isResumed = true
  }

  /** Search. It may be asked to go on where `search.waits`. */
  go(): this {
    this.search.run(this.isResumed)
    this.isResumed = true
    if (this.search.exhausted && this.findings.violation === null) this.lookForLivelock()
    return this
  }

  /** Take what was found below the present state instead of searching there. */
  take({ counts, found }: Pick<SubtreeResult, 'counts' | 'found'>): void {
    const mine = this.search.counts
    const { maxDepth } = mine
    for (const name of Object.keys(mine) as (keyof Counts)[]) mine[name] += counts[name]
    mine.maxDepth = Math.max(maxDepth, counts.maxDepth)
    this.findings.add(found)
  }

  private pause(): boolean {
    const { options, search: { counts } } = this
    if (this.findings.isOver || this.footprints?.grew === true) return true
    if (counts.executions >= (options.maxExecutions ?? Infinity)) return true
    if (counts.steps < this.nextLook) return false
    this.nextLook = counts.steps + 20_000
    const time = this.now()
    if (options.progress !== undefined && time >= this.nextProgress) {
      this.nextProgress = time + this.progressEvery()
      options.progress(progressOf(this.session, this.strategy, counts, this.seconds()))
    }
    if (options.checkpointed !== undefined && time >= this.nextCheckpoint) {
      options.checkpointed(this.checkpoint())
      // a large one takes its time: a twentieth of the search's, at most
      this.nextCheckpoint = this.now() + Math.max(this.checkpointEvery(), 20 * (this.now() - time))
    }
    return this.seconds() >= (options.maxSeconds ?? Infinity) || options.stop?.() === true
  }

  private lookForLivelock(): void {
    const { strategy, session: { executor } } = this
    if (!(strategy instanceof Stateful)) return
    const circle = strategy.livelock()
    if (circle === null) return
    const isIn = (label: number): boolean => ((circle.who >>> label) & 1) !== 0
    const who = this.program.contexts.filter((_, label) => isIn(label)).map((context) => context.name)
    const message = `${who.join(', ')} can go on for ever in a circle, nobody is kept from running`
    const violation = { kind: 'livelock', message, step: 0, context: who[0] ?? '-' } as const
    if (!this.findings.isLookedFor(violation)) return
    executor.back(0)
    this.passQuiet()
    for (const label of circle.labels) {
      this.session.step(label)
      this.passQuiet()
    }
    this.findings.keep({ ...violation, step: executor.depth })
  }

  private passQuiet(): void {
    const { executor } = this.session
    for (;;) {
      const quiet = executor.trace.quiet[executor.depth]!
      if (quiet === 0) return
      this.session.step(lowest(quiet))
    }
  }

  private seconds(): number {
    return this.secondsBefore + (this.now() - this.begun) / 1000
  }

  private progressEvery(): number {
    return (this.options.progressEverySeconds ?? 1) * 1000
  }

  private checkpointEvery(): number {
    return (this.options.checkpointEverySeconds ?? 30) * 1000
  }

  result(): CheckResult {
    const { session: { classes }, search, strategy, options, findings } = this
    const { violation, schedule, wrong, signatures } = findings
    const { strategy: name = 'dpor', mode = 'exactly' } = options
    const isFinished = search.exhausted && isExhaustive(strategy)
    const isPaused = !search.exhausted && !findings.isOver
    return {
      ...search.counts,
      program: this.program.name,
      mode,
      strategy: name,
      verdict: violation !== null ? 'violation' : isFinished ? 'clean' : 'unfinished',
      classes: { complete: classes.complete.size, blocked: classes.blocked.size, wrong },
      exact: !classes.forgot,
      waitSignatures: [...signatures].sort(),
      violation,
      schedule,
      seconds: this.seconds(),
      ...strategy instanceof Bounded ? { preemptions: finiteOrNull(strategy.exhaustedBound) } : {},
      ...strategy instanceof Stateful ? { states: strategy.known().count } : {},
      checkpoint: isPaused ? this.checkpoint() : null,
      digest: () => `${classes.complete.digest()}/${classes.blocked.digest()}/${classes.broken.digest()}`,
    }
  }

  private checkpoint(): Checkpoint {
    const { session, strategy, order, search, findings, footprints } = this
    const saved = checkpointOf(session, strategy, order, {
      ...findings.saved(), counts: { ...search.counts }, seconds: this.seconds(),
    })
    return footprints === null ? saved : { ...saved, footprints: footprints.save() }
  }
}

function finiteOrNull(bound: number): number | null {
  return Number.isFinite(bound) ? bound : null
}
