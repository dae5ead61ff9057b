// SPDX-License-Identifier: MIT
/**
 * Moving an interrupt to another CPU without losing one in flight.
 *
 * A move gives the descriptor a vector of the new CPU and re-aims the controller. Both vectors belong to the descriptor
 * until the first arrival on the new CPU: then nothing can be on its way to the old one, and that CPU is told to clean up.
 *
 * @xen xen/arch/x86/irq.c
 * Contexts  irqDesc.lock held; `irqMoveCleanup` in interrupt context on the old CPU.
 * Locks     irqDesc.lock, then the vector lock.
 *
 * MOV1  The old vector is kept while an interrupt may be in flight on it. Vectors are taken highest first and the clean-up
 *       vector is the lowest of the devices' range: an old one still requested is served before the clean-up, and one that
 *       is in service ends before it.
 * MOV2  An interrupt that is shut has nothing in flight: its move ends at once (no false "move in progress").
 * MOV3  One move at a time: another waits for the acknowledgement after the open one ended (-EAGAIN to the caller).
 */
import { EAGAIN, EINVAL, type Errno, type Ref } from '@bottomhalf/base'
import { cpuOnline, FIRST_DEVICE_VECTOR, IRQ_MOVE_CLEANUP_VECTOR, LAST_DEVICE_VECTOR } from '@bottomhalf/cpu'
import { currentCpu, ld, raiseVector, st, store } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { heldByPriority } from './eoiStack.js'
import { callController, endMove, HwIrqController, IrqDesc, IrqStatus } from './irqDesc.js'
import { assignVector, releaseVector, vectorOwner } from './vectors.js'

/**
 * Aim an interrupt at `cpu`. -EINVAL: not online, or the controller aims at one CPU only. -EAGAIN: a move is open, this one follows it. -ENOSPC: that CPU has no
 * free vector. irqDesc.lock held, IF = 0.
 */
export function setAffinityLocked(desc: Ref<'IrqDesc'>, cpu: number): Errno {
  if (!cpuOnline(cpu) || !canMove(desc)) return -EINVAL
  const status = ld(desc + IrqDesc.status)
  if ((status & IrqStatus.MOVE_OPEN) !== 0) return deferMove(desc, cpu)
  return ld(desc + IrqDesc.cpu) === cpu ? 0 : startMove(desc, cpu)
}

/** Called at each acknowledgement that finds a move open or waiting. irqDesc.lock held. */
export function progressMove(desc: Ref<'IrqDesc'>, vector: number): void {
  const status = ld(desc + IrqDesc.status)
  if ((status & IrqStatus.MOVE_OPEN) !== 0) return tellOldCpu(desc, vector)
  store(desc + IrqDesc.status, status & ~IrqStatus.MOVE_PENDING)
  const cpu = ld(desc + IrqDesc.pendingCpu)
  // Nobody is there to be told: if the CPU went away or has no vector left, the interrupt stays where it is.
  if (cpuOnline(cpu) && ld(desc + IrqDesc.cpu) !== cpu) void startMove(desc, cpu)
}

/** IRQ_MOVE_CLEANUP_VECTOR: give back the vectors of this CPU that moved away. IF = 0. */
export function irqMoveCleanup(cleanup: number): void {
  if (heldByPriority(cleanup)) return                                                            // MOV1
  for (let vector = FIRST_DEVICE_VECTOR; vector <= LAST_DEVICE_VECTOR; vector++) {
    const desc = vectorOwner(vector)
    if (desc > 0) cleanUpOldVector(desc, vector)
  }
}

function canMove(desc: Ref<'IrqDesc'>): boolean {
  return ld(ld(desc + IrqDesc.controller) + HwIrqController.setAffinity) !== 0
}

function deferMove(desc: Ref<'IrqDesc'>, cpu: number): Errno {
  st(desc + IrqDesc.pendingCpu, cpu)
  store(desc + IrqDesc.status, ld(desc + IrqDesc.status) | IrqStatus.MOVE_PENDING)               // MOV3
  return -EAGAIN
}

function startMove(desc: Ref<'IrqDesc'>, cpu: number): Errno {
  const vector = assignVector(cpu, desc)
  if (vector < 0) return vector
  st(desc + IrqDesc.oldCpu, ld(desc + IrqDesc.cpu))
  st(desc + IrqDesc.oldVector, ld(desc + IrqDesc.vector))
  st(desc + IrqDesc.cleanupSent, 0)
  st(desc + IrqDesc.cpu, cpu)
  st(desc + IrqDesc.vector, vector)
  const status = ld(desc + IrqDesc.status)
  store(desc + IrqDesc.status, status | IrqStatus.MOVE_OPEN)
  callController(desc, HwIrqController.setAffinity)
  if ((status & (IrqStatus.DISABLED | IrqStatus.LIMITED)) === IrqStatus.DISABLED) endMove(desc)  // MOV2
  return 0
}

// MOV1: the first arrival on the new vector shows that none is under way to the old one any more.
function tellOldCpu(desc: Ref<'IrqDesc'>, vector: number): void {
  if (ld(desc + IrqDesc.cleanupSent) !== 0) return
  if (ld(desc + IrqDesc.cpu) !== currentCpu() || ld(desc + IrqDesc.vector) !== vector) return
  st(desc + IrqDesc.cleanupSent, 1)
  raiseVector(ld(desc + IrqDesc.oldCpu), IRQ_MOVE_CLEANUP_VECTOR)
}

function cleanUpOldVector(desc: Ref<'IrqDesc'>, vector: number): void {
  spinLock(desc + IrqDesc.lock)
  if (isOldVector(desc, vector)) {
    releaseVector(currentCpu(), vector)
    store(desc + IrqDesc.status, ld(desc + IrqDesc.status) & ~IrqStatus.MOVE_OPEN)
  }
  spinUnlock(desc + IrqDesc.lock)
}

function isOldVector(desc: Ref<'IrqDesc'>, vector: number): boolean {
  return (ld(desc + IrqDesc.status) & IrqStatus.MOVE_OPEN) !== 0 && ld(desc + IrqDesc.cleanupSent) !== 0 &&
    ld(desc + IrqDesc.oldCpu) === currentCpu() && ld(desc + IrqDesc.oldVector) === vector
}
