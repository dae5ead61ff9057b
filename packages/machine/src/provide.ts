// SPDX-License-Identifier: MIT
/**
 * `@bottomhalf/machine/provide`: hand a memory to a thread before the machine is loaded in it.
 *
 *     provideMemory(workerData.memory)
 *     const { startCpu } = await import('...')
 */
import { slot } from './memory.js'
import { createSharedMemory, type SharedWasmMemory } from './wasm.js'

export type { SharedWasmMemory }
export { createSharedMemory }

/** Let the machine, when it is loaded in this thread, bind `memory`. Throws if it is loaded already. */
export function provideMemory(memory: SharedWasmMemory): void {
  const mine = slot()
  if (mine.owner !== undefined) throw new Error('provideMemory: @bottomhalf/machine is loaded already in this thread')
  mine.memory = memory
}
