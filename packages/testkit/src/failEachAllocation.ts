// SPDX-License-Identifier: MIT
/**
 * Every allocation of an operation fails once, in turn, and the operation is seen to refuse and to leave nothing behind.
 *
 *     failEachAllocation({ attempt: () => createThing(), refusal: -ENOMEM, state: () => machineState() })
 */
import { boundMemory, failAllocation } from '@bottomhalf/machine'
import { HeapHeader } from '@bottomhalf/machine/engine'
import { changesOf, type MachineState } from './state.js'

export interface AllocationFailures {
  /** Do the operation; what it answers. When none of its allocations fails any more it has to answer something else. */
  readonly attempt: () => number
  /** What a failed allocation makes it answer. */
  readonly refusal: number
  /** What must be as it was before, once the operation has refused. */
  readonly state: () => MachineState
}

/**
 * Returns the number of allocations that were made to fail. Throws if one was not answered by the refusal, or left a
 * change; the message names the allocation by its place in the order.
 */
export function failEachAllocation({ attempt, refusal, state }: AllocationFailures): number {
  for (let nth = 1; ; nth++) {
    const before = state()
    failAllocation(nth)
    const answer = attempt()
    const notReached = failureIsDue()
    failAllocation(0)
    if (notReached) return nth - 1
    if (answer !== refusal) throw new Error(`allocation ${nth} failed, and the operation answered ${answer}, not ${refusal}`)
    const changed = changesOf(before, state())
    if (changed.length > 0) throw new Error(`allocation ${nth} failed, and the operation changed ${changed.join(', ')}`)
  }
}

function failureIsDue(): boolean {
  return new Int32Array(boundMemory().buffer)[HeapHeader.failAfter] !== 0
}
