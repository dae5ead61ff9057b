// SPDX-License-Identifier: MIT
/**
 * What the threads of the stress test run: pCPUs with more vCPUs than there are pCPUs, which pass tokens round, sleep when
 * they have none, and are moved about meanwhile.
 */
import type { Ref } from '@bottomhalf/base'
import { sendEventCheck } from '@bottomhalf/cpu'
import { domainById, isIdleVcpu, Vcpu, vcpuOf } from '@bottomhalf/domain'
import {
  cpuCount, fetchAdd, global, handler, irqEnable, ld, load, store, testAndClearBit, testAndSetBit, words, word,
} from '@bottomhalf/machine'
import { rcuReadLock, rcuReadUnlock } from '@bottomhalf/rcu'
import { beginLooking, doSoftirq, sleepUnlessPending } from '@bottomhalf/softirq'
import type { DomId } from '@bottomhalf/base'
import { currentVcpu, vcpuBlock, vcpuKick, vcpuPin } from '../src/index.js'

// the whole package and its boot, so that the threads know every handler
export * from '../src/index.js'
export { bringUp, setupMachine } from './setup.model.js'

export const VCPUS = 7

export const Ring = global('testRing', {
  // atomic, by vCPU: tokens it has; a bit while it runs; the pCPU it ran on last, + 1
  tokens: words(VCPUS), inside: words(VCPUS), last: words(VCPUS), rounds: words(VCPUS),
  // atomic: tokens passed; moves seen; vCPUs that ran twice at once
  passed: word, moves: word, twice: word,
})

const at = (field: number, n: number): number => Ring.base + field + n

/** Pass tokens round until `total` were passed. */
export function run(cpu: number, total: number): number {
  irqEnable()
  beginLooking()
  rcuReadLock()
  const d = domainById(1 as DomId)
  rcuReadUnlock()
  while (load(Ring.base + Ring.passed) < total) {
    doSoftirq()
    const v = currentVcpu()
    if (!isIdleVcpu(v)) enter(d, v, cpu, total)
    else if (load(Ring.base + Ring.passed) < total) sleepUnlessPending()
  }
  for (let other = 0; other < cpuCount(); other++) sendEventCheck(other)
  return load(Ring.base + Ring.passed)
}

function enter(d: Ref<'Domain'>, v: Ref<'Vcpu'>, cpu: number, total: number): void {
  const n = ld(v + Vcpu.vcpuId)
  if (testAndSetBit(0, at(Ring.inside, n)) !== 0) fetchAdd(Ring.base + Ring.twice, 1)
  if (load(at(Ring.last, n)) !== cpu + 1) fetchAdd(Ring.base + Ring.moves, 1)
  store(at(Ring.last, n), cpu + 1)
  if (load(at(Ring.tokens, n)) > 0) pass(d, n, total)
  else vcpuBlock(hasToken)
  testAndClearBit(0, at(Ring.inside, n))
}

function hasToken(v: Ref<'Vcpu'>): boolean {
  return load(at(Ring.tokens, ld(v + Vcpu.vcpuId))) > 0
}

function pass(d: Ref<'Domain'>, n: number, total: number): void {
  const next = (n + 1) % VCPUS
  fetchAdd(at(Ring.tokens, n), -1)
  fetchAdd(at(Ring.tokens, next), 1)
  fetchAdd(at(Ring.rounds, n), 1)
  vcpuKick(vcpuOf(d, next))
  const passed = fetchAdd(Ring.base + Ring.passed, 1)
  // others are moved under the hands of those who wake them
  if (passed % 8 === 0) void vcpuPin(vcpuOf(d, (n + 3) % VCPUS), passed / 8 % cpuCount())
  if (passed + 1 === total) for (let cpu = 0; cpu < cpuCount(); cpu++) sendEventCheck(cpu)
}

export const nothing = handler('testMigrateProgram', () => 0)
