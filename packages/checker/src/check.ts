// SPDX-License-Identifier: MIT
/**
 * The front door of the search: a program, a strategy, limits; a verdict with its evidence.
 */
import { checkpointOf, resumeFrom, type Checkpoint } from './checkpoint.js'
import { waitSignature } from './ends.js'
import type { Footprints } from './footprints.js'
import { judgeEnd, type EndJudge } from './judge.js'
import { createOrder, type Order, type OrderName } from './order.js'
import type { Mode, Program, Violation, ViolationKind } from './program.js'
import { progressOf, type Progress } from './progress.js'
import { scheduleOf, type Schedule, type ScheduleOrigin } from './schedule.js'
import { Search, type Counts } from './search.js'
import { Session } from './session.js'
import { createStrategy, isExhaustive, type StrategyName, type StrategyOptions } from './strategies/create.js'
import { Bounded } from './strategies/bounded.js'
import { Stateful } from './strategies/stateful.js'
import type { Strategy } from './strategies/strategy.js'

export interface CheckOptions extends EndJudge, StrategyOptions {
  readonly mode?: Mode
  readonly strategy?: StrategyName
  /** In which order to try things; a number is a seed. Changes the way, never the result. Default: base-first. */
  readonly order?: OrderName
  /** Go on behind violations and count them; otherwise the first one ends the search. Default: false. */
  readonly collect?: boolean
  /** Look for violations of this kind only. */
  readonly onlyKind?: ViolationKind | undefined
  /** Look for violations only whose message contains this: one defect among several. */
  readonly onlyMessage?: string
  /** Try every order of all steps, also of those that nobody else can see (models only). Default: off. */
  readonly everyStep?: boolean
  /** Report data races on plain accesses. Default: if there are any. */
  readonly dataRaces?: boolean
  /** Steps of one execution, at most. Default: 10 000; stateful: a million. */
  readonly maxSteps?: number
  /** Whether a longer execution is nothing wrong, only not looked at further: for loops that wait for another CPU. */
  readonly allowLong?: boolean
  readonly maxExecutions?: number
  readonly maxSeconds?: number
  /** Called about once a second, or as often as `progressEverySeconds` says. */
  readonly progress?: (progress: Progress) => void
  readonly progressEverySeconds?: number
  /** Asked now and then, between two executions: whether to stop here, as at a limit. */
  readonly stop?: () => boolean
  /** Go on where a search of the same program with the same options stopped. */
  readonly resume?: Checkpoint
  /** Milliseconds from anywhere. Default: the host's. */
  readonly now?: () => number
  /** What a schedule says of where its program came from. */
  readonly origin?: ScheduleOrigin
}

export interface CheckResult extends Readonly<Counts> {
  readonly program: string
  readonly mode: Mode
  readonly strategy: StrategyName
  /** clean: everything within the bounds was explored and nothing is wrong. */
  readonly verdict: 'clean' | 'violation' | 'unfinished'
  /** Distinct classes of complete and of blocked executions, and of those in which something is wrong. */
  readonly classes: { readonly complete: number, readonly blocked: number, readonly wrong: number }
  /** What the unfinished contexts of the blocked ends wait for, each once. */
  readonly waitSignatures: readonly string[]
  readonly violation: Violation | null
  /** The execution that shows the violation. */
  readonly schedule: Schedule | null
  readonly seconds: number
  /** Bounded search: the largest number of preemptions that was exhausted; null without end: all schedules were. */
  readonly preemptions?: number | null
  /** Stateful search: number of states. */
  readonly states?: number
  /** To go on later, if the search stopped at a limit. */
  readonly checkpoint: Checkpoint | null
  /** Equal for two searches that found the same classes. */
  readonly digest: () => string
}

/** Explore a program. */
export function checkProgram(program: Program, options: CheckOptions = {}): CheckResult {
  const { footprints = null } = program
  const { everyStep = false, strategy, resume, maxSeconds = Infinity } = options
  if (footprints === null || everyStep || strategy === 'optimal') return new Check(program, options, null).run(resume)
  const now = options.now ?? (() => performance.now())
  const begun = now()
  let result: CheckResult
  let from = resume
  if (resume?.footprints !== undefined) footprints.restore(resume.footprints)
  do {
    footprints.clear()
    result = new Check(program, { ...options, maxSeconds: maxSeconds - (now() - begun) / 1000 }, footprints).run(from)
    from = undefined
    const isOver = result.violation !== null && options.collect !== true
    if (!footprints.grew || isOver) break                                                                // F1
  } while (now() - begun < maxSeconds * 1000)
  return result
}

class Check {
  private readonly program: Program
  private readonly options: CheckOptions
  private readonly session: Session
  private readonly order: Order
  private readonly strategy: Strategy
  private readonly search: Search
  private readonly signatures = new Set<string>()
  private readonly footprints: Footprints | null
  private readonly now: () => number
  private readonly begun: number
  private secondsBefore = 0
  private nextProgress: number
  private nextLook = 0
  private wrong = 0
  private violation: Violation | null = null
  private schedule: Schedule | null = null

