// SPDX-License-Identifier: MIT
/** What the tests of time call on the stepped machine. */
import type { Ref } from '@bottomhalf/base'
import { irqEnable, ldTime, xmalloc } from '@bottomhalf/machine'
import { dispatchVector } from '@bottomhalf/cpu'
import { doSoftirq } from '@bottomhalf/softirq'
import {
  currentVcpu, hypervisorEnter, hypervisorLeave, RunstateInfo, vcpuBlock, vcpuDown, vcpuKick, vcpuRunstateGet,
} from '../src/index.js'
import { bringUp, makeDomain, setupMachine } from './setup.model.js'

export function setup(cpus: number, pins: readonly number[]): number {
  setupMachine(cpus)
  return makeDomain(1, pins)
}

export function start(d: number, count: number): void {
  bringUp(d, count)
}

export function serve(): void {
  irqEnable()
  doSoftirq()
}

export function block(): boolean {
  return vcpuBlock(never)
}

function never(): boolean {
  return false
}

export function kick(v: Ref<'Vcpu'>): void {
  vcpuKick(v)
}

export function takeDown(v: Ref<'Vcpu'>): number {
  return vcpuDown(v)
}

export function current(): Ref<'Vcpu'> {
  return currentVcpu()
}

export function enterHypervisor(): void {
  hypervisorEnter()
}

export function leaveHypervisor(): void {
  hypervisorLeave()
}

/** An interrupt whose handler does nothing. */
export function interrupt(vector: number): void {
  hypervisorEnter()
  dispatchVector(vector)
  hypervisorLeave()
}

export function runstate(v: Ref<'Vcpu'>): Ref<'RunstateInfo'> {
  const info = xmalloc(RunstateInfo.sizeWords, RunstateInfo.tag)
  vcpuRunstateGet(v, info)
  return info
}

export function timeAt(address: number): number {
  return ldTime(address)
}
