// SPDX-License-Identifier: MIT
/**
 * Control operations: asked for from outside through a mailbox, done by the boot CPU in the context of its idle vCPU.
 *
 *     requester                           boot CPU
 *     write operation and arguments       CONTROL vector: schedule the tasklet
 *     state FREE -> POSTED, interrupt     tasklet: decode and do it
 *                                         -ERESTART: schedule the tasklet again, serve what is pending in between
 *     read the result  <- DONE            else: state DONE
 *     state -> FREE
 *
 * @xen xen/common/domctl.c, hypercall continuations
 * Contexts  controlPost, controlResult: any thread, one requester at a time.  The operations: the idle vCPU, IF = 1, no
 *           lock held, so they may wait.
 * Locks     none; the state word says whose the request is.
 *
 * K1  An operation that answers -ERESTART holds nothing while the CPU serves its interrupts and softirqs, and is done
 *     again from its beginning (DOM-6).
 */
import { EINVAL, ERESTART, type Errno } from '@bottomhalf/base'
import { setVector } from '@bottomhalf/cpu'
import {
  callHandler, embed, global, handler, ld, lineBreak, load, raiseVector, st, store, word, words, type HandlerRef,
} from '@bottomhalf/machine'
import { Tasklet, taskletInit, taskletSchedule } from '@bottomhalf/tasklet'

/** Asks the boot CPU to look at the mailbox. */
export const CONTROL_VECTOR = 0xf1

const MAX_OPERATIONS = 32
const ARGUMENTS = 8
const FREE = 0
const POSTED = 1
const DONE = 2

const Control = global('control', {
  // atomic: FREE -> POSTED -> FREE by the requester, POSTED -> DONE by the boot CPU
  state: word,
  // whose the request is: the requester's while FREE or DONE, the boot CPU's while POSTED
  operation: word, args: words(ARGUMENTS), result: word, line: lineBreak,
  // constant after boot
  operations: words(MAX_OPERATIONS),
  tasklet: embed(Tasklet),
})

/** Let `action` (arg = address of the arguments, answers 0 or an errno) do an operation. Boot. */
export function registerOperation(operation: number, action: HandlerRef): void {
  st(Control.base + Control.operations + operation, action.id)
}

/** Ask for an operation. False: the mailbox is in use. */
export function controlPost(operation: number, args: readonly number[]): boolean {
  if (load(Control.base + Control.state) !== FREE) return false
  st(Control.base + Control.operation, operation)
  for (let i = 0; i < ARGUMENTS; i++) st(Control.base + Control.args + i, args[i] ?? 0)
  store(Control.base + Control.state, POSTED)
  raiseVector(0, CONTROL_VECTOR)
  return true
}

/** Whether the operation asked for is done; then `controlResult` may be called. */
export function controlIsDone(): boolean {
  return load(Control.base + Control.state) === DONE
}

/** Take the result and free the mailbox. Only when it is done. */
export function controlResult(): Errno {
  const result = ld(Control.base + Control.result)
  store(Control.base + Control.state, FREE)
  return result
}

function controlVector(): void {
  taskletSchedule(Control.base + Control.tasklet)
}

function serveControl(): void {
  if (load(Control.base + Control.state) !== POSTED) return
  const operation = ld(Control.base + Control.operation)
  const action = operation > 0 && operation < MAX_OPERATIONS ? ld(Control.base + Control.operations + operation) : 0
  const result = action === 0 ? -EINVAL : callHandler(action, Control.base + Control.args)
  if (result === -ERESTART) return taskletSchedule(Control.base + Control.tasklet)     // K1
  st(Control.base + Control.result, result)
  store(Control.base + Control.state, DONE)
}

const controlVectorHandler = handler('controlVector', controlVector)
const serveControlHandler = handler('serveControl', serveControl)

/** Boot: after tasklets and vectors. */
export function setupControl(): void {
  taskletInit(Control.base + Control.tasklet, serveControlHandler, 0)
  setVector(CONTROL_VECTOR, controlVectorHandler)
}
