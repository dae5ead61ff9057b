// SPDX-License-Identifier: MIT
/** FNV-1a, 32 bits: names of structs and layouts become numbers that all threads agree on. Not for security. */

const OFFSET_BASIS = 0x811c9dc5
const PRIME = 0x01000193

/** Hash of a string's UTF-16 units, unsigned. `seed` chains several strings into one. */
export function hashString(text: string, seed = OFFSET_BASIS): number {
  let hash = seed
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), PRIME)
  return hash >>> 0
}

/** One word mixed into a running hash. */
export function hashWord(word: number, seed = OFFSET_BASIS): number {
  let hash = Math.imul(seed ^ (word & 0xffff), PRIME)
  hash = Math.imul(hash ^ (word >>> 16), PRIME)
  return hash >>> 0
}
