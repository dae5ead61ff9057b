// SPDX-License-Identifier: MIT
/**
 * A broken invariant: the machine stops, the engine saves the evidence. Never used for bad input.
 *
 * This is the only `throw` that mechanism code may reach; engines catch it at the foot of a CPU's stack.
 */

/** A broken invariant. `label` is the invariant or SPEC rule that broke (`I5`, `IRQ-6`, ...), if the caller knows it. */
export class BugError extends Error {
  readonly label: string

  constructor(message: string, label = '') {
    super(label === '' ? `BUG: ${message}` : `BUG: ${label}: ${message}`)
    this.name = 'BugError'
    this.label = label
  }
}

/** Stop the machine. Context: any; locks may be held, nothing is unwound. */
export function bug(message: string, label = ''): never {
  throw new BugError(message, label)
}

/** Stop the machine unless `condition` holds. `message` is a constant: it is not built on the fast path. */
export function assert(condition: boolean, message: string, label = ''): asserts condition {
  if (!condition) bug(message, label)
}
