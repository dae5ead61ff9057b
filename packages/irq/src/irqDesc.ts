// SPDX-License-Identifier: MIT
/**
 * Machine interrupts: a descriptor each, and the controller that it hangs on.
 *
 * @xen xen/include/xen/irq.h, xen/arch/x86/irq.c
 * Locks     irqDesc.lock, taken with IF = 0 (it is taken in interrupt context); numbers under the vector lock.
 *
 *     IrqTable.descs --> | IrqDesc 0 (no interrupt) | IrqDesc 1 | IrqDesc 2 | ...      each on cache lines of its own
 *                                                       |controller --> HwIrqController
 *                                                       |action ------> IrqAction or, with GUEST, IrqGuestAction
 *                                                       |msi ---------> MsiEntry in the device, or
 *                                                       |pin ---------> IoapicPin of its line
 */
import { bug, type Ref } from '@bottomhalf/base'
import { CpuMask } from '@bottomhalf/cpu'
import {
  callHandler, embed, global, handlerId, ld, lineBreak, ref, store, struct, time, word, words,
} from '@bottomhalf/machine'
import { lockClass, SpinLock } from '@bottomhalf/spinlock'
import { Timer } from '@bottomhalf/timer'
import { releaseVector } from './vectors.js'

/** Bits of `IrqDesc.status`. */
export const IrqStatus = {
  /** Set at creation and by `disable`, `shutdown`; cleared by `startup`, `enable`. */
  DISABLED: 1,
  /** The host's action runs on some CPU: set and cleared by that CPU (IRQ-2). */
  INPROGRESS: 2,
  /** An arrival that the host's action has still to serve (IRQ-2). */
  PENDING: 4,
  /** Bound to guests: `action` is an `IrqGuestAction`. Set by the first binder, cleared by the last unbinder. */
  GUEST: 8,
  /** A move waits for the next acknowledgement, because one is open (IRQ-8). */
  MOVE_PENDING: 16,
  /** A move is open: the old vector still belongs to this descriptor (IRQ-8). */
  MOVE_OPEN: 32,
  /** Disabled by the rate limit; the timer clears it, or a new user (IRQ-3). */
  LIMITED: 64,
  /** The last guest is on its way out and has dropped the lock: binders wait for it (IRQ-6). */
  RELEASING: 128,
} as const

/** Ack kinds: who releases the line after an interrupt for guests (IRQ-4). */
export const ACK_NONE = 0
/** The last guest's EOI unmasks. */
export const ACK_UNMASK = 1
/** The CPU that took it ends it, in the order of its stack. */
export const ACK_EOI = 2

/** Operations of an interrupt controller; each takes the descriptor, locked. 0: nothing to do. */
export const HwIrqController = struct('HwIrqController', {
  // written at boot, constant after:
  startup: handlerId, shutdown: handlerId, enable: handlerId, disable: handlerId,
  ack: handlerId, end: handlerId,
  /** Aim at `IrqDesc.cpu` and `.vector`. */
  setAffinity: handlerId,
  ackKind: word,
})

export const IrqDesc = struct('IrqDesc', {
  lock: embed(SpinLock),
  // irqDesc.lock; status is also awaited without it (freeIrq), so every write of it is atomic:
  status: word,
  action: word,
  cpu: word, vector: word,
  // irqDesc.lock, with MOVE_OPEN: where it came from, and whether that CPU was told; with MOVE_PENDING: where it goes
  oldCpu: word, oldVector: word, cleanupSent: word, pendingCpu: word,
  // written at creation, constant while the interrupt exists:
  controller: ref('HwIrqController'), msi: ref('MsiEntry'), pin: ref('IoapicPin'), irq: word,
  // irqDesc.lock: pIRQs tied to it (IRQ-9)
  mappings: word,
  // irqDesc.lock: arrivals for guests in this window (IRQ-3), and how many were not delivered
  left: word, limited: word, windowStartNs: time,
  // rate-limit lock: whether it waits for the timer, and who does after it
  waits: word, nextWaiting: ref('IrqDesc'),
  // vector lock: whether the number is taken
  inUse: word,
  end: lineBreak,
})

