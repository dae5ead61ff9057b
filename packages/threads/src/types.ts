// SPDX-License-Identifier: MIT
/** What a caller gives to and gets from a machine on threads. */
import type { SharedWasmMemory } from '@bottomhalf/machine'
import type { ResourceLimits } from 'node:worker_threads'
import type { EvidenceOptions } from './evidence.js'

/** What the module of `entry` may export, beside registering its handlers when it is loaded. */
export interface MachineEntry {
  /** On CPU 0, once, with the memory laid out and before any other CPU runs. */
  boot?(data: unknown): void
  /** On each CPU, when its main function has returned or was unwound: plain data for `Outcome.reports`. */
  report?(cpu: number, data: unknown): unknown
}

export interface MachineOptions {
  /** Number of CPUs, each a worker thread. */
  readonly cpus: number
  /** The module that loads the machine's code in each worker; see `MachineEntry`. */
  readonly entry: URL
  /** Name of the registered handler that each CPU runs, with its number; the CPU is done when it returns. */
  readonly cpuMain: string
  /** For `boot` and `report`. Plain data. */
  readonly data?: unknown
  /** Default: the memory of this thread. */
  readonly memory?: SharedWasmMemory
  /** The caller has laid out the memory, with the same code loaded. Default: CPU 0 does it. */
  readonly formatted?: boolean
  /** Debug checks of heap and locks. Default: off. */
  readonly debug?: boolean
  /** Record trace events. Default: on. */
  readonly trace?: boolean
  /** Conditions under which the workers resolve their imports, e.g. `tasklet`. Default: none. */
  readonly conditions?: readonly string[]
  /** Limits of each worker's JavaScript heap. */
  readonly resourceLimits?: ResourceLimits
  /** Where to write what a failed machine leaves behind. Default: nowhere. */
  readonly evidence?: EvidenceOptions
  /** How long a thread may take to answer when it is asked to stop; then it is terminated. Default: 500. */
  readonly graceMs?: number
  /** How long all CPUs together may take to come online. Default: 60 000. */
  readonly startMs?: number
}

export interface Outcome {
  /** requested: all CPUs returned. bug: code of the machine or an agent threw. worker-lost: a thread died or hung. */
  readonly reason: 'requested' | 'bug' | 'worker-lost'
  /** Where it happened: a CPU, an agent, or neither. */
  readonly cpu: number | undefined
  readonly agent: string | undefined
  readonly message: string
  /** The rule or invariant that broke, if the code named one. */
  readonly label: string
  readonly stack: string
  readonly evidencePath: string | undefined
  /** By CPU: what `report` returned; undefined where the thread did not come that far. */
  readonly reports: readonly unknown[]
  /** By CPU: how far its thread came. */
  readonly states: readonly string[]
}

export interface AgentOptions {
  readonly module: URL
  /** The function to run, given an `AgentContext`. Default: `run`. */
  readonly exportName?: string
  /** For messages. Default: the export's name. */
  readonly name?: string
  readonly data?: unknown
}

/** What an agent's function is given. It ends soon after `stopping` turned true. */
export interface AgentContext<Data = unknown> {
  readonly data: Data
  readonly stopping: () => boolean
  /** Sleep, until the machine stops or the time is over; returns `stopping()`. */
  readonly pause: (ms: number) => boolean
}

export interface Agent {
  readonly name: string
  /** What its function returned; undefined if it was unwound, terminated or failed. */
  readonly done: Promise<unknown>
}

export interface RunningMachine {
  readonly cpus: number
  readonly memory: SharedWasmMemory
  /** Resolves when all CPUs are about to run their main function; rejects with a `MachineStartError`. */
  readonly online: Promise<void>
  /** Resolves when everything is down. Never rejects. */
  readonly stopped: Promise<Outcome>
  /** Bring it down in order: agents, then CPUs. */
  stop(): Promise<Outcome>
  /** Run a thread that is no CPU on this memory. Resolves when it runs. */
  startAgent(options: AgentOptions): Promise<Agent>
  /** Kill a CPU's thread, as a crash would. For fault tests. */
  killWorker(cpu: number): Promise<void>
}

/** The machine did not come up; `outcome` is what `stopped` resolves with. */
export class MachineStartError extends Error {
  override readonly name = 'MachineStartError'
}
