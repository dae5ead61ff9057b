// SPDX-License-Identifier: MIT
/** Values of options: each reads its text or says what was expected. */
import { parseDurationNs } from '@bottomhalf/scenario'
import { InvalidArgumentError } from 'commander'

/** A whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (/^\d+$/.test(text) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`Expected a whole number from ${min} to ${max}.`)
  }
}

const LONGEST_NS = 3600e9

/** A duration, in ns: a bare number counts seconds. At most an hour. */
export function durationNs(text: string): number {
  const ns = parseDurationNs(text)
  if (ns !== undefined && ns > 0 && ns <= LONGEST_NS) return ns
  throw new InvalidArgumentError('Expected a duration up to an hour: seconds, or with a unit like 500ms, 2m.')
}

const LONGEST_SEARCH_NS = 7 * 24 * 3600e9

/** A duration, in seconds: a bare number counts seconds. At most a week. */
export function seconds(text: string): number {
  const ns = parseDurationNs(text)
  if (ns !== undefined && ns > 0 && ns <= LONGEST_SEARCH_NS) return ns / 1e9
  throw new InvalidArgumentError('Expected a duration up to a week: seconds, or with a unit like 500ms, 2m.')
}

export const DEFAULT_MINIMISE_SECONDS = 5

/** How long to make a schedule smaller, in seconds; 0: not at all. */
export function minimiseSeconds(text: string): number {
  return /^0+s?$/.test(text) ? 0 : seconds(text)
}

/** Columns of a lane. */
export const laneWidth = wholeNumber(12, 120)

/** `kill-cpu=N` or `kill-cpu=N@TIME`, at most an hour. */
export function fault(text: string): { cpu: number, atNs: number } {
  const match = /^kill-cpu=(\d{1,2})(?:@(.+))?$/.exec(text)
  const atNs = parseDurationNs(match?.[2] ?? '1s')
  if (match !== null && atNs !== undefined && atNs <= LONGEST_NS) return { cpu: Number(match[1]), atNs }
  throw new InvalidArgumentError('Expected kill-cpu=N or kill-cpu=N@TIME, up to an hour.')
}
