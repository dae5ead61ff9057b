// SPDX-License-Identifier: MIT
/** Native tests: a machine in one thread; this thread is CPU 0, IF = 1 everywhere. */
import {
  failAllocation, formatMemory, irqEnable, liveBlocks, load, setCurrentCpu, structNameOfTag,
} from '@bottomhalf/machine'
import { Vcpu, vcpuOf } from '@bottomhalf/domain'
import { HvmVcpu } from '@bottomhalf/hvm'
import { doSoftirq } from '@bottomhalf/softirq'
import { onCpu } from '@bottomhalf/testkit'
import { expect } from 'vitest'
import { setupMachine } from './setup.model.js'

export function boot(cpus = 1): void {
  formatMemory({ cpus, debug: true })
  setCurrentCpu(0)
  setupMachine(cpus)
  for (let cpu = 0; cpu < cpus; cpu++) onCpu(cpu, irqEnable)
}

/** Serve softirqs until a grace period and what hangs on it have passed. */
export function settle(): void {
  for (let turn = 0; turn < 4; turn++) doSoftirq()
}

/** Addresses of all allocated blocks: equal before and after whatever leaves nothing behind. */
export const heap = (): number[] => liveBlocks().map((block) => block.address)

/** Words of all blocks of this package, and of its indices. Locks of others remember who had them last. */
const content = (): number[][] => liveBlocks()
  .filter(({ tag }) => /^(Pci|Msix|Sparse)/.test(structNameOfTag(tag)))
  .map(({ address, words }) => Array.from({ length: words }, (_, i) => load(address + i)))

/** Whether a vector is requested at the local APIC of the domain's first vCPU. */
export function isRequested(d: number, gvec: number): boolean {
  return (load(vcpuOf(d, 0) + Vcpu.hvm + HvmVcpu.irr + (gvec >> 5)) >>> (gvec & 31) & 1) !== 0
}

/**
 * Let each allocation of `action` fail once, in turn: it answers `errno` and leaves the blocks as they were. Then it succeeds.
 * Returns the number of allocations.
 */
export function eachAllocationFails(action: () => number, errno: number): number {
  const before = content()
  const blocks = heap()
  for (let n = 1; ; n++) {
    failAllocation(n)
    const result = action()
    failAllocation(0)
    if (result === 0) return n - 1
    expect(result).toBe(errno)
    expect(heap()).toEqual(blocks)
    expect(content()).toEqual(before)
  }
}
