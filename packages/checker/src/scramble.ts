// SPDX-License-Identifier: MIT
/** A 32-bit finaliser: every bit of the argument reaches every bit of the result. */
export function scramble(word: number): number {
  let h = word ^ (word >>> 16)
  h = Math.imul(h, 0x7feb352d)
  h ^= h >>> 15
  h = Math.imul(h, 0x846ca68b)
  return h ^ (h >>> 16)
}
