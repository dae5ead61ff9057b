// SPDX-License-Identifier: MIT
/**
 * Control operations, as the conductor asks for them: one at a time, and the devices interrupt meanwhile.
 *
 * CC1  An operation that does not end is given up and remembered: the machine makes no progress (I8).
 */
import type { Errno } from '@bottomhalf/base'
import { errnoOf, operationName, type ControlRequest } from '@bottomhalf/hypervisor'
import { nowNs } from '@bottomhalf/machine'
import type { AgentContext } from '@bottomhalf/threads'

const LOOK_MS = 0.2
const GIVE_UP_MS = 30_000

/** Asks the machine for control operations. */
export class ControlCaller {
  readonly #context: AgentContext
  readonly #meanwhile: () => boolean
  /** pCPUs of the machine. */
  readonly cpus: number
  /** What the longest operation took since this was set to 0. */
  longestNs = 0
  /** Operations that were given up. */
  readonly stuck: string[] = []

  /** `meanwhile` is called over and over while an operation is under way; it answers whether it had something to do. */
  constructor(context: AgentContext, cpus: number, meanwhile: () => boolean) {
    this.#context = context
    this.#meanwhile = meanwhile
    this.cpus = cpus
  }

  /** Do an operation; answers its result, and what came back with it in `words`. Throws when the machine stops under it. */
  do(request: ControlRequest<unknown>, words: number[] = []): Errno {
    const giveUpMs = performance.now() + GIVE_UP_MS
    const giveUp = (): boolean => {
      this.rest()
      if (performance.now() < giveUpMs) return false
      this.stuck.push(operationName(request.operation))                // CC1
      return true
    }
    const startNs = nowNs()
    const result = errnoOf(request, giveUp, words)
    this.longestNs = Math.max(this.longestNs, nowNs() - startNs)
    return result
  }

  /** What an operation answers; undefined if it was refused. */
  ask<Result>(request: ControlRequest<Result>): Result | undefined {
    const words: number[] = []
    return this.do(request, words) === 0 ? request.read(words) : undefined
  }

  /** Let a little time pass, the devices at work. Throws when the machine stops. */
  rest(ms = LOOK_MS): void {
    if (this.#meanwhile()) return
    if (this.#context.pause(ms)) throw new Error('the machine stops')
  }
}
