// SPDX-License-Identifier: MIT
/**
 * Guests that never finish: a timer per bound interrupt finishes for them, so that a line is not held for ever.
 *
 * @xen xen/arch/x86/irq.c (irq_guest_eoi_timer_fn)
 * Contexts  armEoiTimer: interrupt context, irqDesc.lock held.  The timer's function: softirq, IF = 1.
 *           killEoiTimer: no lock held that the function takes, so not irqDesc.lock (LK-5).
 * Locks     irqDesc.lock, then timers locks.
 *
 * IRQ-5  The timer goes where the interrupt was delivered and starts again at each delivery; a function that finds its
 *        timer started again leaves that delivery its time.
 */
import type { Ref } from '@bottomhalf/base'
import { currentCpu, global, handler, ld, ldTime, nowNs, stTime, time } from '@bottomhalf/machine'
import { spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { initTimer, killTimer, migrateTimer, setTimer, timerIsActive } from '@bottomhalf/timer'
import { finishAllLocked } from './eoi.js'
import { ACK_NONE, IrqDesc, IrqGuestAction, IrqStatus } from './irqDesc.js'

const EoiTimeout = global('irqEoiTimeout', {
  // written at boot, constant after:
  ns: time,
})

/** A fresh action of an interrupt gets its timer. */
export function initEoiTimer(action: Ref<'IrqGuestAction'>, desc: Ref<'IrqDesc'>): void {
  if (ld(action + IrqGuestAction.ackKind) === ACK_NONE) return
  initTimer(action + IrqGuestAction.timer, eoiTimeoutHandler, desc, currentCpu())
}

/** Guests have an interrupt to finish from now on. */
export function armEoiTimer(action: Ref<'IrqGuestAction'>): void {
  migrateTimer(action + IrqGuestAction.timer, currentCpu())
  setTimer(action + IrqGuestAction.timer, nowNs() + ldTime(EoiTimeout.base + EoiTimeout.ns))
}

/** The action is about to be freed: its timer runs nowhere when this returns. */
export function killEoiTimer(action: Ref<'IrqGuestAction'>): void {
  killTimer(action + IrqGuestAction.timer)
}

function eoiTimeout(desc: number): void {
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  if (!isRearmed(desc)) finishAllLocked(desc)
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
}

// The action is there: it is freed after the timer was killed.
function isRearmed(desc: Ref<'IrqDesc'>): boolean {
  if ((ld(desc + IrqDesc.status) & IrqStatus.GUEST) === 0) return true
  return timerIsActive(ld(desc + IrqDesc.action) + IrqGuestAction.timer)
}

const eoiTimeoutHandler = handler('irqEoiTimeout', eoiTimeout)

/** Boot CPU, once. */
export function setupEoiTimeout(ns: number): void {
  stTime(EoiTimeout.base + EoiTimeout.ns, ns)
}
