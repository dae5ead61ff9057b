// SPDX-License-Identifier: MIT
/**
 * Releasing an interrupt that its guests have finished. Of ack kind EOI each CPU that took it ends it.
 *
 * @xen xen/arch/x86/irq.c (set_eoi_ready, flush_ready_eoi)
 * Contexts  releaseLine, finishAllLocked: any, IF = 0, irqDesc.lock held.  finishEverywhere: IF = 1, outside interrupts, no irqDesc.lock.
 * Locks     irqDesc.lock.
 *
 * EOI4  An entry becomes ready only if no guest has still to finish and this CPU owes the end; both are looked at under
 *       irqDesc.lock, by the CPU itself.
 * EOI5  Another CPU is told by IPI and looks at its whole stack: two told at once are one request, and none is missed.
 */
import type { Ref } from '@bottomhalf/base'
import {
  IRQ_EOI_VECTOR, maskFirst, maskNext, maskTestAndClear, onSelectedCpus, setVector,
} from '@bottomhalf/cpu'
import { currentCpu, handler, ld, raiseVector, st } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { endAll, endReady, eoisPending, irqInService, markReady } from './eoiStack.js'
import { ACK_EOI, callController, descAt, HwIrqController, IrqDesc, IrqGuestAction, IrqStatus } from './irqDesc.js'

/** The last guest has finished: unmask the line, or let each CPU that took the interrupt end it (IRQ-4). */
export function releaseLine(desc: Ref<'IrqDesc'>): void {
  if (ld(ld(desc + IrqDesc.action) + IrqGuestAction.ackKind) === ACK_EOI) settleOwing(desc)
  else callController(desc, HwIrqController.end)
}

/** Finish for all guests that have not; nothing if all have. Bound to guests. */
export function finishAllLocked(desc: Ref<'IrqDesc'>): void {
  const action = ld(desc + IrqDesc.action)
  if (ld(action + IrqGuestAction.inFlight) === 0) return
  st(action + IrqGuestAction.inFlight, 0)
  releaseLine(desc)
}

function settleOwing(desc: Ref<'IrqDesc'>): void {
  const owing = ld(desc + IrqDesc.action) + IrqGuestAction.owing
  for (let cpu = maskFirst(owing); cpu >= 0; cpu = maskNext(owing, cpu)) {
    if (cpu !== currentCpu()) raiseVector(cpu, IRQ_EOI_VECTOR)                                   // EOI5
  }
  settleHereLocked(desc)
  endReady()
}

/** Let each CPU that took the interrupt end it, and wait until it has: a waited IPI (LK-5). No guest is in flight. The action stays attached meanwhile. */
export function finishEverywhere(desc: Ref<'IrqDesc'>, action: Ref<'IrqGuestAction'>): void {
  onSelectedCpus(action + IrqGuestAction.owing, settleHandler, desc, true)
}

/** A CPU that goes offline owes nothing any more: what it has in service is ended. On that CPU, IF = 0. */
export function settleOfflineCpu(): void {
  for (let i = eoisPending() - 1; i >= 0; i--) {
    const desc = descAt(irqInService(i))
    spinLock(desc + IrqDesc.lock)
    if ((ld(desc + IrqDesc.status) & IrqStatus.GUEST) !== 0) owesNoMore(desc)
    spinUnlock(desc + IrqDesc.lock)
  }
  endAll()
}

// EOI4
function settleHereLocked(desc: Ref<'IrqDesc'>): void {
  if ((ld(desc + IrqDesc.status) & IrqStatus.GUEST) === 0) return
  if (ld(ld(desc + IrqDesc.action) + IrqGuestAction.inFlight) !== 0) return
  if (owesNoMore(desc)) markReady(ld(desc + IrqDesc.irq))
}

function owesNoMore(desc: Ref<'IrqDesc'>): boolean {
  return maskTestAndClear(ld(desc + IrqDesc.action) + IrqGuestAction.owing, currentCpu())
}

function settle(desc: number): void {
  spinLock(desc + IrqDesc.lock)
  settleHereLocked(desc)
  spinUnlock(desc + IrqDesc.lock)
  endReady()
}

// IRQ_EOI_VECTOR. Which interrupt it was told for is not said: see EOI5.
function eoiVector(_vector: number): void {
  for (let i = eoisPending() - 1; i >= 0; i--) {
    const desc = descAt(irqInService(i))
    spinLock(desc + IrqDesc.lock)
    settleHereLocked(desc)
    spinUnlock(desc + IrqDesc.lock)
  }
  endReady()
}

const settleHandler = handler('irqSettle', settle)
const eoiVectorHandler = handler('irqEoiVector', eoiVector)

/** Boot CPU, once. */
export function setupEois(): void {
  setVector(IRQ_EOI_VECTOR, eoiVectorHandler)
}
