// SPDX-License-Identifier: MIT
/**
 * Sets of CPUs: a bit per CPU, 256 at most.
 *
 * @xen xen/include/xen/cpumask.h
 * Contexts  any.
 * Locks     none: a word is read and written atomically, a bit is changed by one primitive. A set operation is atomic
 *           word by word, not as a whole.
 *
 * C1  Only the words that the machine's CPUs need are read and written: a set costs one word up to 32 CPUs.
 *
 * CPU-5.
 */
import { bitWeight, lowestBit } from '@bottomhalf/base'
import {
  cpuCount, fetchAnd, fetchOr, load, NO_CPU, store, struct, testAndClearBit, testAndSetBit, words,
} from '@bottomhalf/machine'
import type { Ref } from '@bottomhalf/base'

export const CpuMask = struct('CpuMask', {
  // atomic
  bits: words(8),
})

/** A set of CPUs in shared memory. */
export type CpuMaskRef = Ref<'CpuMask'>

export function maskTest(mask: CpuMaskRef, cpu: number): boolean {
  return (load(wordOf(mask, cpu)) >>> (cpu & 31) & 1) !== 0
}

export function maskSet(mask: CpuMaskRef, cpu: number): void {
  testAndSetBit(cpu & 31, wordOf(mask, cpu))
}

export function maskClear(mask: CpuMaskRef, cpu: number): void {
  testAndClearBit(cpu & 31, wordOf(mask, cpu))
}

/** Put a CPU in; returns whether it was in already. */
export function maskTestAndSet(mask: CpuMaskRef, cpu: number): boolean {
  return testAndSetBit(cpu & 31, wordOf(mask, cpu)) !== 0
}

/** Take a CPU out; returns whether it was in. */
export function maskTestAndClear(mask: CpuMaskRef, cpu: number): boolean {
  return testAndClearBit(cpu & 31, wordOf(mask, cpu)) !== 0
}

export function maskZero(mask: CpuMaskRef): void {
  for (let i = 0; i < usedWords(); i++) store(mask + CpuMask.bits + i, 0)
}

export function maskCopy(target: CpuMaskRef, source: CpuMaskRef): void {
  for (let i = 0; i < usedWords(); i++) store(target + CpuMask.bits + i, load(source + CpuMask.bits + i))
}

/** Leave in `target` only what is in `other` too. */
export function maskAnd(target: CpuMaskRef, other: CpuMaskRef): void {
  for (let i = 0; i < usedWords(); i++) fetchAnd(target + CpuMask.bits + i, load(other + CpuMask.bits + i))
}

/** Take out of `target` what is in `other`. */
export function maskAndNot(target: CpuMaskRef, other: CpuMaskRef): void {
  for (let i = 0; i < usedWords(); i++) fetchAnd(target + CpuMask.bits + i, ~load(other + CpuMask.bits + i))
}

/** Add to `target` what is in `other`. */
export function maskOr(target: CpuMaskRef, other: CpuMaskRef): void {
  for (let i = 0; i < usedWords(); i++) fetchOr(target + CpuMask.bits + i, load(other + CpuMask.bits + i))
}

export function maskEmpty(mask: CpuMaskRef): boolean {
  return maskFirst(mask) === NO_CPU
}

/** Number of CPUs in the set. */
export function maskWeight(mask: CpuMaskRef): number {
  let weight = 0
  for (let i = 0; i < usedWords(); i++) weight += bitWeight(load(mask + CpuMask.bits + i))
  return weight
}

/** The lowest CPU of the set; `NO_CPU` if it is empty. */
export function maskFirst(mask: CpuMaskRef): number {
  return maskNext(mask, NO_CPU)
}

/** The lowest CPU of the set above `after`; `NO_CPU` if there is none. */
export function maskNext(mask: CpuMaskRef, after: number): number {
  const from = after + 1
  for (let i = from >>> 5; i < usedWords(); i++) {
    const below = i === from >>> 5 ? (1 << (from & 31)) - 1 : 0
    const rest = load(mask + CpuMask.bits + i) & ~below
    if (rest !== 0) return i * 32 + lowestBit(rest)
  }
  return NO_CPU
}

function wordOf(mask: CpuMaskRef, cpu: number): number {
  return mask + CpuMask.bits + (cpu >>> 5)
}

function usedWords(): number {
  return (cpuCount() + 31) >>> 5                             // C1
}
