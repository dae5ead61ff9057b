// SPDX-License-Identifier: MIT
/** Values with units: durations to ns, rates to events per second. */
import { z } from 'zod'

const NS: Readonly<Record<string, number>> = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9 }
const RATE: Readonly<Record<string, number>> = { Hz: 1, kHz: 1e3, MHz: 1e6, '/s': 1, 'k/s': 1e3, 'M/s': 1e6 }

/** Read `2.5ms` and its like to ns; undefined if it is none. A bare number counts in `bareUnit`. */
export function parseDurationNs(text: string, bareUnit = 's'): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(ns|us|ms|s|m)?$/.exec(text.trim())
  if (match === null) return undefined
  return Number(match[1]) * (NS[match[2] ?? bareUnit] ?? 1)
}

/** Read `20k/s`, `1kHz`, `250` to events per second; undefined if it is none. */
export function parseRate(text: string): number | undefined {
  const match = /^(\d+(?:\.\d+)?)\s*(Hz|kHz|MHz|\/s|k\/s|M\/s)?$/.exec(text.trim())
  if (match === null) return undefined
  return Number(match[1]) * (RATE[match[2] ?? '/s'] ?? 1)
}

const textOrNumber = z.union([z.string(), z.number()])

/** A duration with its unit, in ns; `most` says `mostNs` in words. */
export const durationUpTo = (mostNs: number, most: string) => textOrNumber.transform((value, context) => {
  const ns = parseDurationNs(String(value))
  if (ns !== undefined && ns > 0 && ns <= mostNs) return ns
  context.addIssue({ code: 'custom', message: `a duration like 5s, 20ms, 200us, up to ${most}` })
  return z.NEVER
})

/** A rate in events per second, from one in a thousand seconds to ten million. */
export const frequency = textOrNumber.transform((value, context) => {
  const rate = parseRate(String(value))
  if (rate !== undefined && rate >= 1e-3 && rate <= 1e7) return rate
  context.addIssue({ code: 'custom', message: 'a rate like 1kHz, 250Hz, 20k/s, from 0.001/s to 10M/s' })
  return z.NEVER
})
