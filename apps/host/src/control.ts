// SPDX-License-Identifier: MIT
/**
 * Control operations, as the conductor asks for them: one at a time, and the devices interrupt meanwhile.
 */
import type { Errno } from '@bottomhalf/base'
import { errnoOf, type ControlRequest } from '@bottomhalf/hypervisor'
import type { AgentContext } from '@bottomhalf/threads'

const LOOK_MS = 0.2

/** Asks the machine for control operations. */
export class ControlCaller {
  readonly #context: AgentContext
  readonly #meanwhile: () => boolean

  /** `meanwhile` is called over and over while an operation is under way; it answers whether it had something to do. */
  constructor(context: AgentContext, meanwhile: () => boolean) {
    this.#context = context
    this.#meanwhile = meanwhile
  }

  /** Do an operation; answers its result. Throws when the machine stops under it. */
  do(request: ControlRequest<unknown>): Errno {
    return errnoOf(request, () => { this.rest(); return false })
  }

  /** Let a little time pass, the devices at work. Throws when the machine stops. */
  rest(ms = LOOK_MS): void {
    if (this.#meanwhile()) return
    if (this.#context.pause(ms)) throw new Error('the machine stops')
  }
}
