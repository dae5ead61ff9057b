// SPDX-License-Identifier: MIT
/**
 * Which interrupt a vector of a CPU means: a table per CPU, and the allocation of vectors from 0x21 to 0xdf.
 *
 * @xen xen/arch/x86/irq.c
 * Contexts  any; `vectorOwner` in interrupt context.
 * Locks     the vector lock for whoever gives or takes a vector; a table is read without it, so its words are atomic.
 *
 * IRQ-8  Vectors are handed out in steps of 8, rotating, so that neighbours in time differ in priority class.
 */
import { ENOSPC, type Ref } from '@bottomhalf/base'
import { IRQ_MOVE_CLEANUP_VECTOR, LAST_DEVICE_VECTOR } from '@bottomhalf/cpu'
import { cpuArea, embed, global, ld, load, perCpu, st, store, thisCpu, word, words } from '@bottomhalf/machine'
import { lockClass, SpinLock, spinLockInit, spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'

const LOWEST = 0x20
const COUNT = LAST_DEVICE_VECTOR - LOWEST + 1
const STEP = 8

const Vectors = global('irqVectors', {
  lock: embed(SpinLock),
  // vector lock: where the last search ended
  last: word,
})

const CpuVectors = perCpu('irqCpuVectors', {
  // own CPU: arrivals on vectors that belong to nobody
  unmapped: word,
  // written under the vector lock, read without: atomic; the descriptor's address, 0 for none
  owner: words(256),
})

export const vectorLockClass = lockClass('vector')

/** The descriptor that a vector of this CPU belongs to; 0 if none. */
export function vectorOwner(vector: number): Ref<'IrqDesc'> {
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
  let vector = ld(Vectors.base + Vectors.last)
  for (let tries = 0; tries < COUNT; tries++) {
    vector = nextVector(vector)
    if (vector === IRQ_MOVE_CLEANUP_VECTOR || load(ownerWord(cpu, vector)) !== 0) continue
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
