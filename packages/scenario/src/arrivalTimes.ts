// SPDX-License-Identifier: MIT
/**
 * The times at which a device interrupts, one after the other: constant, Poisson, in bursts, or replayed.
 *
 * Deterministic: the same arrivals and the same seed give the same times.
 */
import { random } from './random.js'
import type { Arrivals } from './schema.js'

/** A recorded trace, ready for replay: arrival times from its start, and how long it is. */
export interface Recording { readonly timesNs: readonly number[], readonly spanNs: number }

/** A line of a trace: all of them if neither number nor name is given. */
export interface TraceChoice {
  readonly file: string
  readonly irq?: number | undefined
  readonly name?: string | undefined
}

/** Under which name a trace's recording is kept: two devices may replay different lines of one file. */
export function recordingKey(trace: TraceChoice): string {
  return JSON.stringify([trace.file, trace.irq ?? null, trace.name ?? null])
}

/** Yield arrival times in ns from the start of the run, never ending unless a recording does not repeat. */
export function arrivalTimes(arrivals: Arrivals, seed: number, recording?: Recording): Generator<number, void> {
  if ('constant' in arrivals) return constant(1e9 / arrivals.constant)
  if ('poisson' in arrivals) return poisson(1e9 / arrivals.poisson, seed)
  if ('burst' in arrivals) return bursts(arrivals.burst.rate, arrivals.burst.size)
  if (recording === undefined) throw new Error('replayed arrivals need their recording')
  return replay(recording, arrivals.trace.speed, arrivals.trace.repeat)
}

function* constant(periodNs: number): Generator<number, void> {
  for (let i = 1; ; i++) yield i * periodNs
}

function* poisson(meanNs: number, seed: number): Generator<number, void> {
  const next = random(seed)
  for (let t = 0; ;) yield t += -Math.log(1 - next()) * meanNs
}

function* bursts(rate: number, size: number): Generator<number, void> {
  const periodNs = 1e9 * size / rate
  for (let i = 1; ; i++) for (let k = 0; k < size; k++) yield i * periodNs
}

const SHORTEST_ROUND_NS = 1e6

// A repetition starts one mean gap after the end of the one before, so that its first arrival falls on no other; a trace
// of one moment has no mean gap.
function* replay(recording: Recording, speed: number, repeat: boolean): Generator<number, void> {
  const { timesNs, spanNs } = recording
  const periodNs = Math.max(spanNs + spanNs / Math.max(timesNs.length, 1), SHORTEST_ROUND_NS)
  for (let round = 0; round === 0 || repeat; round++) {
    for (const t of timesNs) yield (round * periodNs + t) / speed
  }
}
