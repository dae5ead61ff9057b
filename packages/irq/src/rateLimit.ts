// SPDX-License-Identifier: MIT
/**
 * Storms: a guest's interrupt that comes too often is shut for a while.
 *
 *     IrqDesc.left   arrivals that may come before anybody looks at the clock; the window began with the first of them
 *
 * The threshold itself may pass at the end of a window that began long ago, and again in the next: whatever the arrivals,
 * fewer than twice the threshold are delivered within the length of a window.
 *
 * @xen xen/arch/x86/irq.c (irq_ratelimit)
 * Contexts  overRateLimit, limitArrival: interrupt context, IF = 0, irqDesc.lock held.  The timer: softirq.
 * Locks     irqDesc.lock, then the rate-limit lock, then timers locks; the timer holds one at a time.
 *
 * IRQ-3  More than a threshold of arrivals within the window: disabled until the timer enables all of them together. What
 *        comes meanwhile was acknowledged; it is counted and not delivered.
 * RL1    A descriptor is on the list once, and leaves it before it is enabled, so that it can be limited again.
 */
import type { Ref } from '@bottomhalf/base'
import {
  embed, global, handler, ld, ldTime, load, nowNs, st, store, stTime, time, word,
} from '@bottomhalf/machine'
import {
  lockClass, SpinLock, spinLock, spinLockInit, spinLockIrqsave, spinUnlock, spinUnlockIrqrestore,
} from '@bottomhalf/spinlock'
import { initTimer, setTimer, Timer, timersSetOn } from '@bottomhalf/timer'
import { callController, descAt, HwIrqController, IrqDesc, IrqStatus, IrqTable } from './irqDesc.js'

const RateLimit = global('irqRateLimit', {
  // written at boot, constant after:
  windowNs: time, threshold: word,
  // rate-limit lock: descriptors that wait for the timer
  lock: embed(SpinLock), head: word,
  timer: embed(Timer),
})

export const rateLimitLockClass = lockClass('rateLimit')

// Module constants, so that the compiler folds them.
const LEFT = IrqDesc.left

/** Count an arrival for guests; whether it is one too many. */
export function overRateLimit(desc: Ref<'IrqDesc'>): boolean {
  const left = ld(desc + LEFT) - 1
  if (left < 0) return lookAtClock(desc)
  st(desc + LEFT, left)
  return false
}

/** An arrival that is not delivered. The first disables the interrupt, and the timer enables it. */
export function limitArrival(desc: Ref<'IrqDesc'>): void {
  st(desc + IrqDesc.limited, ld(desc + IrqDesc.limited) + 1)
  const status = ld(desc + IrqDesc.status)
  if ((status & IrqStatus.LIMITED) !== 0) return
  store(desc + IrqDesc.status, status | IrqStatus.LIMITED | IrqStatus.DISABLED)
  callController(desc, HwIrqController.disable)
  waitForTimer(desc)
}

/** Arrivals of a message's interrupt that were not delivered because they were limited: a look, from anywhere. */
export function limitedArrivals(entry: Ref<'MsiEntry'>): number {
  const desc = descOfMessage(entry)
  return desc === 0 ? 0 : ld(desc + IrqDesc.limited)
}

/** Whether the last arrival of a message's interrupt was limited, so that nobody was told of it: a look, from anywhere. */
export function lastWasLimited(entry: Ref<'MsiEntry'>): boolean {
  const desc = descOfMessage(entry)
  if (desc === 0 || ld(desc + IrqDesc.limited) === 0) return false
  const isShut = (load(desc + IrqDesc.status) & IrqStatus.LIMITED) !== 0
  // the first that comes through again begins a window
  return isShut || ldTime(desc + IrqDesc.windowStartNs) === Number.NEGATIVE_INFINITY
}

function descOfMessage(entry: Ref<'MsiEntry'>): Ref<'IrqDesc'> {
  const count = ld(IrqTable.base + IrqTable.count)
  for (let irq = 1; irq < count; irq++) if (ld(descAt(irq) + IrqDesc.msi) === entry) return descAt(irq)
  return 0
}