  constructor(program: Program, options: CheckOptions, footprints: Footprints | null) {
    const { strategy = 'dpor', order = 'base-first', mode = 'exactly' } = options
    this.program = program
    this.options = options
    this.now = options.now ?? (() => performance.now())
    this.begun = this.now()
    this.nextProgress = this.begun + this.progressEvery()
    const states = strategy === 'bounded' || strategy === 'stateful'
    const { dataRaces, maxSteps } = options
    this.session = new Session(program, {
      mode, states, footprints, locals: strategy === 'stateful',
      ...dataRaces === undefined ? {} : { dataRaces }, ...maxSteps === undefined ? {} : { maxSteps },
    })
    this.order = createOrder(this.session.executor, order)
    this.strategy = createStrategy(strategy, this.session, this.order, options)
    this.footprints = footprints
    this.search = new Search(this.session, this.strategy, {
      ended: (kind, isNew) => this.ended(kind === 'blocked', isNew),
      pause: () => this.pause(),
    })
  }

  run(resume: Checkpoint | undefined): CheckResult {
    if (resume !== undefined) {
      const { state } = resumeFrom(resume, this.session, this.strategy, this.order)
      Object.assign(this.search.counts, state.counts)
      state.waitSignatures.forEach((signature) => this.signatures.add(signature))
      this.wrong = state.wrong
      this.secondsBefore = state.seconds
    }
    this.search.run(resume !== undefined)
    if (this.search.exhausted && this.violation === null) this.lookForLivelock()
    return this.result()
  }

  /** An end was reached. Ends of one class are equal: only the first is looked at. */
  private ended(isBlocked: boolean, isNew: boolean): boolean {
    const { executor } = this.session
    if (!isNew) return false
    if (isBlocked) this.signatures.add(waitSignature(executor))
    const violation = judgeEnd(executor, this.options)
    if (violation === null || !this.isLookedFor(violation)) return false
    this.wrong++
    if (this.violation === null) this.keep(violation)
    return this.options.collect !== true
  }

  private isLookedFor({ kind, message }: Violation): boolean {
    const { onlyKind = kind, onlyMessage = '', allowLong = false } = this.options
    if (allowLong && kind === 'step-limit') return false
    return kind === onlyKind && message.includes(onlyMessage)
  }

  private keep(violation: Violation): void {
    this.violation = violation
    this.schedule = scheduleOf(this.session.executor, violation, this.options.origin)
  }

  private pause(): boolean {
    const { options, search: { counts } } = this
    if (this.footprints?.grew === true) return true
    if (counts.executions >= (options.maxExecutions ?? Infinity)) return true
    if (counts.steps < this.nextLook) return false
    this.nextLook = counts.steps + 20_000
    const time = this.now()
    if (options.progress !== undefined && time >= this.nextProgress) {
      this.nextProgress = time + this.progressEvery()
      options.progress(progressOf(this.session, this.strategy, counts, this.seconds()))
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
    if (!this.isLookedFor(violation)) return
    executor.back(0)
    this.passQuiet()
    for (const label of circle.labels) {
      this.session.step(label)
      this.passQuiet()
    }
    this.wrong++
    this.keep({ ...violation, step: executor.depth })
  }

  private passQuiet(): void {
    const { executor } = this.session
    for (;;) {
      const quiet = executor.trace.quiet[executor.depth]!
      if (quiet === 0) return
      this.session.step(31 - Math.clz32(quiet))
    }
  }

  private seconds(): number {
    return this.secondsBefore + (this.now() - this.begun) / 1000
  }

  private progressEvery(): number {
    return (this.options.progressEverySeconds ?? 1) * 1000
  }

  private result(): CheckResult {
    const { session: { classes }, search, strategy, options } = this
    const { strategy: name = 'dpor', mode = 'exactly' } = options
    const isFinished = search.exhausted && isExhaustive(strategy)
    const isPaused = !search.exhausted && (options.collect === true || this.violation === null)
    return {
      ...search.counts,
      program: this.program.name,
      mode,
      strategy: name,
      verdict: this.violation !== null ? 'violation' : isFinished ? 'clean' : 'unfinished',
      classes: { complete: classes.complete.size, blocked: classes.blocked.size, wrong: this.wrong },
      waitSignatures: [...this.signatures].sort(),
      violation: this.violation,
      schedule: this.schedule,
      seconds: this.seconds(),
      ...strategy instanceof Bounded ? { preemptions: finiteOrNull(strategy.exhaustedBound) } : {},
      ...strategy instanceof Stateful ? { states: strategy.known().count } : {},
      checkpoint: isPaused ? this.checkpoint() : null,
      digest: () => `${classes.complete.digest()}/${classes.blocked.digest()}/${classes.broken.digest()}`,
    }
  }

  private checkpoint(): Checkpoint {
    const { session, strategy, order, search, signatures, wrong, footprints } = this
    const saved = checkpointOf(session, strategy, order, {
      counts: { ...search.counts }, waitSignatures: [...signatures], wrong, seconds: this.seconds(),
    })
    return footprints === null ? saved : { ...saved, footprints: footprints.save() }
  }
}

function finiteOrNull(bound: number): number | null {
  return Number.isFinite(bound) ? bound : null
}
