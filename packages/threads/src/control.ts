// SPDX-License-Identifier: MIT
/**
 * What the starter of a machine and its workers share beside the machine's memory: a few control words, and messages.
 *
 * T1  No CPU runs on a memory that is not laid out: all wait at the gate until CPU 0 has formatted and booted.
 * T2  A gate that was abandoned never opens.
 */
import type { SharedWasmMemory } from '@bottomhalf/machine'

/** Control words: index into the control array; a CPU's state follows behind `firstCpu`. */
export const Control = { gate: 0, agentsStop: 1, firstCpu: 2 } as const

const Gate = { Closed: 0, Open: 1, Abandoned: 2 } as const

/** How far a CPU's thread has come. A thread that ends in a state before `Returned` was lost. */
export const CpuState = { Starting: 0, Loaded: 1, Online: 2, Returned: 3, Unwound: 4, Failed: 5 } as const

const stateNames = ['starting', 'loaded', 'online', 'returned', 'unwound', 'failed']

/** Control words for a machine of `cpus` CPUs. */
export function newControl(cpus: number): Int32Array {
  return new Int32Array(new SharedArrayBuffer((Control.firstCpu + cpus) * 4))
}

/** The state of each CPU, in words. */
export function cpuStates(control: Int32Array): string[] {
  return Array.from(control.subarray(Control.firstCpu), (state) => stateNames[state] ?? '?')
}

export function setCpuState(control: Int32Array, cpu: number, state: number): void {
  Atomics.store(control, Control.firstCpu + cpu, state)
}

/** Open the gate for all CPUs. False if it was abandoned meanwhile (T2). */
export function openGate(control: Int32Array): boolean {
  return moveGate(control, Gate.Open)
}

/** Let nobody through who has not passed yet. */
export function abandonGate(control: Int32Array): void {
  moveGate(control, Gate.Abandoned)
}

function moveGate(control: Int32Array, to: number): boolean {
  const before = Atomics.compareExchange(control, Control.gate, Gate.Closed, to)
  Atomics.notify(control, Control.gate)
  return before === Gate.Closed
}

/** Wait at the gate. False if it was abandoned. */
export function passGate(control: Int32Array): boolean {
  Atomics.wait(control, Control.gate, Gate.Closed)
  return Atomics.load(control, Control.gate) === Gate.Open
}

/** What a thread is told when it starts. */
export interface WorkerStart {
  readonly memory: SharedWasmMemory
  readonly control: Int32Array
  readonly entry: string
  readonly data: unknown
}

export interface CpuStart extends WorkerStart {
  readonly cpu: number
  readonly cpuMain: string
  /** CPU 0 lays out the memory with these; undefined if the caller has done it. */
  readonly format: { readonly cpus: number, readonly debug: boolean, readonly trace: boolean } | undefined
}

export interface AgentStart extends WorkerStart {
  readonly module: string
  readonly exportName: string
}

/** An error as data. */
export interface Thrown {
  readonly name: string
  readonly message: string
  readonly stack: string
  readonly label: string
}

/** Names behind numbers in the memory: what evidence needs and only threads with the machine's code know. */
export interface Names {
  readonly structs: Readonly<Record<number, string>>
  readonly handlers: readonly string[]
}

export type WorkerMessage =
  { readonly kind: 'booted', readonly names: Names } |
  { readonly kind: 'online' } |
  { readonly kind: 'ended', readonly value: unknown } |
  { readonly kind: 'failed', readonly thrown: Thrown }

/** Anything thrown, as data. */
export function asThrown(error: unknown): Thrown {
  if (!(error instanceof Error)) return { name: 'Error', message: String(error), stack: '', label: '' }
  const label = 'label' in error && typeof error.label === 'string' ? error.label : ''
  return { name: error.name, message: error.message, stack: error.stack ?? '', label }
}
