// SPDX-License-Identifier: MIT
/**
 * Machine interrupts: from the vector to whoever is bound.
 *
 * @xen xen/arch/x86/irq.c
 * Contexts  doIrq: interrupt context, IF = 0.  requestIrq, freeIrq: any but the interrupt's own action.
 * Locks     irqDesc.lock. Guests are served under it with IF = 0; the host's action runs with it dropped and IF = 1.
 *
 * IRQ-1  A descriptor per interrupt: lock, status, controller, action.
 * IRQ-2  PENDING and INPROGRESS: two CPUs never run one action at once, and an arrival meanwhile is served by the CPU
 *        that runs it.
 */
import { EBUSY, EINVAL, ENOMEM, type Errno, type Ref } from '@bottomhalf/base'
import {
  FIRST_DEVICE_VECTOR, IRQ_MOVE_CLEANUP_VECTOR, LAST_DEVICE_VECTOR, setVector, TRACE_UNMAPPED_VECTOR,
} from '@bottomhalf/cpu'
import {
  AWAIT_ALL_CLEAR, awaitWord, callHandler, handler, irqDisable, irqEnable, ld, st, store, trace, xfree, xmalloc,
  xzalloc, type HandlerRef,
} from '@bottomhalf/machine'
import { spinLock, spinLockInit, spinLockIrqsave, spinUnlock, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { irqMoveCleanup, progressMove, setAffinityLocked } from './affinity.js'
import { deliverToGuests } from './guestAction.js'
import {
  callController, descAt, HwIrqController, IrqAction, IrqDesc, irqDescLockClass, irqDescOf, IrqStatus, IrqTable,
  shutDownLocked, startUpLocked,
} from './irqDesc.js'
import { setupIoapic } from './ioapic.js'
import { setupLineControllers } from './lineController.js'
import { setupMsiController } from './msiController.js'
import { setupPirqIrq } from './pirqIrq.js'
import { countUnmapped, setupVectors, vectorOwner } from './vectors.js'

// Module constants, so that the compiler folds them.
const LOCK = IrqDesc.lock
const STATUS = IrqDesc.status
const ACK = HwIrqController.ack
const GUEST = IrqStatus.GUEST
const MOVES = IrqStatus.MOVE_PENDING | IrqStatus.MOVE_OPEN

/** Take an interrupt: acknowledge it and serve whoever is bound. Interrupt context, IF = 0. */
export function doIrq(vector: number): void {
  const desc = vectorOwner(vector)
  if (desc === 0) return unmappedVector(vector)
  spinLock(desc + LOCK)
  callController(desc, ACK)
  const status = ld(desc + STATUS)
  if ((status & MOVES) !== 0) progressMove(desc, vector)
  if ((status & GUEST) !== 0) deliverToGuests(desc)
  else serveHost(desc)
  spinUnlock(desc + LOCK)
}

/**
 * Attach the host's own action: `action(data)` runs in interrupt context with IF = 1. -EINVAL: no such interrupt. -EBUSY:
 * it has an action, or guests. -ENOMEM.
 */
export function requestIrq(irq: number, action: HandlerRef, data: number): Errno {
  const desc = irqDescOf(irq)
  if (desc === 0) return -EINVAL
  const fresh = xmalloc(IrqAction.sizeWords, IrqAction.tag)
  if (fresh === 0) return -ENOMEM
  st(fresh + IrqAction.handler, action.id)
  st(fresh + IrqAction.data, data)
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const free = ld(desc + IrqDesc.action) === 0
  if (free) {
    st(desc + IrqDesc.action, fresh)
    startUpLocked(desc)
  }
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  if (free) return 0
  xfree(fresh)
  return -EBUSY
}

/**
 * Detach the host's action. When this returns it runs on no CPU. -EINVAL: no such interrupt, or it has no host action.
 * Waits for the action (LK-5): no lock that it takes may be held, and it may not call this itself.
 */
export function freeIrq(irq: number): Errno {
  const desc = irqDescOf(irq)
  if (desc === 0) return -EINVAL
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const action = (ld(desc + IrqDesc.status) & IrqStatus.GUEST) === 0 ? ld(desc + IrqDesc.action) : 0
  if (action !== 0) {
    st(desc + IrqDesc.action, 0)
    shutDownLocked(desc)
  }
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  if (action === 0) return -EINVAL
  awaitWord(desc + IrqDesc.status, AWAIT_ALL_CLEAR, IrqStatus.INPROGRESS)
  xfree(action)
  return 0
}

/** Aim an interrupt at a CPU. -EINVAL: no such interrupt, CPU not online. -EAGAIN: follows a move that is open. -ENOSPC. */
export function irqSetAffinity(irq: number, cpu: number): Errno {
  const desc = irqDescOf(irq)
  if (desc === 0) return -EINVAL
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const result = setAffinityLocked(desc, cpu)
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  return result
}

// An arrival with no action is over: its line was shut down while it was on its way.
function serveHost(desc: Ref<'IrqDesc'>): void {
  if (ld(desc + IrqDesc.action) !== 0) runActionLocked(desc)
  callController(desc, HwIrqController.end)
}

// IRQ-2. Called and returns with the descriptor locked and IF = 0; in between the action runs unlocked with IF = 1.
function runActionLocked(desc: Ref<'IrqDesc'>): void {
  const before = setStatus(desc, IrqStatus.PENDING)
  if ((before & (IrqStatus.DISABLED | IrqStatus.INPROGRESS)) !== 0) return      // whoever runs it, or enables it, sees PENDING
  setStatus(desc, IrqStatus.INPROGRESS)
  // freeIrq takes the action away while it runs: it runs once at most after that, for the arrival being served
  for (let action = ld(desc + IrqDesc.action); action !== 0 && takePending(desc); action = ld(desc + IrqDesc.action)) {
    spinUnlock(desc + IrqDesc.lock)
    irqEnable()
    callHandler(ld(action + IrqAction.handler), ld(action + IrqAction.data))
    irqDisable()
    spinLock(desc + IrqDesc.lock)
  }
  clearStatus(desc, IrqStatus.INPROGRESS)
}

function takePending(desc: Ref<'IrqDesc'>): boolean {
  return (clearStatus(desc, IrqStatus.PENDING) & IrqStatus.PENDING) !== 0
}

function setStatus(desc: Ref<'IrqDesc'>, bits: number): number {
  const before = ld(desc + IrqDesc.status)
  store(desc + IrqDesc.status, before | bits)
  return before
}

function clearStatus(desc: Ref<'IrqDesc'>, bits: number): number {
  const before = ld(desc + IrqDesc.status)
  store(desc + IrqDesc.status, before & ~bits)
  return before
}

function unmappedVector(vector: number): void {
  countUnmapped()
  trace(TRACE_UNMAPPED_VECTOR, vector, 0)
}

const doIrqHandler = handler('doIrq', doIrq)
const irqMoveCleanupHandler = handler('irqMoveCleanup', irqMoveCleanup)

/** What a machine's interrupts are like. */
export interface IrqOptions {
  /** Interrupt lines of the IO-APIC. Default: 64. */
  readonly gsis?: number
}

/** Boot CPU, once, after the memory was formatted: room for interrupts 1 to `irqs`. -ENOMEM. */
export function setupIrqs(irqs: number, options: IrqOptions = {}): Errno {
  const { gsis = 64 } = options
  if (setupIoapic(gsis) !== 0) return -ENOMEM
  const descs = xzalloc((irqs + 1) * IrqDesc.sizeWords, IrqDesc.tag)
  if (descs === 0) return -ENOMEM
  st(IrqTable.base + IrqTable.descs, descs)
  st(IrqTable.base + IrqTable.count, irqs + 1)
  for (let irq = 0; irq <= irqs; irq++) {
    spinLockInit(descAt(irq) + IrqDesc.lock, irqDescLockClass)
    st(descAt(irq) + IrqDesc.irq, irq)
    store(descAt(irq) + IrqDesc.status, IrqStatus.DISABLED)
  }
  setupPirqIrq()
  setupVectors()
  setupMsiController()
  setupLineControllers()
  setVector(IRQ_MOVE_CLEANUP_VECTOR, irqMoveCleanupHandler)
  for (let vector = FIRST_DEVICE_VECTOR; vector <= LAST_DEVICE_VECTOR; vector++) setVector(vector, doIrqHandler)
  return 0
}
