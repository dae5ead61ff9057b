// SPDX-License-Identifier: MIT
/**
 * A CPU goes offline: its interrupts move to others, and none is lost.
 *
 *     before                                after
 *     aimed here, no move open              aimed at another online CPU, on a fresh vector
 *     aimed here, moving from CPU w         aimed at w again, where the old vector is still its own
 *     moving from here to CPU n             aimed at n, the move is over
 *
 * @xen xen/arch/x86/irq.c (fixup_irqs)
 * Contexts  the notifier, DYING on the dying CPU: IF = 0, all others stopped with IF = 1, so that they hold no irqDesc.lock.
 *           forward: interrupt context, IF = 0.
 * Locks     irqDesc.lock, then the vector lock.
 *
 * IRQ-8  What is requested here and was not taken, in the CPU's map or behind an interrupt in service, is sent again to
 *        where the interrupt is aimed now; an open move ends, once.
 * OFF1   A device may have read the old target and send later: the vector is left to the descriptor and forwards (VEC1).
 * OFF2   Interrupts move before those in service are ended: a line that is still up comes again elsewhere.
 */
import { bug, ENOSPC, type Errno, type Ref } from '@bottomhalf/base'
import {
  CPU_DOWN_PREPARE, CPU_DYING, CpuEvent, FIRST_DEVICE_VECTOR, LAST_DEVICE_VECTOR, maskFirst, maskNext, onlineMask,
  registerCpuNotifier, takeRequest, type CpuEventRef,
} from '@bottomhalf/cpu'
import { currentCpu, handler, ld, raiseVector, st, store } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { settleOfflineCpu } from './eoi.js'
import { takeHeld } from './eoiStack.js'
import { callController, HwIrqController, IrqDesc, IrqStatus } from './irqDesc.js'
import { assignVector, CPU_VECTORS, leaveVector, vectorOwner, vectorsInUse } from './vectors.js'

/** An interrupt came on a vector that its descriptor left: send it to where the descriptor is aimed now (OFF1). */
export function forward(desc: Ref<'IrqDesc'>): void {
  spinLock(desc + IrqDesc.lock)
  if (ld(desc + IrqDesc.controller) !== 0) raiseVector(ld(desc + IrqDesc.cpu), ld(desc + IrqDesc.vector))
  spinUnlock(desc + IrqDesc.lock)
}

function cpuNotifier(event: CpuEventRef): Errno {
  const action = ld(event + CpuEvent.action)
  if (action === CPU_DOWN_PREPARE) return roomElsewhere(ld(event + CpuEvent.cpu))
  if (action === CPU_DYING) moveAllAway()
  return 0
}

// -ENOSPC: the other CPUs have no room for the interrupts of this one.
function roomElsewhere(cpu: number): Errno {
  let room = 0
  for (let other = maskFirst(onlineMask()); other >= 0; other = maskNext(onlineMask(), other)) {
    if (other !== cpu) room += CPU_VECTORS - vectorsInUse(other)
  }
  return room < vectorsInUse(cpu) ? -ENOSPC : 0
}

/** What a CPU does with interrupts when it dies; it is in no mask any more. For the notifier, and for tests. */
export function moveAllAway(): void {
  for (let vector = LAST_DEVICE_VECTOR; vector >= FIRST_DEVICE_VECTOR; vector--) {
    const desc = vectorOwner(vector)
    if (desc > 0) moveAway(desc, vector)
  }
  settleOfflineCpu()                                                                             // OFF2
}

function moveAway(desc: Ref<'IrqDesc'>, vector: number): void {
  const requested = takeRequest(vector)
  const held = takeHeld(vector)
  spinLock(desc + IrqDesc.lock)
  const moving = (ld(desc + IrqDesc.status) & IrqStatus.MOVE_OPEN) !== 0
  if (ld(desc + IrqDesc.cpu) === currentCpu()) aimElsewhere(desc, moving)
  if (moving) store(desc + IrqDesc.status, ld(desc + IrqDesc.status) & ~IrqStatus.MOVE_OPEN)
  leaveVector(vector, desc)                                                                      // OFF1
  spinUnlock(desc + IrqDesc.lock)
  if (requested || held) forward(desc)
}

function aimElsewhere(desc: Ref<'IrqDesc'>, moving: boolean): void {
  if (moving) aim(desc, ld(desc + IrqDesc.oldCpu), ld(desc + IrqDesc.oldVector))
  else aimAtAnother(desc)
  callController(desc, HwIrqController.setAffinity)
}

// This CPU is no longer in the mask.
function aimAtAnother(desc: Ref<'IrqDesc'>): void {
  for (let cpu = maskFirst(onlineMask()); cpu >= 0; cpu = maskNext(onlineMask(), cpu)) {
    const vector = assignVector(cpu, desc)
    if (vector > 0) return aim(desc, cpu, vector)
  }
  bug('no CPU has a vector for the interrupt of one that goes offline', 'IRQ-8')
}

function aim(desc: Ref<'IrqDesc'>, cpu: number, vector: number): void {
  st(desc + IrqDesc.cpu, cpu)
  st(desc + IrqDesc.vector, vector)
}

const cpuNotifierHandler = handler('irqCpuNotifier', cpuNotifier)

/** Boot CPU, once. */
export function setupOffline(): void {
  registerCpuNotifier(cpuNotifierHandler, 0)
}
