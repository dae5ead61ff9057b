// SPDX-License-Identifier: MIT
/**
 * Guests that never finish: a timer per bound interrupt finishes for them, so that a line is not held for ever.
 *
 * @xen xen/arch/x86/irq.c (irq_guest_eoi_timer_fn)
 * Contexts  armEoiTimer: interrupt context, irqDesc.lock held.  The timer's function: softirq, IF = 1.
 *           killEoiTimer: no lock held that the function takes, so not irqDesc.lock (LK-5).
 * Locks     irqDesc.lock, then timers locks.
 *
 * IRQ-5  The timer goes where the interrupt was delivered, and each delivery has its full time from then on.
 * ET1    A delivery says when its time is over, and sets the timer only if its function is not to come anyway: a function
 *        that finds a delivery whose time is not over comes again then (decision 16).
 */
import type { Ref } from '@bottomhalf/base'
import { currentCpu, global, handler, ld, ldTime, load, nowNs, st, stTime, time } from '@bottomhalf/machine'
import { spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { initTimer, killTimer, migrateTimer, setTimer, Timer } from '@bottomhalf/timer'
import { finishAllLocked } from './eoi.js'
import { ACK_NONE, IrqDesc, IrqGuestAction, IrqStatus } from './irqDesc.js'

const EoiTimeout = global('irqEoiTimeout', {
  // written at boot, constant after:
  ns: time,
})

// Module constants, so that the compiler folds them.
const TIMER = IrqGuestAction.timer
const TIMER_CPU = Timer.cpu
const TIMER_SET = IrqGuestAction.timerSet
const OVER_NS = IrqGuestAction.overNs

/** A fresh action of an interrupt gets its timer. */
export function initEoiTimer(action: Ref<'IrqGuestAction'>, desc: Ref<'IrqDesc'>): void {
  if (ld(action + IrqGuestAction.ackKind) === ACK_NONE) return
  initTimer(action + IrqGuestAction.timer, eoiTimeoutHandler, desc, currentCpu())
}

/** Guests have an interrupt to finish from now on. */
export function armEoiTimer(action: Ref<'IrqGuestAction'>): void {
  const timer = action + TIMER
  const overNs = nowNs() + ldTime(EoiTimeout.base + EoiTimeout.ns)
  stTime(action + OVER_NS, overNs)
  if (load(timer + TIMER_CPU) !== currentCpu()) migrateTimer(timer, currentCpu())
  if (ld(action + TIMER_SET) !== 0) return                                                       // ET1
  st(action + TIMER_SET, 1)
  setTimer(timer, overNs)
}

/** The action is about to be freed: its timer runs nowhere when this returns. */
export function killEoiTimer(action: Ref<'IrqGuestAction'>): void {
  killTimer(action + IrqGuestAction.timer)
}

function eoiTimeout(desc: number): void {
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  // with guests the action is there: it is freed after the timer was killed
  if ((ld(desc + IrqDesc.status) & IrqStatus.GUEST) !== 0) timeOutLocked(desc, ld(desc + IrqDesc.action))
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
}

function timeOutLocked(desc: Ref<'IrqDesc'>, action: Ref<'IrqGuestAction'>): void {
  const overNs = ldTime(action + OVER_NS)
  if (ld(action + IrqGuestAction.inFlight) !== 0 && nowNs() < overNs) return setTimer(action + TIMER, overNs)   // ET1
  st(action + TIMER_SET, 0)
  finishAllLocked(desc)
}

const eoiTimeoutHandler = handler('irqEoiTimeout', eoiTimeout)

/** Boot CPU, once. */
export function setupEoiTimeout(ns: number): void {
  stTime(EoiTimeout.base + EoiTimeout.ns, ns)
}
