// SPDX-License-Identifier: MIT
/**
 * Atomic bits of a word, and bitmaps: bit `nr` of a bitmap is bit `nr & 31` of word `nr >> 5`.
 *
 * @xen xen/arch/x86/include/asm/bitops.h, xen/common/bitmap.c
 * Contexts  any.
 * Locks     none; each bit operation is one primitive (M1). A search or a count over several words is no snapshot: it
 *           answers for each word at the moment it read that word.
 */
import { bitMask, bitWeight, lowestBit } from '@bottomhalf/base'
import { fetchAnd, fetchOr, load, store, testAndClearBit, testAndSetBit } from '@bottomhalf/machine'

// ---- a bit of a word, nr in 0..31

/** Set a bit, whoever else changes others of the word. */
export function setBit(nr: number, address: number): void {
  fetchOr(address, bitMask(nr))
}

/** Clear a bit, whoever else changes others of the word. */
export function clearBit(nr: number, address: number): void {
  fetchAnd(address, ~bitMask(nr))
}

export function testBit(nr: number, address: number): boolean {
  return (load(address) & bitMask(nr)) !== 0
}

// ---- a bit of a bitmap, nr from 0

export function bitmapTest(map: number, nr: number): boolean {
  return testBit(nr & 31, map + (nr >> 5))
}

export function bitmapSet(map: number, nr: number): void {
  setBit(nr & 31, map + (nr >> 5))
}

export function bitmapClear(map: number, nr: number): void {
  clearBit(nr & 31, map + (nr >> 5))
}

/** Set a bit; whether it was set. */
export function bitmapTestAndSet(map: number, nr: number): boolean {
  return testAndSetBit(nr & 31, map + (nr >> 5)) !== 0
}

/** Clear a bit; whether it was set. */
export function bitmapTestAndClear(map: number, nr: number): boolean {
  return testAndClearBit(nr & 31, map + (nr >> 5)) !== 0
}

// ---- a whole bitmap of `bits` bits; what lies behind them in the last word is neither read as set nor changed

/** Words that a bitmap of `bits` bits takes. */
export function bitmapWords(bits: number): number {
  return (bits + 31) >> 5
}

/** Clear all bits. */
export function bitmapZero(map: number, bits: number): void {
  for (let at = 0; at < bits; at += 32) changeWord(map + (at >> 5), bits - at, 0)
}

/** Set all bits. */
export function bitmapFill(map: number, bits: number): void {
  for (let at = 0; at < bits; at += 32) changeWord(map + (at >> 5), bits - at, -1)
}

/** The lowest set bit; `bits` if none. */
export function bitmapFirst(map: number, bits: number): number {
  return nextSet(map, bits, 0, 0)
}

/** The lowest set bit from `from` on; `bits` if none. */
export function bitmapNext(map: number, bits: number, from: number): number {
  return nextSet(map, bits, from, 0)
}

/** The lowest clear bit; `bits` if none. */
export function bitmapFirstZero(map: number, bits: number): number {
  return nextSet(map, bits, 0, -1)
}

/** The lowest clear bit from `from` on; `bits` if none. */
export function bitmapNextZero(map: number, bits: number, from: number): number {
  return nextSet(map, bits, from, -1)
}

/** Number of set bits. */
export function bitmapWeight(map: number, bits: number): number {
  let weight = 0
  for (let at = 0; at < bits; at += 32) weight += bitWeight(load(map + (at >> 5)) & lowBits(bits - at))
  return weight
}

export function bitmapEmpty(map: number, bits: number): boolean {
  return bitmapFirst(map, bits) === bits
}

export function bitmapFull(map: number, bits: number): boolean {
  return bitmapFirstZero(map, bits) === bits
}

// The next bit that is set in the word xor `flip`: a clear bit, if `flip` is all ones.
function nextSet(map: number, bits: number, from: number, flip: number): number {
  let wanted = ~lowBits(from & 31)
  for (let at = from & ~31; at < bits; at += 32) {
    const found = (load(map + (at >> 5)) ^ flip) & wanted & lowBits(bits - at)
    if (found !== 0) return at + lowestBit(found)
    wanted = -1
  }
  return bits
}

function changeWord(address: number, bits: number, value: number): void {
  if (bits >= 32) store(address, value)
  else if (value === 0) fetchAnd(address, ~lowBits(bits))
  else fetchOr(address, lowBits(bits))
}

/** The lowest `n` bits; all if n is 32 or more. */
function lowBits(n: number): number {
  return n >= 32 ? -1 : (1 << n) - 1
}