// A module constant, so that the compiler folds it.
const CONTROLLER = IrqDesc.controller

/** The host's own action. */
export const IrqAction = struct('IrqAction', {
  // written before it is attached, constant after:
  handler: handlerId, data: word,
})

/** Domains that may share one interrupt. */
export const MAX_GUESTS = 7

/** The guests that an interrupt is bound to. */
export const IrqGuestAction = struct('IrqGuestAction', {
  // irqDesc.lock; inFlight has a bit per guest that has not finished:
  guests: word, inFlight: word,
  /** The pIRQ records of the guests, first come first. */
  pirqs: words(MAX_GUESTS),
  // written before it is attached, constant after:
  ackKind: word, shareable: word,
  // ack kinds UNMASK and EOI; a lock of its own
  timer: embed(Timer),
  // irqDesc.lock: whether the timer's function is still to come, and when the latest delivery has had its time
  timerSet: word, overNs: time,
  // ack kind EOI, irqDesc.lock: CPUs that took the interrupt and have not ended it; finishEverywhere reads it unlocked
  owing: embed(CpuMask),
})

export const irqDescLockClass = lockClass('irqDesc.lock')

/** All descriptors. */
export const IrqTable = global('irqTable', {
  // written at boot, constant after:
  descs: word, count: word,
})

/** The descriptor of an interrupt number; 0 if there is no such number, or nobody created it. */
export function irqDescOf(irq: number): Ref<'IrqDesc'> {
  if (irq <= 0 || irq >= ld(IrqTable.base + IrqTable.count)) return 0
  const desc = descAt(irq)
  return ld(desc + IrqDesc.controller) === 0 ? 0 : desc
}

/** The descriptor in place `irq` of the table, created or not. */
export function descAt(irq: number): Ref<'IrqDesc'> {
  return ld(IrqTable.base + IrqTable.descs) + irq * IrqDesc.sizeWords
}

/** Call a controller's operation (`HwIrqController.ack`, ...), if it has one. irqDesc.lock held. */
export function callController(desc: Ref<'IrqDesc'>, operation: number): void {
  const id = ld(ld(desc + CONTROLLER) + operation)
  if (id !== 0) callHandler(id, desc)
}

/** A BUG unless the descriptor exists: for callers who hold something that pins it. */
export function knownIrqDesc(irq: number): Ref<'IrqDesc'> {
  const desc = irqDescOf(irq)
  return desc === 0 ? bug('an interrupt that is in use has no descriptor', 'IRQ-1') : desc
}

/** Let the interrupt come through. irqDesc.lock held, `action` set. */
export function startUpLocked(desc: Ref<'IrqDesc'>): void {
  const off = IrqStatus.DISABLED | IrqStatus.PENDING | IrqStatus.LIMITED
  store(desc + IrqDesc.status, ld(desc + IrqDesc.status) & ~off)
  callController(desc, HwIrqController.startup)
}

/** Shut the interrupt; what is in flight finds no action. irqDesc.lock held, `action` gone. */
export function shutDownLocked(desc: Ref<'IrqDesc'>): void {
  const off = IrqStatus.PENDING | IrqStatus.GUEST | IrqStatus.LIMITED | IrqStatus.RELEASING
  const status = ld(desc + IrqDesc.status) & ~off
  store(desc + IrqDesc.status, status | IrqStatus.DISABLED)
  callController(desc, HwIrqController.shutdown)
  endMove(desc)
}

/** End an open move at once, and forget one that waits: nothing is in flight (MOV2). irqDesc.lock held. */
export function endMove(desc: Ref<'IrqDesc'>): void {
  const status = ld(desc + IrqDesc.status)
  if ((status & IrqStatus.MOVE_OPEN) !== 0) releaseVector(ld(desc + IrqDesc.oldCpu), ld(desc + IrqDesc.oldVector))
  store(desc + IrqDesc.status, status & ~(IrqStatus.MOVE_OPEN | IrqStatus.MOVE_PENDING))
}
