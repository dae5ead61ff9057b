// SPDX-License-Identifier: MIT
/** What the tests of credits, affinity and periodic timers call on the stepped machine. */
import type { DomId, Ref } from '@bottomhalf/base'
import { bug } from '@bottomhalf/base'
import { cpuDown, CpuMask, cpuPark, cpuUp, maskSet, thisCpuOnline } from '@bottomhalf/cpu'
import { DOMAIN_HVM, domainCreate } from '@bottomhalf/domain'
import { cpuArea, fetchAdd, global, handler, irqEnable, word, xfree, xzalloc } from '@bottomhalf/machine'
import { beginLooking, doSoftirq, sleepUnlessPending } from '@bottomhalf/softirq'
import { spinLockIrq, spinUnlockIrq } from '@bottomhalf/spinlock'
import {
  currentVcpu, schedDomainSet, setPeriodicTick, vcpuBlock, vcpuSetAffinity, vcpuSetPeriodicTimer, vcpuUnblock,
} from '../src/index.js'
import { Sched } from '../src/records.js'
import { bringUp, setupMachine } from './setup.model.js'

export const Ticks = global('testTicks', { count: word })

const countTick = handler('testCountTick', () => { fetchAdd(Ticks.base + Ticks.count, 1) })

export function setup(cpus: number, nodes: readonly number[]): void {
  setupMachine(cpus, nodes)
  setPeriodicTick(countTick)
  irqEnable()
}

/** A domain whose vCPUs may run everywhere, down. */
export function makeDomain(domId: number, vcpus: number, weight: number, cap: number): number {
  const d = domainCreate({ domId: domId as DomId, kind: DOMAIN_HVM, vcpus, nrPirqs: 1 })
  void schedDomainSet(d, weight, cap)
  return d
}

export function start(d: number, count: number): void {
  bringUp(d, count)
}

/** Twice: what the first turn raised by an interrupt is served by the second. */
export function serve(): void {
  irqEnable()
  doSoftirq()
  doSoftirq()
}

export function current(): Ref<'Vcpu'> {
  return currentVcpu()
}

export function block(): void {
  vcpuBlock(never)
}

function never(): boolean {
  return false
}

export function unblock(v: Ref<'Vcpu'>): void {
  vcpuUnblock(v)
}

export function setDomain(d: number, weight: number, cap: number): number {
  return schedDomainSet(d, weight, cap)
}

export function setAffinity(v: Ref<'Vcpu'>, cpus: readonly number[]): number {
  const mask = xzalloc(CpuMask.sizeWords, CpuMask.tag)
  for (let i = 0; i < cpus.length; i++) maskSet(mask, cpus[i] as number)
  const result = vcpuSetAffinity(v, mask)
  xfree(mask)
  return result
}

export function setPeriodic(v: Ref<'Vcpu'>, periodNs: number): number {
  return vcpuSetPeriodicTimer(v, periodNs)
}

/** Hold the schedule lock of another pCPU, as this one. */
export function holdLock(cpu: number): void {
  spinLockIrq(cpuArea(cpu, Sched) + Sched.lock)
}

export function dropLock(cpu: number): void {
  spinUnlockIrq(cpuArea(cpu, Sched) + Sched.lock)
}

/** The loop of a pCPU whose guests wait for interrupts in the guest. */
export function pcpu(): void {
  irqEnable()
  beginLooking()
  for (;;) {
    if (!thisCpuOnline()) cpuPark()
    doSoftirq()
    sleepUnlessPending()
  }
}

export function takeDownAndUp(cpu: number, up: boolean): void {
  irqEnable()
  if ((up ? cpuUp(cpu) : cpuDown(cpu)) !== 0) bug('a pCPU does not go down or come up')
}
