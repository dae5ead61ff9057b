// SPDX-License-Identifier: MIT
/** A pCPU that runs out of work against one that gets some; and the same with one line altered (twins). */
import type { DomId, Ref } from '@bottomhalf/base'
import { DOMAIN_HVM, domainCreate, Vcpu, vcpuOf, VPF_BLOCKED } from '@bottomhalf/domain'
import { cpuArea, currentCpu, irqEnable, load, st, testAndClearBit } from '@bottomhalf/machine'
import { doSoftirq, raiseSoftirq } from '@bottomhalf/softirq'
import { vcpuBlock, vcpuPin, vcpuUnblock, vcpuUp } from '../src/index.js'
import { lockVcpu, unlockVcpu } from '../src/lock.js'
import { policyIdlerFor, policySetIdle, policyWake } from '../src/policyCredit.js'
import { BOOST, Sched, SchedVcpu, VCPU_SCHED } from '../src/records.js'
import { affinityInit } from '../src/affinity.js'
import { raiseSchedule } from '../src/wake.js'
import { SCHEDULE, setupMachine } from './setup.model.js'

/** Two pCPUs and three vCPUs: `a` runs on pCPU 0, `b` has slept there and may run anywhere, `c` is to run on pCPU 1. */
export function setup(): number {
  setupMachine(2)
  irqEnable()
  const d = domainCreate({ domId: 1 as DomId, kind: DOMAIN_HVM, vcpus: 3, nrPirqs: 1 })
  for (let n = 0; n < 3; n++) void vcpuPin(vcpuOf(d, n), n >> 1)
  void vcpuUp(vcpuOf(d, 1))
  doSoftirq()
  sleep()
  void vcpuUp(vcpuOf(d, 0))
  doSoftirq()
  affinityInit(vcpuOf(d, 1))
  st(vcpuOf(d, 0) + VCPU_SCHED + SchedVcpu.priority, BOOST)
  void vcpuUp(vcpuOf(d, 2))
  return d
}

export function serve(): void {
  irqEnable()
  doSoftirq()
}

export function nth(d: number, n: number): Ref<'Vcpu'> {
  return vcpuOf(d, n)
}

/** The current vCPU blocks. */
export function sleep(): void {
  vcpuBlock(never)
  doSoftirq()
}

function never(): boolean {
  return false
}

export function wake(v: Ref<'Vcpu'>): void {
  vcpuUnblock(v)
}

/** Twin: looks for an idle pCPU first, then lets the vCPU wait. */
export function lookThenWake(v: Ref<'Vcpu'>): void {
  const flags = lockVcpu(v)
  const idler = policyIdlerFor(v)
  testAndClearBit(VPF_BLOCKED, v + Vcpu.pauseFlags)
  policyWake(cpuArea(load(v + Vcpu.processor), Sched), v, true)
  unlockVcpu(v, flags)
  raiseSchedule(idler)
}

/** Twin: tells the idle pCPU while it holds the lock that the other will try. */
export function tellThenUnlock(v: Ref<'Vcpu'>): void {
  const flags = lockVcpu(v)
  testAndClearBit(VPF_BLOCKED, v + Vcpu.pauseFlags)
  policyWake(cpuArea(load(v + Vcpu.processor), Sched), v, true)
  raiseSchedule(policyIdlerFor(v))
  unlockVcpu(v, flags)
}

/** Twin: looks for work first, and says that it is idle when it has found none. */
export function lookThenIdle(): void {
  policySetIdle(currentCpu(), false)
  if (load(cpuArea(0, Sched) + Sched.waiting) !== 0) raiseSoftirq(SCHEDULE)
  else policySetIdle(currentCpu(), true)
}
