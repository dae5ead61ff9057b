// SPDX-License-Identifier: MIT
/**
 * The front door: do a control operation and have its result, or an error that says what was refused, of what, and why.
 *
 * Contexts  whoever asks from outside: a thread that is no CPU of the machine, or one that may wait.
 *
 * N1  An errno becomes an error here and nowhere else; below this line nothing throws.
 */
import { EAGAIN, errnoName, type Errno } from '@bottomhalf/base'
import type { Susp } from '@bottomhalf/machine'
import { controlAbandon, controlIsDone, controlPost, controlTake, NO_SLOT } from './control.js'
import { hintOf } from './hints.js'
import { Operation, type ControlRequest } from './requests.js'

/** A control operation was refused. Plain data beside the message. */
export class HypervisorError extends Error {
  override readonly name = 'HypervisorError'
  /** The field's name: EINVAL, EBUSY, ... */
  readonly code: string
  readonly operation: string
  readonly ids: Readonly<Record<string, number>>
  /** What the code means for this operation. */
  readonly hint: string

  constructor(operation: Operation, result: Errno, ids: Readonly<Record<string, number>>) {
    const code = errnoName(result).replace('-', '')
    const name = operationName(operation)
    const hint = hintOf(operation, result)
    super(`${name}(${idsText(ids)}): ${code}: ${hint}`)
    this.code = code
    this.operation = name
    this.ids = ids
    this.hint = hint
  }
}

/**
 * Ask for an operation and wait for its end. `pause` is called in between, again and again: it sleeps a little, and with true
 * it gives up; then the operation is not continued. Throws `HypervisorError`.
 */
export function perform<Result>(request: ControlRequest<Result>, pause: Susp<() => boolean>): Result {
  const words: number[] = []
  const result = errnoOf(request, pause, words)
  if (result !== 0) throw new HypervisorError(request.operation, result, request.ids)        // N1
  return request.read(words)
}

/** The same, and the errno is the answer; what else comes back, in `words`. -EAGAIN: `pause` gave up. */
export function errnoOf(request: ControlRequest<unknown>, pause: Susp<() => boolean>, words: number[] = []): Errno {
  let slot = controlPost(request.operation, request.args)
  while (slot === NO_SLOT) {
    if (pause()) return -EAGAIN
    slot = controlPost(request.operation, request.args)
  }
  while (!controlIsDone(slot)) {
    if (!pause()) continue
    controlAbandon(slot)
    return -EAGAIN
  }
  return controlTake(slot, words)
}

/** The name of an operation, as its request is called. */
export function operationName(operation: number): string {
  const name = Object.entries(Operation).find(([, nr]) => nr === operation)?.[0] ?? `operation ${operation}`
  return name.charAt(0).toLowerCase() + name.slice(1)
}

function idsText(ids: Readonly<Record<string, number>>): string {
  return Object.entries(ids).map(([name, id]) => `${name} ${name === 'sbdf' ? sbdfText(id) : id}`).join(', ')
}

/** segment:bus:device.function, as the tools of the field print it. */
function sbdfText(sbdf: number): string {
  const hex = (value: number, digits: number): string => value.toString(16).padStart(digits, '0')
  return `${hex(sbdf >>> 16, 4)}:${hex(sbdf >>> 8 & 0xff, 2)}:${hex(sbdf >>> 3 & 0x1f, 2)}.${sbdf & 7}`
}
