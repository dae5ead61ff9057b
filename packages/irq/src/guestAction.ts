// SPDX-License-Identifier: MIT
/**
 * An interrupt that is bound to guests: who they are, delivery to each, and when the line is released.
 *
 * @xen xen/arch/x86/irq.c
 * Contexts  deliverToGuests: interrupt context, IF = 0, irqDesc.lock held.
 * Locks     irqDesc.lock for everything here.
 *
 * IRQ-4  Ack kind EOI: the CPU that took it owes the end; one with no guest left is only ended.
 * IRQ-5  `inFlight` has a bit per guest that has not finished; the line is released when the last one goes.
 * IRQ-7  A guest's bit goes with its first EOI: the second finds nothing.
 */
import type { Ref } from '@bottomhalf/base'
import { maskSet } from '@bottomhalf/cpu'
import { callHandler, currentCpu, global, handlerId, ld, st, type HandlerRef } from '@bottomhalf/machine'
import { releaseLine } from './eoi.js'
import { endOf, pushEoi } from './eoiStack.js'
import { armEoiTimer } from './eoiTimer.js'
import {
  ACK_EOI, ACK_NONE, callController, HwIrqController, IrqDesc, IrqGuestAction,
} from './irqDesc.js'

// Module constants, so that the compiler folds them.
const ACTION = IrqDesc.action
const END = HwIrqController.end
const GUESTS = IrqGuestAction.guests
const ACK_KIND = IrqGuestAction.ackKind
const PIRQS = IrqGuestAction.pirqs

/** What the passthrough layer does for a pIRQ (the seam from `irq` up to it). */
export interface PirqHandlers {
  /** An interrupt came: 1 if it was taken over, 0 if it is not passthrough's. irqDesc.lock held, IF = 0. */
  readonly deliver: HandlerRef
  /** A record was created; nobody else knows it yet. eventLock held. */
  readonly init: HandlerRef
  /** Whether the record is at rest and may be freed: 1, or 0. eventLock held. */
  readonly clean: HandlerRef
  /** Nobody took the interrupt over: set the bound event channel pending (GV-1). irqDesc.lock held, IF = 0. */
  readonly sendEvent: HandlerRef
}

const PirqOperations = global('pirqOperations', {
  // written at boot, constant after:
  deliver: handlerId, init: handlerId, clean: handlerId, sendEvent: handlerId,
})

/** Give an interrupt that came on `vector` to every guest bound to it, and release the line if nobody has to finish. */
export function deliverToGuests(desc: Ref<'IrqDesc'>, vector: number): void {
  const action = ld(desc + ACTION)
  const guests = ld(action + GUESTS)
  const ackKind = ld(action + ACK_KIND)
  if (ackKind !== ACK_NONE) {
    if (guests === 0) return endUndelivered(desc)
    awaitGuests(desc, action, guests, vector)
  }
  for (let i = 0; i < guests; i++) deliverPirq(ld(action + PIRQS + i))
  if (ackKind === ACK_NONE) callController(desc, END)
}

/** An interrupt that nobody gets has been acknowledged: end it, if that was not all (IRQ-3, IRQ-4). It is the CPU's latest. */
export function endUndelivered(desc: Ref<'IrqDesc'>): void {
  if (ld(ld(desc + IrqDesc.controller) + HwIrqController.ackKind) === ACK_EOI) endOf(ld(desc + IrqDesc.pin))
}

function awaitGuests(desc: Ref<'IrqDesc'>, action: Ref<'IrqGuestAction'>, guests: number, vector: number): void {
  st(action + IrqGuestAction.inFlight, (1 << guests) - 1)
  armEoiTimer(action)
  if (ld(action + ACK_KIND) !== ACK_EOI) return
  maskSet(action + IrqGuestAction.owing, currentCpu())
  pushEoi(ld(desc + IrqDesc.irq), vector, ld(desc + IrqDesc.pin))
}

/** A guest has finished: release the line if it was the last. A second call finds nothing (IRQ-7). */
export function finishGuestLocked(desc: Ref<'IrqDesc'>, guest: number): void {
  const action = ld(desc + IrqDesc.action)
  const inFlight = ld(action + IrqGuestAction.inFlight)
  const left = inFlight & ~(1 << guest)
  st(action + IrqGuestAction.inFlight, left)
  if (inFlight !== 0 && left === 0) releaseLine(desc)
}

/** A guest's place among those bound; -1 if it is none of them. irqDesc.lock held, bound to guests. */
export function guestOf(action: Ref<'IrqGuestAction'>, pirq: Ref<'PirqRecord'>): number {
  const guests = ld(action + IrqGuestAction.guests)
  for (let i = 0; i < guests; i++) if (ld(action + IrqGuestAction.pirqs + i) === pirq) return i
  return -1
}

/** Add a guest behind the others; its caller saw that there is room. */
export function addGuestLocked(action: Ref<'IrqGuestAction'>, pirq: Ref<'PirqRecord'>): void {
  const guests = ld(action + IrqGuestAction.guests)
  st(action + IrqGuestAction.pirqs + guests, pirq)
  st(action + IrqGuestAction.guests, guests + 1)
}

/** Remove a guest that has finished; the others keep their order and their bits. */
export function removeGuestLocked(action: Ref<'IrqGuestAction'>, guest: number): void {
  const guests = ld(action + IrqGuestAction.guests) - 1
  for (let i = guest; i < guests; i++) {
    st(action + IrqGuestAction.pirqs + i, ld(action + IrqGuestAction.pirqs + i + 1))
  }
  const inFlight = ld(action + IrqGuestAction.inFlight)
  const below = inFlight & ((1 << guest) - 1)
  st(action + IrqGuestAction.inFlight, below | ((inFlight >>> (guest + 1)) << guest))
  st(action + IrqGuestAction.guests, guests)
}

/** Tell the passthrough layer of a new record. */
export function initPirq(pirq: Ref<'PirqRecord'>): void {
  callHandler(ld(PirqOperations.base + PirqOperations.init), pirq)
}

/** Ask the passthrough layer whether a record is at rest. */
export function pirqIsClean(pirq: Ref<'PirqRecord'>): boolean {
  return callHandler(ld(PirqOperations.base + PirqOperations.clean), pirq) !== 0
}

function deliverPirq(pirq: Ref<'PirqRecord'>): void {
  if (callHandler(ld(PirqOperations.base + PirqOperations.deliver), pirq) !== 0) return
  callHandler(ld(PirqOperations.base + PirqOperations.sendEvent), pirq)
}

/** Boot CPU, once, before the first pIRQ record is created. */
export function setPirqOperations(operations: PirqHandlers): void {
  st(PirqOperations.base + PirqOperations.deliver, operations.deliver.id)
  st(PirqOperations.base + PirqOperations.init, operations.init.id)
  st(PirqOperations.base + PirqOperations.clean, operations.clean.id)
  st(PirqOperations.base + PirqOperations.sendEvent, operations.sendEvent.id)
}
