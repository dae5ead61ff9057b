// SPDX-License-Identifier: MIT
/** Native tests: a machine of `cpus` CPUs in one thread, booted as far as guests need; this thread is CPU 0, IF = 1. */
import { vcpuOf } from '@bottomhalf/domain'
import { boundMemory, formatMemory, irqEnable, liveBlocks, setCurrentCpu } from '@bottomhalf/machine'
import { currentVcpu } from '@bottomhalf/sched'
import { doSoftirq, softirqPending } from '@bottomhalf/softirq'
import { onCpu } from '@bottomhalf/testkit'
import { bringUp, makeGuest, setupMachine } from './setup.model.js'
import type { GuestOptions } from './setup.model.js'

export function boot(cpus = 1): void {
  formatMemory({ cpus, debug: true })
  setCurrentCpu(0)
  setupMachine(cpus)
  setCurrentCpu(0)
  for (let cpu = 0; cpu < cpus; cpu++) onCpu(cpu, irqEnable)
}

/** A guest whose vCPUs are up; the first of each pCPU is current. */
export function guest(options: GuestOptions, domId = 1): { d: number, vcpus: number[] } {
  const d = makeGuest(domId, options)
  bringUp(d, options.pins.length)
  for (const cpu of new Set(options.pins)) serve(cpu)
  return { d, vcpus: options.pins.map((_, n) => vcpuOf(d, n)) }
}

export const serve = (cpu = 0): void => { onCpu(cpu, doSoftirq) }
export const current = (cpu = 0): number => onCpu(cpu, currentVcpu)
export const isPending = (nr: number, cpu = 0): boolean => (softirqPending(cpu) >>> nr & 1) !== 0
export const heap = (): number[] => liveBlocks().map((block) => block.address)
/** The words of the memory, for evidence. */
export const words = (): Int32Array => new Int32Array(boundMemory().buffer)
