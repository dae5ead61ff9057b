// SPDX-License-Identifier: MIT
/**
 * What a run is asked to do and what it answers. Plain data: it crosses threads, and is what `--json` prints.
 */
import type { Recording, Scenario } from '@bottomhalf/scenario'

/** How passthrough interrupts are deferred: the softirq of their own, or a tasklet each (the form before it). */
export type Defer = 'softirq' | 'tasklet'

export interface RunOptions {
  readonly scenario: Scenario
  readonly defer: Defer
  /** Guard of the tasklet lists: one lock for the machine, or one a CPU. */
  readonly taskletLock: 'global' | 'per-cpu'
  readonly lock: 'tas' | 'ticket'
  readonly durationNs: number
  readonly seed: number
  /** Recorded arrivals by `recordingKey` of the scenario's traces. */
  readonly recordings: Readonly<Record<string, Recording>>
  /** Check lock order, holders and heap while running. */
  readonly debug: boolean
  /** End the worker of a pCPU by force, `atNs` after the start: the host must notice. */
  readonly killCpu?: { readonly cpu: number, readonly atNs: number } | undefined
  /** Directory for the evidence of a run that dies. */
  readonly evidence: string
}

/** Counts so far, about once a second. */
export interface Progress {
  readonly defer: Defer
  readonly elapsedNs: number
  readonly durationNs: number
  readonly raised: number
  readonly delivered: number
  readonly coalesced: number
  readonly unserved: number
  /** Events of the scenario that happened. */
  readonly events: number
}

export interface Latency { readonly p50: number, readonly p99: number, readonly p999: number, readonly max: number }

/** Arrivals that nobody could serve, by why. */
export interface Unserved {
  /** Raised while the device was bound to nobody. */
  readonly gone: number
  /** The guest crashed. */
  readonly crashed: number
  /** The guest does not end its interrupts. */
  readonly notEnded: number
  /** The guest has masked its line. */
  readonly masked: number
  /** The guest wrote random values into its vector tables. */
  readonly scribbled: number
  /** The last that came while its interrupt was shut by the rate limit (IRQ-3). */
  readonly limited: number
}

export interface DeviceReport {
  readonly guest: string
  readonly name: string
  /** Arrivals, counted by the device. */
  readonly raised: number
  /** Runs of the guest's interrupt handler that found at least one arrival; coalesced: what they found beyond the first. */
  readonly delivered: number
  readonly coalesced: number
  readonly unserved: Unserved
  readonly lost: number
  /** Interrupts that the rate limit dropped; what they told of, later ones told of, too. */
  readonly limitedInterrupts: number
  readonly latencyNs: Latency
}

/** What became of an event of the scenario: how often it was done, and what it was refused with. */
export interface EventReport {
  readonly name: string
  readonly done: number
  readonly refused: Readonly<Record<string, number>>
  /** How often its operations answered -ERESTART and were continued. */
  readonly restarts: number
  /** What the longest of its control operations took. */
  readonly longestNs: number
}

export interface GuestReport {
  readonly name: string
  readonly class: 'busy' | 'idle'
  /** Whether the scenario lets it misbehave. */
  readonly misbehaves: boolean
  /** How often its domain was created. */
  readonly lives: number
  readonly raised: number
  readonly lost: number
  readonly latencyNs: Latency
  readonly runningNs: number
  /** Hypervisor time within running. */
  readonly eatenNs: number
  readonly runnableNs: number
  readonly blockedNs: number
  /** VIRQ_TIMER ticks that the guest saw. */
  readonly ticks: number
}

export interface LockCounts { readonly acquisitions: number, readonly contended: number, readonly waitNs: number }

export interface RunReport {
  readonly defer: Defer
  readonly taskletLock: 'global' | 'per-cpu' | null
  /** What the run took, seconds. */
  readonly seconds: number
  readonly raised: number
  readonly delivered: number
  readonly coalesced: number
  readonly unserved: Unserved
  readonly lost: number
  readonly latencyNs: Latency
  readonly lock: LockCounts & { readonly classes: readonly (LockCounts & { readonly name: string })[] }
  readonly ipis: number
  /** Runs of each softirq's handler, by name. */
  readonly softirqs: Readonly<Record<string, number>>
  readonly devices: readonly DeviceReport[]
  readonly guests: readonly GuestReport[]
  readonly events: readonly EventReport[]
  /** How often control operations answered -ERESTART and were continued, those of the events and all others. */
  readonly restarts: number
  /** `ok`, or what is wrong. */
  readonly invariants: Readonly<Record<InvariantName, string>>
}

export const invariantNames = ['I1', 'I2', 'I3', 'I4', 'I5', 'I6', 'I7', 'I8', 'I9', 'I10', 'I11'] as const
export type InvariantName = (typeof invariantNames)[number]

/** Whether anything was lost or violated. */
export function isClean(report: RunReport): boolean {
  return report.lost === 0 && invariantNames.every((name) => report.invariants[name] === 'ok')
}

/** The machine cannot hold what the scenario asks for; nothing was run. */
export class RunRefusedError extends Error {
  override readonly name = 'RunRefusedError'
}

/** The run died: a BUG, a lost worker, code that does not fit the memory. What there is of evidence was saved. */
export class RunFailedError extends Error {
  override readonly name = 'RunFailedError'
  readonly evidence: string | undefined

  constructor(message: string, evidence: string | undefined) {
    super(evidence === undefined ? message : `${message} (evidence: ${evidence})`)
    this.evidence = evidence
  }
}
