// SPDX-License-Identifier: MIT
/** What the ends of a search showed: their classes, what blocked ones wait for, what is wrong. */
import type { CheckOptions } from './checkOptions.js'
import type { SearchState } from './checkpoint.js'
import { waitSignature } from './ends.js'
import { judgeEnd } from './judge.js'
import type { Violation } from './program.js'
import { scheduleOf, type Schedule } from './schedule.js'
import type { EndKind } from './search.js'
import type { Session } from './session.js'

/** The same as data. Classes are pairs of words. */
export interface Found {
  readonly classes: Readonly<Record<EndKind, Int32Array>>
  /** Those of the classes in which something is wrong. */
  readonly wrong: readonly number[]
  readonly waitSignatures: readonly string[]
  /** The first one. */
  readonly violation: Violation | null
  readonly schedule: Schedule | null
}

export class Findings {
  violation: Violation | null = null
  schedule: Schedule | null = null
  /** Number of classes in which something is wrong. */
  wrong = 0
  readonly signatures = new Set<string>()
  private readonly session: Session
  private readonly options: CheckOptions
  private readonly wrongClasses: number[] = []

  constructor(session: Session, options: CheckOptions) {
    this.session = session
    this.options = options
  }

  /** Whether the search is over: a violation ends it, unless they are collected. */
  get isOver(): boolean {
    return this.violation !== null && this.options.collect !== true
  }

  /** An end was reached. Ends of one class are equal: only the first is looked at. Returns whether the search is over. */
  ended(kind: EndKind): boolean {
    const { session, session: { executor, classes }, options } = this
    if (!session.recordEnd(kind)) return false
    if (kind === 'blocked') this.signatures.add(waitSignature(executor))
    const violation = judgeEnd(executor, options)
    if (violation === null || !this.isLookedFor(violation)) return false
    this.wrongClasses.push(classes.lowHash(), classes.highHash())
    this.keep(violation)
    return this.isOver
  }

  /** The present path shows something wrong. */
  keep(violation: Violation): void {
    this.wrong++
    if (this.violation !== null) return
    this.violation = violation
    this.schedule = scheduleOf(this.session.executor, violation, this.options.origin)
  }

  found(): Found {
    const { session: { classes }, wrongClasses: wrong, signatures, violation, schedule } = this
    return { classes: classes.members(), wrong, waitSignatures: [...signatures], violation, schedule }
  }

  /** Add what was found elsewhere, behind what is known here. */
  add({ classes, wrong, waitSignatures, violation, schedule }: Found): void {
    const mine = this.session.classes
    for (let i = 0; i < wrong.length; i += 2) if (!mine.has(wrong[i]!, wrong[i + 1]!)) this.wrong++
    mine.addAll(classes)
    waitSignatures.forEach((signature) => this.signatures.add(signature))
    if (this.violation !== null) return
    this.violation = violation
    this.schedule = schedule
  }

  /** What a checkpoint holds of it, beside the classes. */
  saved(): Omit<SearchState, 'counts' | 'seconds'> {
    const { wrong, signatures, violation, schedule } = this
    return { wrong, waitSignatures: [...signatures], violation, schedule }
  }

  restore({ wrong, waitSignatures, violation, schedule }: SearchState): void {
    this.wrong = wrong
    this.violation = violation
    this.schedule = schedule
    waitSignatures.forEach((signature) => this.signatures.add(signature))
  }

  isLookedFor({ kind, message }: Violation): boolean {
    const { onlyKind = kind, onlyMessage = '', allowLong = false } = this.options
    if (allowLong && kind === 'step-limit') return false
    return kind === onlyKind && message.includes(onlyMessage)
  }
}
