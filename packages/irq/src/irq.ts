// SPDX-License-Identifier: MIT
/**
 * Machine interrupts: from the vector to whoever is bound.
 *
 * @xen xen/arch/x86/irq.c
 * Contexts  doIrq: interrupt context, IF = 0.  requestIrq, freeIrq: any but the interrupt's own action.
 * Locks     irqDesc.lock. Guests are served under it with IF = 0; the host's action runs with it dropped and IF = 1.
 *
 * IRQ-1  A descriptor per interrupt: lock, status, controller, action.
 * IRQ-3  A guest's storm is limited: see rateLimit.ts.
 * IRQ-4  The host's interrupts of ack kind EOI are in service until their action has run, and honour the stack then.
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
import { setupEois } from './eoi.js'
import { endReady, heldByPriority, markReady, pushEoi } from './eoiStack.js'
import { setupEoiTimeout } from './eoiTimer.js'
import { deliverToGuests, endUndelivered } from './guestAction.js'
import {
  ACK_EOI, callController, descAt, HwIrqController, IrqAction, IrqDesc, irqDescLockClass, irqDescOf, IrqStatus,
  IrqTable, shutDownLocked, startUpLocked,
} from './irqDesc.js'
import { setupIoapic } from './ioapic.js'
import { setupLineControllers } from './lineController.js'
import { setupMsiController } from './msiController.js'
import { forward, setupOffline } from './offline.js'
import { setupPirqIrq } from './pirqIrq.js'
import { limitArrival, overRateLimit, setupRateLimit } from './rateLimit.js'
import { countUnmapped, setupVectors, vectorOwner } from './vectors.js'

// Module constants, so that the compiler folds them.
const LOCK = IrqDesc.lock
const STATUS = IrqDesc.status
const ACK = HwIrqController.ack
const GUEST = IrqStatus.GUEST
const LIMITED = IrqStatus.LIMITED
const MOVES = IrqStatus.MOVE_PENDING | IrqStatus.MOVE_OPEN

/** Take an interrupt: acknowledge it and serve whoever is bound. Interrupt context, IF = 0. */
export function doIrq(vector: number): void {
  const desc = vectorOwner(vector)
  if (desc <= 0) return strayVector(vector, desc)
  if (heldByPriority(vector)) return
  spinLock(desc + LOCK)
  callController(desc, ACK)
  const status = ld(desc + STATUS)
  if ((status & MOVES) !== 0) progressMove(desc, vector)
  if ((status & GUEST) === 0) serveHost(desc, vector)
  else if ((status & LIMITED) !== 0 || overRateLimit(desc)) dropArrival(desc)
  else deliverToGuests(desc, vector)
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

function dropArrival(desc: Ref<'IrqDesc'>): void {
  limitArrival(desc)
  endUndelivered(desc)
}

// An arrival with no action is over: its line was shut down while it was on its way.
function serveHost(desc: Ref<'IrqDesc'>, vector: number): void {
  const controller = ld(desc + IrqDesc.controller)
  if (controller !== 0 && ld(controller + HwIrqController.ackKind) === ACK_EOI) return serveHostInStack(desc, vector)
  if (ld(desc + IrqDesc.action) !== 0) runActionLocked(desc)
  callController(desc, HwIrqController.end)
}

// IRQ-4: what nests above the action and is finished later keeps this interrupt in service.
function serveHostInStack(desc: Ref<'IrqDesc'>, vector: number): void {
  const irq = ld(desc + IrqDesc.irq)
  pushEoi(irq, vector, ld(desc + IrqDesc.pin))
  if (ld(desc + IrqDesc.action) !== 0) runActionLocked(desc)
  markReady(irq)
  endReady()
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

// A vector of nobody, or one that an interrupt had here before this CPU went offline (then minus its descriptor).
function strayVector(vector: number, left: number): void {
  if (left < 0) return forward(-left)
  countUnmapped()
  trace(TRACE_UNMAPPED_VECTOR, vector, 0)
}

const doIrqHandler = handler('doIrq', doIrq)
const irqMoveCleanupHandler = handler('irqMoveCleanup', irqMoveCleanup)

/** What a machine's interrupts are like. */
export interface IrqOptions {
  /** Interrupt lines of the IO-APIC. Default: 64. */
  readonly gsis?: number
  /** More arrivals of a guest's interrupt than this within the window are limited (IRQ-3). Default: 10 000. */
  readonly rateThreshold?: number
  /** The window, and how long what is limited stays disabled. Default: 10 ms. */
  readonly rateWindowNs?: number
  /** How long a guest may take to finish an interrupt (IRQ-5). Default: 1 ms. */
  readonly eoiTimeoutNs?: number
}

const MS = 1_000_000

/** Boot CPU, once, after the memory was formatted: room for interrupts 1 to `irqs`. -ENOMEM. */
export function setupIrqs(irqs: number, options: IrqOptions = {}): Errno {
  const { gsis = 64, rateThreshold = 10_000, rateWindowNs = 10 * MS, eoiTimeoutNs = MS } = options
  const descs = xzalloc((irqs + 1) * IrqDesc.sizeWords, IrqDesc.arrayTag)
  if (descs === 0) return -ENOMEM
  if (setupIoapic(gsis) !== 0) {
    xfree(descs)
    return -ENOMEM
  }
  st(IrqTable.base + IrqTable.descs, descs)
  st(IrqTable.base + IrqTable.count, irqs + 1)
  for (let irq = 0; irq <= irqs; irq++) {
    spinLockInit(descAt(irq) + IrqDesc.lock, irqDescLockClass)
    st(descAt(irq) + IrqDesc.irq, irq)
    store(descAt(irq) + IrqDesc.status, IrqStatus.DISABLED)
  }
  setupRateLimit(rateThreshold, rateWindowNs)
  setupEoiTimeout(eoiTimeoutNs)
  setupEois()
  setupOffline()
  setupPirqIrq()
  setupVectors()
  setupMsiController()
  setupLineControllers()
  setVector(IRQ_MOVE_CLEANUP_VECTOR, irqMoveCleanupHandler)
  for (let vector = FIRST_DEVICE_VECTOR; vector <= LAST_DEVICE_VECTOR; vector++) setVector(vector, doIrqHandler)
  return 0
}
