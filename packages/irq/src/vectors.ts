// SPDX-License-Identifier: MIT
/**
 * Which interrupt a vector of a CPU means: a table per CPU, and the allocation of vectors from 0x21 to 0xdf.
 *
 * @xen xen/arch/x86/irq.c
 * Contexts  any; `vectorOwner` in interrupt context.
 * Locks     the vector lock for whoever gives or takes a vector; a table is read without it, so its words are atomic.
 *
 * VEC1   A vector that an interrupt had on a CPU which went offline is left, not released: a device that read the old target
 *        may still send there, and what it sends is forwarded. It is free, but taken again only when no other is.
 * IRQ-8  Vectors are handed out in steps of 8, rotating, so that neighbours in time differ in priority class.
 */
import { ENOSPC, type Ref } from '@bottomhalf/base'
import { IRQ_MOVE_CLEANUP_VECTOR, LAST_DEVICE_VECTOR } from '@bottomhalf/cpu'
import {
  cpuArea, cpuCount, currentCpu, embed, global, ld, load, perCpu, st, store, thisCpu, word, words,
} from '@bottomhalf/machine'
import {
  lockClass, SpinLock, spinLock, spinLockInit, spinLockIrqsave, spinUnlock, spinUnlockIrqrestore,
} from '@bottomhalf/spinlock'

const LOWEST = 0x20
const COUNT = LAST_DEVICE_VECTOR - LOWEST + 1
const STEP = 8

const Vectors = global('irqVectors', {
  lock: embed(SpinLock),
  // vector lock: where the last search ended, whether a vector was ever left
  last: word, someLeft: word,
})

const CpuVectors = perCpu('irqCpuVectors', {
  // own CPU: arrivals on vectors that belong to nobody
  unmapped: word,
  // written under the vector lock, read without: atomic; the descriptor's address, minus it if it was left, 0 for none
  owner: words(256),
})

export const vectorLockClass = lockClass('vector')

/** The descriptor that a vector of this CPU belongs to; minus the descriptor that left it (VEC1); 0 if none. */
export function vectorOwner(vector: number): number {
  return load(thisCpu(CpuVectors) + CpuVectors.owner + vector)
}

/** Give `desc` a free vector of `cpu`. Returns the vector, or -ENOSPC. */
export function assignVector(cpu: number, desc: Ref<'IrqDesc'>): number {
  const flags = spinLockIrqsave(vectorLock())
  const vector = findFreeVectorLocked(cpu)
  if (vector > 0) store(ownerWord(cpu, vector), desc)
  spinUnlockIrqrestore(vectorLock(), flags)
  return vector
}

/** Take a vector of a CPU back. What arrives on it from now on belongs to nobody. */
export function releaseVector(cpu: number, vector: number): void {
  const flags = spinLockIrqsave(vectorLock())
  store(ownerWord(cpu, vector), 0)
  spinUnlockIrqrestore(vectorLock(), flags)
}

/** Leave a vector of this CPU, which goes offline. */
export function leaveVector(vector: number, desc: Ref<'IrqDesc'>): void {
  spinLock(vectorLock())
  store(ownerWord(currentCpu(), vector), leftBy(desc))                                                  // VEC1
  st(Vectors.base + Vectors.someLeft, 1)
  spinUnlock(vectorLock())
}

/** A descriptor dies: nothing is forwarded to it any more. */
export function forgetVectors(desc: Ref<'IrqDesc'>): void {
  const flags = spinLockIrqsave(vectorLock())
  const some = ld(Vectors.base + Vectors.someLeft) !== 0
  for (let cpu = 0; some && cpu < cpuCount(); cpu++) {
    for (let vector = LOWEST; vector <= LAST_DEVICE_VECTOR; vector++) {
      if (load(ownerWord(cpu, vector)) === leftBy(desc)) store(ownerWord(cpu, vector), 0)
    }
  }
  spinUnlockIrqrestore(vectorLock(), flags)
}

function leftBy(desc: number): number {
  return -desc
}

/** Vectors of a CPU that belong to an interrupt. Old already, unless the vector lock is held. */
export function vectorsInUse(cpu: number): number {
  let used = 0
  for (let vector = LOWEST; vector <= LAST_DEVICE_VECTOR; vector++) if (load(ownerWord(cpu, vector)) > 0) used++
  return used
}

/** Vectors that a CPU has for interrupts. */
export const CPU_VECTORS = LAST_DEVICE_VECTOR - LOWEST

/** Count an arrival on a vector of this CPU that belongs to nobody (IRQ-2). IF = 0. */
export function countUnmapped(): void {
  const unmapped = thisCpu(CpuVectors) + CpuVectors.unmapped
  st(unmapped, ld(unmapped) + 1)
}

/** Arrivals on vectors of `cpu` that belonged to nobody. Exact at rest. */
export function unmappedArrivals(cpu: number): number {
  return ld(cpuArea(cpu, CpuVectors) + CpuVectors.unmapped)
}

/** Address of the vector lock: guards vectors and interrupt numbers. */
export function vectorLock(): Ref<'SpinLock'> {
  return Vectors.base + Vectors.lock
}

function findFreeVectorLocked(cpu: number): number {
  const unused = findVectorLocked(cpu, false)
  return unused > 0 ? unused : findVectorLocked(cpu, true)                                       // VEC1
}

function findVectorLocked(cpu: number, left: boolean): number {
  let vector = ld(Vectors.base + Vectors.last)
  for (let tries = 0; tries < COUNT; tries++) {
    vector = nextVector(vector)
    const owner = load(ownerWord(cpu, vector))
    if (vector === IRQ_MOVE_CLEANUP_VECTOR || owner > 0 || (owner < 0 && !left)) continue
    st(Vectors.base + Vectors.last, vector)
    return vector
  }
  return -ENOSPC
}

// Up by a step; past the end, on with the next offset within the step. All vectors come before one comes again.
function nextVector(vector: number): number {
  const next = vector + STEP
  return next <= LAST_DEVICE_VECTOR ? next : LOWEST + ((vector + 1) % STEP)
}

/** The word that says whose a vector of a CPU is. */
export function ownerWord(cpu: number, vector: number): number {
  return cpuArea(cpu, CpuVectors) + CpuVectors.owner + vector
}

/** Boot CPU, once, after the memory was formatted. */
export function setupVectors(): void {
  spinLockInit(vectorLock(), vectorLockClass)
  st(Vectors.base + Vectors.last, LOWEST - STEP + 1)
}
