// SPDX-License-Identifier: MIT
/** A vCPU that blocks or is entered, against one that has an event for it; and the same with one line altered (twins). */
import type { Ref } from '@bottomhalf/base'
import { Vcpu, vcpuOf, VPF_BLOCKED } from '@bottomhalf/domain'
import { global, inIrq, irqDisable, irqEnable, load, store, testAndSetBit, word } from '@bottomhalf/machine'
import { beginLooking, cpuRaiseSoftirq, doSoftirq, endLooking, raiseSoftirq } from '@bottomhalf/softirq'
import { currentVcpu, vcpuBlock, vcpuKick, vcpuUnblock } from '../src/index.js'
import { bringUp, makeDomain, SCHEDULE, setupMachine, VCPU_KICK } from './setup.model.js'

export const Guest = global('testGuest', {
  // atomic: an event for the guest; whether it was seen; whether the guest was entered at last
  event: word, seen: word, entered: word,
})

/** Two pCPUs; one vCPU, of pCPU 0. */
export function setup(): number {
  setupMachine(2)
  irqEnable()
  return vcpuOf(makeDomain(1, [0]), 0)
}

export function startVcpu(v: Ref<'Vcpu'>): void {
  bringUp(v === 0 ? 0 : domainOf(v), 1)
}

function domainOf(v: Ref<'Vcpu'>): number {
  return load(v + Vcpu.domain)
}

export function serve(): void {
  doSoftirq()
}

export function hasEvent(): boolean {
  return load(Guest.base + Guest.event) !== 0
}

// ---- the vCPU's side

export function blockAndServe(): void {
  vcpuBlock(hasEvent)
  doSoftirq()
}

/** Twin: looks first, then marks itself blocked. */
export function lookThenBlock(): void {
  if (hasEvent()) return
  testAndSetBit(VPF_BLOCKED, currentVcpu() + Vcpu.pauseFlags)
  raiseSoftirq(SCHEDULE)
  doSoftirq()
}

/** Schedule, look for events, and enter the guest if nothing is pending. */
export function enter(): void {
  doSoftirq()
  store(Guest.base + Guest.seen, load(Guest.base + Guest.event))
  irqDisable()
  const mustServe = endLooking()
  store(Guest.base + Guest.entered, mustServe ? 0 : 1)
  irqEnable()
  if (mustServe) beginLooking()
}

// ---- the other side

export function eventThenKick(v: Ref<'Vcpu'>): void {
  store(Guest.base + Guest.event, 1)
  vcpuKick(v)
}

/** Twin: the event becomes visible when it was decided already that no kick is needed. */
export function kickThenEvent(v: Ref<'Vcpu'>): void {
  vcpuKick(v)
  store(Guest.base + Guest.event, 1)
}

export function kick(v: Ref<'Vcpu'>): void {
  vcpuKick(v)
}

/** Twin: unblocks first, and takes a vCPU that it has just woken for one that ran. */
export function unblockThenLook(v: Ref<'Vcpu'>): void {
  vcpuUnblock(v)
  const running = load(v + Vcpu.isRunning) !== 0
  if (running && (v !== currentVcpu() || inIrq())) cpuRaiseSoftirq(load(v + Vcpu.processor), VCPU_KICK)
}
