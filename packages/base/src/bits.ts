// SPDX-License-Identifier: MIT
/** Bit arithmetic on 32-bit words, the leaves that bitmaps and masks are made of. No memory access. */

/** The mask of bit `nr`, 0..31. */
export function bitMask(nr: number): number {
  return 1 << nr
}

/** Number of the lowest set bit; 32 if none. */
export function lowestBit(word: number): number {
  return word === 0 ? 32 : 31 - Math.clz32(word & -word)
}

/** Number of the highest set bit; -1 if none. */
export function highestBit(word: number): number {
  return 31 - Math.clz32(word)
}

/** Number of set bits. */
export function bitWeight(word: number): number {
  let w = word - ((word >>> 1) & 0x55555555)
  w = (w & 0x33333333) + ((w >>> 2) & 0x33333333)
  return Math.imul((w + (w >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24
}

/** `value` rounded up to a multiple of `step`, a power of two. */
export function roundUp(value: number, step: number): number {
  return (value + step - 1) & -step
}
