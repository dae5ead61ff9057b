// SPDX-License-Identifier: MIT
/**
 * The one memory of this thread, bound for life when the module is loaded.
 *
 * An engine hands a memory in by `provideMemory` before it loads anything else of the machine (a worker: from its
 * workerData); otherwise a thread makes its own. Bound at load, the view is a constant for the compiler: measured, a
 * plain access is twice as fast as through a variable.
 *
 * A second copy of this package in one thread would have a second memory, silently: it is refused.
 */
import { createSharedMemory, type SharedWasmMemory } from './wasm.js'

interface Slot { memory?: SharedWasmMemory, owner?: string }

const KEY = Symbol.for('bottomhalf.machine')
const DEFAULT_WORDS = 16 * 1024 * 1024

/** What all copies of this package in a thread share. */
export function slot(): Slot {
  const globals = globalThis as unknown as Record<symbol, Slot | undefined>
  return globals[KEY] ??= {}
}

/** Take this thread's memory. Called once, by the side of the machine that is loaded. */
export function claimMemory(side: 'native' | 'stepped'): SharedWasmMemory {
  const mine = slot()
  if (mine.owner !== undefined) {
    throw new Error(`@bottomhalf/machine is loaded twice in one thread (${mine.owner}, then ${side}): ` +
      'one thread has one memory; make sure that every package resolves to the same copy and the same build')
  }
  mine.owner = side
  return mine.memory ??= createSharedMemory(DEFAULT_WORDS)
}
