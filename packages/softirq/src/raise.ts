// SPDX-License-Identifier: MIT
/**
 * Raising softirqs: mark a CPU, and make it look if nothing else will.
 *
 * @xen xen/common/softirq.c
 * Contexts  raiseSoftirq, cpuRaiseSoftirq, cpumaskRaiseSoftirq: any.  Batches: outside interrupts.
 * Locks     none; see `state.ts`.
 *
 * S2  A raise interrupts another CPU only if the bit was clear and that CPU is not certain to look: whoever found the
 *     bit clear has seen to it already.
 * S3  `looking` is read after the bit is set, and cleared by its CPU before its last look (`idle.ts`, S5): one of the
 *     two sees the other.
 * S4  A CPU that a batch has collected is told at its end, unless it has nothing pending any more.
 *
 * SQ-2, SQ-3.
 */
import { bug } from '@bottomhalf/base'
import { cpuArea, currentCpu, inIrq, ld, load, st, testAndSetBit, thisCpu } from '@bottomhalf/machine'
import { maskClear, maskFirst, maskNext, maskSet, sendEventCheck } from '@bottomhalf/cpu'
import { Softirq } from './state.js'
import type { SoftirqNr } from '@bottomhalf/base'
import type { CpuMaskRef } from '@bottomhalf/cpu'

// A module constant, so that the compiler folds it.
const PENDING = Softirq.pending

/** Mark this CPU. One step. */
export function raiseSoftirq(nr: SoftirqNr): void {
  testAndSetBit(nr, thisCpu(Softirq) + PENDING)
}

/** Mark a CPU, and interrupt it if need be (S2). */
export function cpuRaiseSoftirq(cpu: number, nr: SoftirqNr): void {
  const theirs = cpuArea(cpu, Softirq)
  if (testAndSetBit(nr, theirs + Softirq.pending) !== 0) return   // S2
  if (cpu === currentCpu() || load(theirs + Softirq.looking) !== 0) return   // S3
  tell(cpu)
}

/** Mark each CPU of a set; at most one interrupt for each. */
export function cpumaskRaiseSoftirq(mask: CpuMaskRef, nr: SoftirqNr): void {
  for (let cpu = maskFirst(mask); cpu >= 0; cpu = maskNext(mask, cpu)) cpuRaiseSoftirq(cpu, nr)
}

/** Collect the interrupts that raises of this CPU cause, up to the matching Finish. Batches nest. */
export function cpuRaiseSoftirqBatchBegin(): void {
  if (inIrq()) bug('a batch of softirqs begins in an interrupt', 'SQ-3')
  const batching = thisCpu(Softirq) + Softirq.batching
  st(batching, ld(batching) + 1)
}

/** End a batch; the outermost sends what was collected. */
export function cpuRaiseSoftirqBatchFinish(): void {
  const mine = thisCpu(Softirq)
  const depth = ld(mine + Softirq.batching)
  if (inIrq() || depth === 0) bug('a batch of softirqs ends where none began', 'SQ-3')
  st(mine + Softirq.batching, depth - 1)
  if (depth === 1) tellBatch(mine + Softirq.batchMask)
}

function tell(cpu: number): void {
  const mine = thisCpu(Softirq)
  if (!inIrq() && ld(mine + Softirq.batching) !== 0) maskSet(mine + Softirq.batchMask, cpu)
  else sendEventCheck(cpu)
}

function tellBatch(mask: CpuMaskRef): void {
  for (let cpu = maskFirst(mask); cpu >= 0; cpu = maskNext(mask, cpu)) {
    maskClear(mask, cpu)
    const theirs = cpuArea(cpu, Softirq)
    if (load(theirs + Softirq.pending) !== 0 && load(theirs + Softirq.looking) === 0) sendEventCheck(cpu)   // S4
  }
}
