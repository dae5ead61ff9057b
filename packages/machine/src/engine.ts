// SPDX-License-Identifier: MIT
/**
 * `@bottomhalf/machine/engine`: the port of the stepped machine, for simulators, checkers and test engines. It drives
 * the packages only where they were loaded under the condition `stepped` too.
 */
export {
  enterInterrupt, leaveInterrupt, memoryWords, perform, requestedVector, setEngine, setStepResult, startHandler,
  stepTime,
} from './stepped.js'
export type { SteppedContext, SteppedEngine } from './stepped.js'
export type { LocalsListener } from './locals.js'
export { awaitSatisfied, Op } from './ops.js'
export { handlerOf } from './handlers.js'
export { heapOwner } from './heap.js'
export { HeapHeader } from './layout.js'
