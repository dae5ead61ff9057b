// SPDX-License-Identifier: MIT
/** Native tests: a machine of `cpus` CPUs in one thread, booted as far as domains need; this thread is CPU 0, IF = 1. */
import { formatMemory, irqEnable, liveBlocks, setCurrentCpu } from '@bottomhalf/machine'
import { doSoftirq } from '@bottomhalf/softirq'
import { onCpu } from '@bottomhalf/testkit'
import { setupMachine } from './setup.model.js'

export function boot(cpus = 1): void {
  formatMemory({ cpus, debug: true })
  setCurrentCpu(0)
  setupMachine(cpus)
  setCurrentCpu(0)
  for (let cpu = 0; cpu < cpus; cpu++) onCpu(cpu, irqEnable)
}

/** Serve softirqs on each CPU in turn until a grace period and what hangs on it have passed everywhere. */
export function settle(cpus = 1): void {
  for (let turn = 0; turn < 4; turn++) for (let cpu = 0; cpu < cpus; cpu++) onCpu(cpu, doSoftirq)
}

/** Addresses of all allocated blocks: equal before and after whatever leaves nothing behind. */
export function heap(): number[] {
  return liveBlocks().map((block) => block.address)
}
