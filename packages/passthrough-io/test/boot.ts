// SPDX-License-Identifier: MIT
/** Native tests: a machine in one thread; this thread is CPU 0, IF = 1 everywhere. */
import {
  boundMemory, cpuRelax, formatMemory, irqDisable, irqEnable, ld, liveBlocks, memoryHash, setCurrentCpu,
} from '@bottomhalf/machine'
import { doSoftirq, raiseSoftirq } from '@bottomhalf/softirq'
import { onCpu } from '@bottomhalf/testkit'
import { vi } from 'vitest'
import { setupMachine } from './setup.model.js'
import type { SoftirqNr } from '@bottomhalf/base'

/** `checks`: those of the locks, which leave traces of their own in memory. */
export function boot(cpus = 1, checks = true): void {
  formatMemory({ cpus, debug: true, trace: false })
  setCurrentCpu(0)
  setupMachine(cpus, checks)
  for (let cpu = 0; cpu < cpus; cpu++) onCpu(cpu, irqEnable)
}

/** From here on time passes only when the test says so: the machine's own time-outs come when they are asked for. */
export function holdTime(): void {
  vi.useFakeTimers({ toFake: ['hrtime'] })
}

/** Let time pass, and CPU 0 run what is due: its TIMER softirq comes as if the deadline had been noticed. */
export function passTime(ms: number): void {
  vi.advanceTimersByTime(ms)
  onCpu(0, () => { raiseSoftirq(0 as SoftirqNr) })
  softirqs(0)
}

/** Take what is requested on a CPU. */
export const take = (cpu: number): void => { onCpu(cpu, cpuRelax) }
export const holdBack = (cpu: number): void => { onCpu(cpu, irqDisable) }
export const letIn = (cpu: number): void => { onCpu(cpu, irqEnable) }
export const softirqs = (cpu: number): void => { onCpu(cpu, doSoftirq) }

/** Serve softirqs on each CPU in turn until a grace period and what hangs on it have passed everywhere. */
export function settle(cpus = 1): void {
  for (let turn = 0; turn < 4; turn++) for (let cpu = 0; cpu < cpus; cpu++) softirqs(cpu)
}

/** Addresses of all allocated blocks: equal before and after whatever leaves nothing behind. */
export const heap = (): number[] => liveBlocks().map((block) => block.address)
/** All allocated blocks with what stands in them: equal before and after whatever changed nothing. */
export const contents = (): number[][] => liveBlocks().map(({ address, words }) =>
  [address, ...Array.from({ length: words }, (_, n) => ld(address + n))])
export const hash = (): number => memoryHash(new Int32Array(boundMemory().buffer))
