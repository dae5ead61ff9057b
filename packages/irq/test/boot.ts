// SPDX-License-Identifier: MIT
/** Native tests: a machine in one thread, booted as far as interrupts need; this thread is CPU 0, IF = 1. */
import { cpuRelax, formatMemory, irqDisable, irqEnable, liveBlocks, setCurrentCpu } from '@bottomhalf/machine'
import { doSoftirq } from '@bottomhalf/softirq'
import { maskClear, maskSet, onlineMask } from '@bottomhalf/cpu'
import { onCpu, onNoCpu } from '@bottomhalf/testkit'
import { moveAllAway } from '../src/offline.js'
import { setupMachine } from './setup.model.js'
import type { IrqOptions } from '../src/index.js'

export function boot(cpus = 1, options: IrqOptions = {}): void {
  formatMemory({ cpus, debug: true })
  setCurrentCpu(0)
  setupMachine(cpus, options)
  for (let cpu = 0; cpu < cpus; cpu++) onCpu(cpu, irqEnable)
}

/** Take what is requested on a CPU. */
export function take(cpu: number): void {
  onCpu(cpu, cpuRelax)
}

/** Hold interrupts back on a CPU, and let them in again. */
export const holdBack = (cpu: number): void => { onCpu(cpu, irqDisable) }
export const letIn = (cpu: number): void => { onCpu(cpu, irqEnable) }

/** What a device does, which is no CPU. */
export const device = <A extends unknown[]>(does: (...args: A) => void, ...args: A): void => {
  onNoCpu(() => { does(...args) })
}

/** What DYING does on a CPU: it is in no mask, IF = 0; then it is parked, IF = 1. */
export function goOffline(cpu: number): void {
  holdBack(cpu)
  maskClear(onlineMask(), cpu)
  onCpu(cpu, moveAllAway)
  letIn(cpu)
}

/** And comes back. */
export function comeOnline(cpu: number): void {
  maskSet(onlineMask(), cpu)
}

/** Serve softirqs on each CPU in turn until a grace period and what hangs on it have passed everywhere. */
export function settle(cpus = 1): void {
  for (let turn = 0; turn < 4; turn++) for (let cpu = 0; cpu < cpus; cpu++) onCpu(cpu, doSoftirq)
}

/** Addresses of all allocated blocks: equal before and after whatever leaves nothing behind. */
export function heap(): number[] {
  return liveBlocks().map((block) => block.address)
}