/** Whether the timer is set, and will look at an interrupt. Exact at rest. */
export function limitWillEnd(desc: Ref<'IrqDesc'>): boolean {
  const timer = RateLimit.base + RateLimit.timer
  let waiting = timersSetOn(load(timer + Timer.cpu)).includes(timer) ? ld(RateLimit.base + RateLimit.head) : 0
  while (waiting !== 0 && waiting !== desc) waiting = ld(waiting + IrqDesc.nextWaiting)
  return waiting !== 0
}

/** Forget what came: a new user starts afresh. irqDesc.lock held. */
export function resetRate(desc: Ref<'IrqDesc'>): void {
  st(desc + LEFT, 0)
  stTime(desc + IrqDesc.windowStartNs, Number.NEGATIVE_INFINITY)
}

// The clock is read for the first arrival of a window, and for the first that is above the threshold.
function lookAtClock(desc: Ref<'IrqDesc'>): boolean {
  const now = nowNs()
  if (now - ldTime(desc + IrqDesc.windowStartNs) < ldTime(RateLimit.base + RateLimit.windowNs)) return true
  stTime(desc + IrqDesc.windowStartNs, now)
  st(desc + LEFT, ld(RateLimit.base + RateLimit.threshold) - 1)
  return false
}

function waitForTimer(desc: Ref<'IrqDesc'>): void {
  spinLock(RateLimit.base + RateLimit.lock)
  if (ld(desc + IrqDesc.waits) === 0) {                                                          // RL1
    const head = ld(RateLimit.base + RateLimit.head)
    st(desc + IrqDesc.waits, 1)
    st(desc + IrqDesc.nextWaiting, head)
    st(RateLimit.base + RateLimit.head, desc)
    if (head === 0) setTimer(RateLimit.base + RateLimit.timer, nowNs() + ldTime(RateLimit.base + RateLimit.windowNs))
  }
  spinUnlock(RateLimit.base + RateLimit.lock)
}

// The timer's function.
function enableLimited(_data: number): void {
  for (let desc = nextWaiting(); desc !== 0; desc = nextWaiting()) {
    const flags = spinLockIrqsave(desc + IrqDesc.lock)
    if ((ld(desc + IrqDesc.status) & IrqStatus.LIMITED) !== 0) enableLocked(desc)
    spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  }
}

function nextWaiting(): Ref<'IrqDesc'> {
  const flags = spinLockIrqsave(RateLimit.base + RateLimit.lock)
  const desc = ld(RateLimit.base + RateLimit.head)
  if (desc !== 0) {
    st(RateLimit.base + RateLimit.head, ld(desc + IrqDesc.nextWaiting))
    st(desc + IrqDesc.waits, 0)                                                                  // RL1
  }
  spinUnlockIrqrestore(RateLimit.base + RateLimit.lock, flags)
  return desc
}

function enableLocked(desc: Ref<'IrqDesc'>): void {
  resetRate(desc)
  store(desc + IrqDesc.status, ld(desc + IrqDesc.status) & ~(IrqStatus.LIMITED | IrqStatus.DISABLED))
  callController(desc, HwIrqController.enable)
}

const enableLimitedHandler = handler('irqEnableLimited', enableLimited)

/** Boot CPU, once: no more than `threshold` arrivals of a guest's interrupt within `windowNs`. */
export function setupRateLimit(threshold: number, windowNs: number): void {
  st(RateLimit.base + RateLimit.threshold, threshold)
  stTime(RateLimit.base + RateLimit.windowNs, windowNs)
  spinLockInit(RateLimit.base + RateLimit.lock, rateLimitLockClass)
  st(RateLimit.base + RateLimit.head, 0)
  initTimer(RateLimit.base + RateLimit.timer, enableLimitedHandler, 0, 0)
}
