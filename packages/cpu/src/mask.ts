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
import {
  bitmapClear, bitmapEmpty, bitmapNext, bitmapSet, bitmapTest, bitmapTestAndClear, bitmapTestAndSet, bitmapWeight,
  bitmapWords, bitmapZero,
} from '@bottomhalf/atomics'
import { cpuCount, fetchAnd, fetchOr, load, NO_CPU, store, struct, words } from '@bottomhalf/machine'
import type { Ref } from '@bottomhalf/base'

export const CpuMask = struct('CpuMask', {
  // atomic
  bits: words(8),
})

/** A set of CPUs in shared memory. */
export type CpuMaskRef = Ref<'CpuMask'>

export function maskTest(mask: CpuMaskRef, cpu: number): boolean {
  return bitmapTest(mask + CpuMask.bits, cpu)
}

export function maskSet(mask: CpuMaskRef, cpu: number): void {
  bitmapSet(mask + CpuMask.bits, cpu)
}

export function maskClear(mask: CpuMaskRef, cpu: number): void {
  bitmapClear(mask + CpuMask.bits, cpu)
}

/** Put a CPU in; returns whether it was in already. */
export function maskTestAndSet(mask: CpuMaskRef, cpu: number): boolean {
  return bitmapTestAndSet(mask + CpuMask.bits, cpu)
}

/** Take a CPU out; returns whether it was in. */
export function maskTestAndClear(mask: CpuMaskRef, cpu: number): boolean {
  return bitmapTestAndClear(mask + CpuMask.bits, cpu)
}

export function maskZero(mask: CpuMaskRef): void {
  bitmapZero(mask + CpuMask.bits, cpuCount())
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
  return bitmapEmpty(mask + CpuMask.bits, cpuCount())
}

/** Number of CPUs in the set. */
export function maskWeight(mask: CpuMaskRef): number {
  return bitmapWeight(mask + CpuMask.bits, cpuCount())
}

/** The lowest CPU of the set; `NO_CPU` if it is empty. */
export function maskFirst(mask: CpuMaskRef): number {
  return maskNext(mask, NO_CPU)
}

/** The lowest CPU of the set above `after`; `NO_CPU` if there is none. */
export function maskNext(mask: CpuMaskRef, after: number): number {
  const cpu = bitmapNext(mask + CpuMask.bits, cpuCount(), after + 1)
  return cpu < cpuCount() ? cpu : NO_CPU
}

function usedWords(): number {
  return bitmapWords(cpuCount())                             // C1
}
