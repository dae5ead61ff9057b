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
 */
import { bug, EBUSY, EINVAL, ENOMEM, type Errno, type Ref } from '@bottomhalf/base'
import { Vcpu } from '@bottomhalf/domain'
import { ld, load, st, store, xfree, xzalloc } from '@bottomhalf/machine'
import { spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { setAffinityLocked } from './affinity.js'
import {
  addGuestLocked, finishGuestLocked, guestOf, IrqGuestAction, MAX_GUESTS, removeGuestLocked,
} from './guestAction.js'
import { HwIrqController, IrqDesc, IrqStatus, knownIrqDesc, shutDownLocked, startUpLocked } from './irqDesc.js'
import { MSI_GUEST_MASKED, msiMask, msiUnmask } from './msi.js'
import { tiedIrq } from './pirqIrq.js'

/**
 * Bind a pIRQ of the vCPU's domain to the interrupt that it is tied to. -EINVAL: it is tied to none. -EBUSY: the host has
 * it, somebody does not share, or all places are taken. -ENOMEM. Nothing is changed by a failure.
 */
export function pirqGuestBind(v: Ref<'Vcpu'>, pirq: Ref<'PirqRecord'>, willShare: boolean): Errno {
  const irq = ld(tiedIrq(pirq))
  if (irq <= 0) return -EINVAL
  const desc = knownIrqDesc(irq)
  // the action is allocated before the lock is taken, and given back if another guest was first
  const fresh = xzalloc(IrqGuestAction.sizeWords, IrqGuestAction.tag)
  if (fresh === 0) return -ENOMEM
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const result = bindLocked(desc, v, pirq, willShare, fresh)
  const used = ld(desc + IrqDesc.action) === fresh
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  if (!used) xfree(fresh)
  return result
}

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
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const bound = (ld(desc + IrqDesc.status) & IrqStatus.GUEST) !== 0
  const freed = bound ? unbindLocked(desc, pirq) : NOT_BOUND
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  if (bound && freed === NOT_BOUND) bug('unbind of a guest that is not bound, while others are', 'IRQ-6')
  if (freed > 0) xfree(freed)
  return bound ? 0 : -EINVAL
}

/** Unbind a pIRQ whether the guest wants it or not. Returns whether it was bound. */
export function pirqGuestForceUnbind(pirq: Ref<'PirqRecord'>): boolean {
  const desc = knownIrqDesc(ld(tiedIrq(pirq)))
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const guests = (ld(desc + IrqDesc.status) & IrqStatus.GUEST) !== 0
  const freed = guests ? unbindLocked(desc, pirq) : NOT_BOUND
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  if (freed > 0) xfree(freed)
  return freed !== NOT_BOUND
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
  const desc = knownIrqDesc(ld(tiedIrq(pirq)))
  return ld(ld(desc + IrqDesc.controller) + HwIrqController.ackKind) !== 0
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

/** Mask or unmask the MSI of a pIRQ on behalf of its guest. -EINVAL: it is tied to no MSI. */
export function pirqGuestMask(pirq: Ref<'PirqRecord'>, masked: boolean): Errno {
  const irq = ld(tiedIrq(pirq))
  const entry = irq <= 0 ? 0 : ld(knownIrqDesc(irq) + IrqDesc.msi)
  if (entry === 0) return -EINVAL
  if (masked) msiMask(entry, MSI_GUEST_MASKED)
  else msiUnmask(entry, MSI_GUEST_MASKED)
  return 0
}

function bindLocked(
  desc: Ref<'IrqDesc'>, v: Ref<'Vcpu'>, pirq: Ref<'PirqRecord'>, willShare: boolean, fresh: Ref<'IrqGuestAction'>,
): Errno {
  if ((ld(desc + IrqDesc.status) & IrqStatus.GUEST) !== 0) return joinLocked(ld(desc + IrqDesc.action), pirq, willShare)
  if (ld(desc + IrqDesc.action) !== 0) return -EBUSY
  st(fresh + IrqGuestAction.ackKind, ld(ld(desc + IrqDesc.controller) + HwIrqController.ackKind))
  st(fresh + IrqGuestAction.shareable, willShare ? 1 : 0)
  addGuestLocked(fresh, pirq)
  st(desc + IrqDesc.action, fresh)
  store(desc + IrqDesc.status, ld(desc + IrqDesc.status) | IrqStatus.GUEST)
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

const NOT_BOUND = -1

// Returns the action if it is to be freed, 0 if others use it, NOT_BOUND if the guest is none of them.
function unbindLocked(desc: Ref<'IrqDesc'>, pirq: Ref<'PirqRecord'>): number {
  const action = ld(desc + IrqDesc.action)
  const guest = guestOf(action, pirq)
  if (guest < 0) return NOT_BOUND
  if (ld(action + IrqGuestAction.guests) > 1) {
    finishGuestLocked(desc, guest)
    removeGuestLocked(action, guest)
    return 0
  }
  st(desc + IrqDesc.action, 0)
  shutDownLocked(desc)
  return action
}
