// SPDX-License-Identifier: MIT
/**
 * What is known of each CPU: its place in life, whether it is online, what it sent.
 *
 *     OFFLINE (parked) --cpuUp--> STARTING --its own STARTING notifiers--> ONLINE
 *     ONLINE --cpuDown, machine stopped--> DYING --reaches cpuPark--> OFFLINE
 *
 * @xen xen/common/cpu.c
 * Contexts  any.
 * Locks     none; `state` moves as drawn, each arrow has one writer.
 *
 * C2  `online` is written by its own CPU with IF = 0 (before it runs: by the boot CPU), so that the CPU itself may
 *     read it plainly; everybody else reads the mask.
 */
import { cpuArea, fetchAdd, global, ld, load, perCpu, thisCpu, word, embed, lineBreak } from '@bottomhalf/machine'
import { CpuMask, maskTest } from './mask.js'
import type { CpuMaskRef } from './mask.js'

export const CPU_OFFLINE = 0
export const CPU_STARTING_UP = 1
export const CPU_IS_ONLINE = 2
export const CPU_GOING_DOWN = 3

export const CpuState = perCpu('cpuState', {
  // atomic
  state: word,
  line: lineBreak,
  // owned by the CPU (C2):
  online: word, unmappedVectors: word,
  // atomic: interrupts nest, and threads that are no CPU share one area
  ipisSent: word,
})

// A module constant, so that the compiler folds it.
const ONLINE = CpuState.online

const Online = global('onlineMask', { mask: embed(CpuMask) })

/** The set of online CPUs. Read only: hotplug alone writes it. */
export function onlineMask(): CpuMaskRef {
  return Online.base + Online.mask
}

/** Whether a CPU is online. Without the hotplug lock the answer may be old already. */
export function cpuOnline(cpu: number): boolean {
  return maskTest(onlineMask(), cpu)
}

/** Whether the CPU that asks is online: one plain read (C2). */
export function thisCpuOnline(): boolean {
  return ld(thisCpu(CpuState) + ONLINE) !== 0
}

/** Where a CPU is in its life: CPU_OFFLINE and its like. */
export function cpuState(cpu: number): number {
  return load(cpuArea(cpu, CpuState) + CpuState.state)
}

/** Interrupts that a CPU has sent to others. */
export function ipisSent(cpu: number): number {
  return load(cpuArea(cpu, CpuState) + CpuState.ipisSent)
}

/** Count one interrupt sent by this CPU. */
export function countIpi(): void {
  fetchAdd(thisCpu(CpuState) + CpuState.ipisSent, 1)
}
