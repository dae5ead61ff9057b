// SPDX-License-Identifier: MIT
/**
 * Vectors and who handles them: the machine's interrupt entry.
 *
 * @xen xen/arch/x86/smp.c, xen/arch/x86/irq.c (vector map)
 * Contexts  setVector: boot.  dispatchVector: interrupt, IF = 0.
 * Locks     none; the table is constant after boot.
 *
 * C3  A vector that nobody handles is counted and traced, and is not fatal (IRQ-2).
 */
import { bug } from '@bottomhalf/base'
import {
  callHandler, Cpu, global, handler, ld, load, setInterruptEntry, st, testAndClearBit, testAndSetBit, thisCpu,
  trace, words,
} from '@bottomhalf/machine'
import { CpuState } from './state.js'
import type { HandlerRef } from '@bottomhalf/machine'

/** Device vectors lie between these, both included; `irq` hands them out. */
export const FIRST_DEVICE_VECTOR = 0x21
export const LAST_DEVICE_VECTOR = 0xdf
/** Tells the CPU that an interrupt left to clean up after its move. */
export const IRQ_MOVE_CLEANUP_VECTOR = 0x20
/** Tells the CPU that an interrupt which it took may have been finished by its guests. */
export const IRQ_EOI_VECTOR = 0xf9
/** Tells the CPU to serve the call of `onSelectedCpus`. */
export const CALL_FUNCTION_VECTOR = 0xfb
/** Tells the CPU nothing: its arrival is what makes the CPU look at its pending softirqs. */
export const EVENT_CHECK_VECTOR = 0xfc

/** Trace event: a = vector. */
export const TRACE_UNMAPPED_VECTOR = 0x0c01

const Vectors = global('vectors', {
  // constant after boot:
  handlers: words(256),
})

/** Let `action` (arg = the vector) handle a vector on every CPU. A vector has one handler: a second is a BUG. */
export function setVector(vector: number, action: HandlerRef): void {
  const slot = Vectors.base + Vectors.handlers + vector
  if (ld(slot) !== 0) bug('a vector was given a second handler')
  st(slot, action.id)
}

/** Call the handler of a vector. The machine comes here for each interrupt that a CPU takes. */
export function dispatchVector(vector: number): void {
  const id = ld(Vectors.base + Vectors.handlers + vector)
  if (id === 0) countUnmapped(vector)
  else callHandler(id, vector)
}

/** Take the request of a vector off this CPU's map; whether there was one. IF = 0. */
export function takeRequest(vector: number): boolean {
  const row = vector >> 5
  const requested = thisCpu(MACHINE_WORDS) + Cpu.vectors + row
  if (testAndClearBit(vector & 31, requested) === 0) return false
  if (load(requested) === 0) clearSummary(row, requested)
  return true
}

// The row is empty: its summary bit goes, and comes back if somebody requested meanwhile.
function clearSummary(row: number, requested: number): void {
  const summary = thisCpu(MACHINE_WORDS) + Cpu.vectorSummary
  testAndClearBit(row, summary)
  if (load(requested) !== 0) testAndSetBit(row, summary)
}

const MACHINE_WORDS = { base: 0 } as const

function countUnmapped(vector: number): void {
  const counter = thisCpu(CpuState) + CpuState.unmappedVectors
  st(counter, ld(counter) + 1)                               // C3
  trace(TRACE_UNMAPPED_VECTOR, vector, 0)
}

function eventCheck(): void {
  // nothing: see EVENT_CHECK_VECTOR
}

const interruptEntry = handler('dispatchVector', dispatchVector)
const eventCheckHandler = handler('eventCheck', eventCheck)

/** Boot: route all interrupts here. Before any CPU turns interrupts on. */
export function setupVectors(): void {
  setInterruptEntry(interruptEntry)
  setVector(EVENT_CHECK_VECTOR, eventCheckHandler)
}
