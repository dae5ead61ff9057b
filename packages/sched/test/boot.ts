// SPDX-License-Identifier: MIT
/** Native tests: a machine of `cpus` CPUs in one thread, booted as far as vCPUs need; this thread is CPU 0, IF = 1. */
import { vcpuOf } from '@bottomhalf/domain'
import { formatMemory, irqEnable, setCurrentCpu } from '@bottomhalf/machine'
import { doSoftirq, softirqPending } from '@bottomhalf/softirq'
import { onCpu } from '@bottomhalf/testkit'
import { currentVcpu } from '../src/index.js'
import { makeDomain, setupMachine } from './setup.model.js'

export function boot(cpus: number): void {
  formatMemory({ cpus, debug: true })
  setCurrentCpu(0)
  setupMachine(cpus)
  setCurrentCpu(0)
  for (let cpu = 0; cpu < cpus; cpu++) onCpu(cpu, irqEnable)
}

/** vCPUs of one domain, down, pinned to the CPUs named. */
export function vcpus(...pins: number[]): number[] {
  const d = makeDomain(1, pins)
  return pins.map((_, n) => vcpuOf(d, n))
}

export const serve = (cpu = 0): void => { onCpu(cpu, doSoftirq) }
export const current = (cpu = 0): number => onCpu(cpu, currentVcpu)
export const isPending = (nr: number, cpu = 0): boolean => (softirqPending(cpu) >>> nr & 1) !== 0
