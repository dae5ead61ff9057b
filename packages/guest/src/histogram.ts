// SPDX-License-Identifier: MIT
/**
 * Latencies as counts in shared memory: 32 buckets per power of two, so every value is within 3.2 % of its bucket.
 *
 * Contexts  record: the one CPU that owns the histogram at that moment.  read: anybody at rest.
 *
 * Source: the log-linear layout of HdrHistogram.
 */
import { ld, st, struct, words } from '@bottomhalf/machine'
import type { Ref } from '@bottomhalf/base'

const SUB_BITS = 5
const SUB = 1 << SUB_BITS
const BUCKETS = (32 - SUB_BITS + 1) * SUB

export const Histogram = struct('Histogram', {
  // owner:
  counts: words(BUCKETS),
})

/** Count one value, 0 to 2^32 - 1 (a time in ns, up to 4.29 s). */
export function histogramRecord(histogram: Ref<'Histogram'>, value: number): void {
  const slot = histogram + Histogram.counts + bucketOf(value)
  st(slot, ld(slot) + 1)
}

/** Add the counts of a histogram to `total`, an array of `histogramBuckets()` numbers. */
export function histogramRead(histogram: Ref<'Histogram'>, total: number[]): void {
  for (let i = 0; i < BUCKETS; i++) total[i] = (total[i] ?? 0) + ld(histogram + Histogram.counts + i)
}

/** The value that `fraction` of the counted values do not exceed: the upper end of its bucket; 0 of no values. */
export function percentile(counts: readonly number[], fraction: number): number {
  const whole = counts.reduce((a, b) => a + b, 0)
  if (whole === 0) return 0
  let left = Math.ceil(whole * fraction)
  for (const [bucket, count] of counts.entries()) {
    left -= count
    if (left <= 0 && count > 0) return bucketEnd(bucket)
  }
  return bucketEnd(BUCKETS - 1)
}

function bucketOf(value: number): number {
  const v = value >>> 0
  if (v < SUB) return v
  const exponent = 31 - Math.clz32(v)
  const shift = exponent - SUB_BITS
  return (shift + 1) * SUB + ((v >>> shift) & (SUB - 1))
}

/** The largest value that falls into a bucket. */
function bucketEnd(bucket: number): number {
  if (bucket < SUB) return bucket
  const shift = Math.floor(bucket / SUB) - 1
  return (SUB + (bucket % SUB) + 1) * 2 ** shift - 1
}
