// SPDX-License-Identifier: MIT
/**
 * Binding a machine interrupt to a guest's pIRQ.
 *
 * @xen xen/arch/x86/irq.c
 * Contexts  any with eventLock of the pIRQ's domain held (it pins what the pIRQ is tied to); never interrupt context.
 * Locks     irqDesc.lock, inside eventLock.
 *
 * IRQ-6  The first binder chooses the ack kind, aims the interrupt at the vCPU's CPU, and only then lets it through. The
 *        last one out shuts it. A handler in flight holds irqDesc.lock, so after unbind there is none for this guest (I2).
 *        A maskable MSI is released within one hold of the lock: no CPU owes it anything.
 * REL1   Other kinds are released in two: between them, with the lock dropped, each CPU that took the interrupt ends it and
 *        the timer is killed. Whoever binds meanwhile waits, with the lock dropped.
 * REL2   Memory is allocated with the lock dropped, and everything is looked at again after it.
 */
import { bug, EBUSY, EINVAL, ENOMEM, type Errno, type Ref } from '@bottomhalf/base'
import { Vcpu } from '@bottomhalf/domain'
import { AWAIT_ALL_CLEAR, awaitWord, ld, load, st, store, xfree, xzalloc } from '@bottomhalf/machine'
import { spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { setAffinityLocked } from './affinity.js'
import { finishEverywhere } from './eoi.js'
import { initEoiTimer, killEoiTimer } from './eoiTimer.js'
import { addGuestLocked, finishGuestLocked, guestOf, removeGuestLocked } from './guestAction.js'
import {
  ACK_EOI, ACK_NONE, callController, HwIrqController, IrqDesc, IrqGuestAction, IrqStatus, knownIrqDesc, MAX_GUESTS,
  shutDownLocked, startUpLocked,
} from './irqDesc.js'
import { MSI_GUEST_MASKED, msiMask, msiUnmask } from './msi.js'
import { tiedIrq } from './pirqIrq.js'
import { resetRate } from './rateLimit.js'

/**
 * Bind a pIRQ of the vCPU's domain to the interrupt that it is tied to. -EINVAL: it is tied to none. -EBUSY: the host has
 * it, somebody does not share, or all places are taken. -ENOMEM. Nothing is changed by a failure.
 */
export function pirqGuestBind(v: Ref<'Vcpu'>, pirq: Ref<'PirqRecord'>, willShare: boolean): Errno {
  const irq = ld(tiedIrq(pirq))
  if (irq <= 0) return -EINVAL
  const desc = knownIrqDesc(irq)
  let fresh: Ref<'IrqGuestAction'> = 0
  for (;;) {
    const flags = spinLockIrqsave(desc + IrqDesc.lock)
    const result = bindLocked(desc, v, pirq, willShare, fresh)
    const used = ld(desc + IrqDesc.action) === fresh
    spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
    if (result === RELEASE_IN_PROGRESS) awaitWord(desc + IrqDesc.status, AWAIT_ALL_CLEAR, IrqStatus.RELEASING)   // REL1
    else if (result === NEEDS_ACTION) fresh = xzalloc(IrqGuestAction.sizeWords, IrqGuestAction.tag)              // REL2
    if (result === NEEDS_ACTION && fresh === 0) return -ENOMEM
    if (result > 0) continue
    if (fresh !== 0 && !used) xfree(fresh)        // another guest was first
    return result
  }
}

// What makes a bind try again: positive, and so no errno.
const NEEDS_ACTION = 1
const RELEASE_IN_PROGRESS = 2

/**
 * Take a pIRQ's share of its interrupt back. After this no delivery for it is in flight. -EINVAL: it was not bound, and
 * nobody else is; with others bound that is a BUG. A pIRQ that was unbound by force is untied (IRQ-9).
 */
export function pirqGuestUnbind(pirq: Ref<'PirqRecord'>): Errno {
  const irq = ld(tiedIrq(pirq))
  if (irq === 0) return -EINVAL
  if (irq < 0) {
    st(tiedIrq(pirq), 0)
    return 0
  }
  const desc = knownIrqDesc(irq)
  const result = unbind(desc, pirq)
  if (result === OTHERS_BOUND) bug('unbind of a guest that is not bound, while others are', 'IRQ-6')
  return result === UNBOUND ? 0 : -EINVAL
}

/** Unbind a pIRQ whether the guest wants it or not. Returns whether it was bound. */
export function pirqGuestForceUnbind(pirq: Ref<'PirqRecord'>): boolean {
  return unbind(knownIrqDesc(ld(tiedIrq(pirq))), pirq) === UNBOUND
}

/** The guest has finished with an interrupt; only the first call after each counts (IRQ-7). Nothing if it is not bound. */
export function pirqGuestEoi(pirq: Ref<'PirqRecord'>): void {
  const irq = ld(tiedIrq(pirq))
  if (irq <= 0) return
  const desc = knownIrqDesc(irq)
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  if ((ld(desc + IrqDesc.status) & IrqStatus.GUEST) !== 0) {
    const guest = guestOf(ld(desc + IrqDesc.action), pirq)
    if (guest >= 0) finishGuestLocked(desc, guest)
  }
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
}

/** Whether the guest must answer each interrupt of a bound pIRQ by an EOI (any ack kind but NONE). */
export function pirqNeedsEoi(pirq: Ref<'PirqRecord'>): boolean {
  return ackKindOf(pirq) !== ACK_NONE
}

function ackKindOf(pirq: Ref<'PirqRecord'>): number {
  return ld(ld(knownIrqDesc(ld(tiedIrq(pirq))) + IrqDesc.controller) + HwIrqController.ackKind)
}

/** Aim the interrupt of a pIRQ at a CPU. -EINVAL: tied to none, or CPU not online; others as `irqSetAffinity`. */
export function pirqSetAffinity(pirq: Ref<'PirqRecord'>, cpu: number): Errno {
  const irq = ld(tiedIrq(pirq))
  if (irq <= 0) return -EINVAL
  const desc = knownIrqDesc(irq)
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const result = setAffinityLocked(desc, cpu)
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  return result
}

/** Mask or unmask the MSI of a pIRQ on behalf of its guest. -EINVAL: it is tied to no MSI, or to one that has no mask. */
export function pirqGuestMask(pirq: Ref<'PirqRecord'>, masked: boolean): Errno {
  const irq = ld(tiedIrq(pirq))
  const entry = irq <= 0 ? 0 : ld(knownIrqDesc(irq) + IrqDesc.msi)
  if (entry === 0 || ackKindOf(pirq) === ACK_EOI) return -EINVAL
  if (masked) msiMask(entry, MSI_GUEST_MASKED)
  else msiUnmask(entry, MSI_GUEST_MASKED)
  return 0
}

function bindLocked(
  desc: Ref<'IrqDesc'>, v: Ref<'Vcpu'>, pirq: Ref<'PirqRecord'>, willShare: boolean, fresh: Ref<'IrqGuestAction'>,
): Errno {
  const status = ld(desc + IrqDesc.status)
  if ((status & IrqStatus.RELEASING) !== 0) return RELEASE_IN_PROGRESS
  if ((status & IrqStatus.GUEST) !== 0) return joinLocked(ld(desc + IrqDesc.action), pirq, willShare)
  if (ld(desc + IrqDesc.action) !== 0) return -EBUSY
  if (fresh === 0) return NEEDS_ACTION
  st(fresh + IrqGuestAction.ackKind, ld(ld(desc + IrqDesc.controller) + HwIrqController.ackKind))
  st(fresh + IrqGuestAction.shareable, willShare ? 1 : 0)
  initEoiTimer(fresh, desc)
  addGuestLocked(fresh, pirq)
  st(desc + IrqDesc.action, fresh)
  store(desc + IrqDesc.status, ld(desc + IrqDesc.status) | IrqStatus.GUEST)
  resetRate(desc)
  // near the vCPU before it is let through; where that CPU has no room it works from afar
  void setAffinityLocked(desc, load(v + Vcpu.processor))
  startUpLocked(desc)
  return 0
}

function joinLocked(action: Ref<'IrqGuestAction'>, pirq: Ref<'PirqRecord'>, willShare: boolean): Errno {
  if (!willShare || ld(action + IrqGuestAction.shareable) === 0) return -EBUSY
  if (ld(action + IrqGuestAction.guests) === MAX_GUESTS || guestOf(action, pirq) >= 0) return -EBUSY
  addGuestLocked(action, pirq)
  return 0
}

const UNBOUND = 0
const NOBODY_BOUND = 1
const OTHERS_BOUND = 2

// Take a guest out; the last one releases the interrupt.
function unbind(desc: Ref<'IrqDesc'>, pirq: Ref<'PirqRecord'>): number {
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const result = takeOutLocked(desc, pirq)
  const unused = result === UNBOUND ? beginReleaseLocked(desc) : 0
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  if (unused !== 0) release(desc, unused)
  return result
}

function takeOutLocked(desc: Ref<'IrqDesc'>, pirq: Ref<'PirqRecord'>): number {
  if ((ld(desc + IrqDesc.status) & IrqStatus.GUEST) === 0) return NOBODY_BOUND
  const action = ld(desc + IrqDesc.action)
  const guests = ld(action + IrqGuestAction.guests)
  const guest = guestOf(action, pirq)
  if (guest < 0) return guests === 0 ? NOBODY_BOUND : OTHERS_BOUND
  if (guests > 1) finishGuestLocked(desc, guest)      // the last one's share is settled by the release
  removeGuestLocked(action, guest)
  return UNBOUND
}

// Shut the interrupt if it has no guest left. Returns the action that nobody uses any more, 0 if somebody does.
function beginReleaseLocked(desc: Ref<'IrqDesc'>): Ref<'IrqGuestAction'> {
  const action = ld(desc + IrqDesc.action)
  if (ld(action + IrqGuestAction.guests) !== 0) return 0
  if (ld(action + IrqGuestAction.ackKind) === ACK_NONE) {
    detachLocked(desc)
  } else {
    store(desc + IrqDesc.status, ld(desc + IrqDesc.status) | IrqStatus.RELEASING | IrqStatus.DISABLED)           // REL1
    callController(desc, HwIrqController.disable)
  }
  return action
}

function release(desc: Ref<'IrqDesc'>, action: Ref<'IrqGuestAction'>): void {
  const ackKind = ld(action + IrqGuestAction.ackKind)
  if (ackKind !== ACK_NONE) {
    if (ackKind === ACK_EOI) finishEverywhere(desc, action)                                      // REL1
    killEoiTimer(action)
    const flags = spinLockIrqsave(desc + IrqDesc.lock)
    detachLocked(desc)
    spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  }
  xfree(action)
}

function detachLocked(desc: Ref<'IrqDesc'>): void {
  st(desc + IrqDesc.action, 0)
  shutDownLocked(desc)
}
