// SPDX-License-Identifier: MIT
/**
 * Control operations: asked for from outside through a mailbox, done by the boot CPU in the context of its idle vCPU.
 *
 *     requester                           boot CPU
 *     a slot FREE -> CLAIMED, write it
 *     CLAIMED -> POSTED, interrupt        CONTROL vector: schedule the tasklet
 *                                         tasklet: decode and do the next slot's operation
 *                                         -ERESTART: it stays POSTED; serve what is pending, then the next slot
 *     read the answer      <- DONE        else: POSTED -> DONE
 *     DONE -> FREE
 *     or give up: POSTED -> ABANDONED     ABANDONED -> FREE, and nothing is continued
 *
 * @xen xen/common/domctl.c, hypercall continuations
 * Contexts  controlPost and what follows it: any thread, as many requesters as there are slots at once. The operations:
 *           the idle vCPU, IF = 1, no lock held, so they may wait.
 * Locks     none; a slot's state word says whose it is.
 *
 * K1  An operation that answers -ERESTART holds nothing while the CPU serves its interrupts and softirqs, and is done
 *     again from its beginning, after one turn of every other that is asked for (DOM-6).
 * K2  A requester that gives up costs nobody a slot: the operation in its present turn ends, and is not continued (DOM-6).
 */
import { EINVAL, ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import { setVector } from '@bottomhalf/cpu'
import {
  callHandler, cmpxchg, embed, global, handler, ld, lineBreak, load, raiseVector, st, store, struct, word, words,
  type HandlerRef,
} from '@bottomhalf/machine'
import { Tasklet, taskletInit, taskletSchedule } from '@bottomhalf/tasklet'
import { CONTROL_WORDS } from './requests.js'

/** Asks the boot CPU to look at the mailbox. */
export const CONTROL_VECTOR = 0xf1

/** Requests that can be open at once. */
export const CONTROL_SLOTS = 8

/** `controlPost` found no slot. */
export const NO_SLOT = -1

const MAX_OPERATIONS = 32
const FREE = 0
const CLAIMED = 1
const POSTED = 2
const DONE = 3
const ABANDONED = 4

const ControlSlot = struct('ControlSlot', {
  // atomic: see above
  state: word,
  // whose the slot is: the requester's while CLAIMED or DONE, the boot CPU's while POSTED or ABANDONED. What an
  // operation answers stands in the place of its arguments
  operation: word, words: words(CONTROL_WORDS), result: word, line: lineBreak,
})

const Control = global('control', {
  slots: words(CONTROL_SLOTS * ControlSlot.sizeWords), line: lineBreak,
  // the tasklet's: the slot whose turn is next; turns after which an operation was to be continued
  next: word, continuations: word,
  // constant after boot
  operations: words(MAX_OPERATIONS),
  tasklet: embed(Tasklet),
})

/**
 * Let `action` do an operation: arg = address of CONTROL_WORDS words, its arguments, in whose place it writes what it
 * answers beside 0; it answers 0 or an errno. Boot.
 */
export function registerOperation(operation: number, action: HandlerRef): void {
  st(Control.base + Control.operations + operation, action.id)
}

/** Ask for an operation. Returns its slot, or NO_SLOT: all are in use, ask again later. */
export function controlPost(operation: number, args: readonly number[]): number {
  const slot = claim()
  if (slot === NO_SLOT) return NO_SLOT
  const at = slotAt(slot)
  st(at + ControlSlot.operation, operation)
  for (let i = 0; i < CONTROL_WORDS; i++) st(at + ControlSlot.words + i, args[i] ?? 0)
  store(at + ControlSlot.state, POSTED)
  raiseVector(0, CONTROL_VECTOR)
  return slot
}

/** Whether the operation of a slot is done; then `controlTake` may be called. */
export function controlIsDone(slot: number): boolean {
  return load(slotAt(slot) + ControlSlot.state) === DONE
}

/** Take the result, and the words that came with it into `answer`; the slot is free. Only when it is done. */
export function controlTake(slot: number, answer: number[] = []): Errno {
  const at = slotAt(slot)
  const result = ld(at + ControlSlot.result)
  for (let i = 0; i < CONTROL_WORDS; i++) answer[i] = ld(at + ControlSlot.words + i)
  store(at + ControlSlot.state, FREE)
  return result
}

/** Give up on an operation that was asked for (K2). */
export function controlAbandon(slot: number): void {
  const state = slotAt(slot) + ControlSlot.state
  if (cmpxchg(state, POSTED, ABANDONED) === DONE) store(state, FREE)
}

function claim(): number {
  for (let slot = 0; slot < CONTROL_SLOTS; slot++) {
    if (cmpxchg(slotAt(slot) + ControlSlot.state, FREE, CLAIMED) === FREE) return slot
  }
  return NO_SLOT
}

function controlVector(): void {
  taskletSchedule(Control.base + Control.tasklet)
}

function serveControl(): void {
  const slot = nextAsked()
  if (slot === NO_SLOT) return
  st(Control.base + Control.next, (slot + 1) % CONTROL_SLOTS)         // K1
  serveSlot(slotAt(slot))
  if (nextAsked() !== NO_SLOT) taskletSchedule(Control.base + Control.tasklet)
}

function nextAsked(): number {
  const first = ld(Control.base + Control.next)
  for (let i = 0; i < CONTROL_SLOTS; i++) {
    const slot = (first + i) % CONTROL_SLOTS
    const state = load(slotAt(slot) + ControlSlot.state)
    if (state === POSTED || state === ABANDONED) return slot
  }
  return NO_SLOT
}

function serveSlot(at: Ref<'ControlSlot'>): void {
  if (load(at + ControlSlot.state) === ABANDONED) return store(at + ControlSlot.state, FREE)     // K2
  const result = doOperation(ld(at + ControlSlot.operation), at + ControlSlot.words)
  if (result === -ERESTART) return countContinuation()                // K1
  st(at + ControlSlot.result, result)
  if (cmpxchg(at + ControlSlot.state, POSTED, DONE) === ABANDONED) store(at + ControlSlot.state, FREE)
}

/** Requests that are open. Exact at rest. */
export function controlSlotsInUse(): number {
  let open = 0
  for (let slot = 0; slot < CONTROL_SLOTS; slot++) if (load(slotAt(slot) + ControlSlot.state) !== FREE) open++
  return open
}

function countContinuation(): void {
  st(Control.base + Control.continuations, ld(Control.base + Control.continuations) + 1)
}

/** How often an operation was continued. Exact at rest. */
export function controlContinuations(): number {
  return ld(Control.base + Control.continuations)
}

/** One turn of an operation on its words. -EINVAL: nobody registered it. Otherwise what it answers. Context: see above. */
export function doOperation(operation: number, words: number): Errno {
  const action = operation > 0 && operation < MAX_OPERATIONS ? ld(Control.base + Control.operations + operation) : 0
  return action === 0 ? -EINVAL : callHandler(action, words)
}

function slotAt(slot: number): Ref<'ControlSlot'> {
  return Control.base + Control.slots + slot * ControlSlot.sizeWords
}

const controlVectorHandler = handler('controlVector', controlVector)
const serveControlHandler = handler('serveControl', serveControl)

/** Boot: after tasklets and vectors. */
export function setupControl(): void {
  taskletInit(Control.base + Control.tasklet, serveControlHandler, 0)
  setVector(CONTROL_VECTOR, controlVectorHandler)
}
