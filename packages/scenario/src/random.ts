// SPDX-License-Identifier: MIT
/**
 * A small seeded generator of numbers in [0, 1): a Weyl sequence through a 32-bit mixer. Good enough for arrival times,
 * repeatable everywhere.
 *
 * Source: Steele, Lea, Flood, "Fast splittable pseudorandom number generators" (2014) for the form; the multipliers of
 * the mixer are those that the hash-prospector search found to have the least bias.
 */
export function random(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x9e3779b9) | 0
    let z = Math.imul(state ^ (state >>> 16), 0x21f0aaad)
    z = Math.imul(z ^ (z >>> 15), 0x735a2d97)
    return ((z ^ (z >>> 15)) >>> 0) / 2 ** 32
  }
}
