// SPDX-License-Identifier: MIT
/** The words of softirqs: what each CPU has to do, and who does it. */
import { cpuArea, embed, global, ld, lineBreak, load, perCpu, word, words } from '@bottomhalf/machine'
import { CpuMask } from '@bottomhalf/cpu'
import type { SoftirqNr } from '@bottomhalf/base'

/** Softirqs have numbers 0 to MAX_SOFTIRQS - 1; the sign bit of a pending word is never used. */
export const MAX_SOFTIRQS = 31

export const Softirq = perCpu('softirq', {
  // atomic: set by any CPU, cleared bit by bit by its own
  pending: word,
  // atomic: set and cleared by its own CPU, read by those who raise
  looking: word,
  line: lineBreak,
  // owned by the CPU, outside interrupts:
  batching: word, batchMask: embed(CpuMask), runs: words(32),
})

export const SoftirqTable = global('softirq', {
  // constant after boot: who serves each number; the set that processPendingSoftirqs leaves alone
  handlers: words(32), onlyOutermost: word,
})

/** The pending softirqs of a CPU, a bit each. */
export function softirqPending(cpu: number): number {
  return load(cpuArea(cpu, Softirq) + Softirq.pending)
}

/** How often a CPU has served a softirq. Exact on that CPU, or at rest. */
export function softirqRuns(cpu: number, nr: SoftirqNr): number {
  return ld(cpuArea(cpu, Softirq) + Softirq.runs + nr)
}
