// SPDX-License-Identifier: MIT
/**
 * What a guest does with the messages of its devices by hypercall: it takes them by event channels instead, or masks them.
 *
 * Contexts  the guest's vCPU, inside a VM entry.
 * Locks     eventLock, in the hypercall.
 */
import { Domain, pirqRecordOf, Vcpu } from '@bottomhalf/domain'
import { evtchnBindPirqLocked } from '@bottomhalf/hvm'
import { pirqGuestMask } from '@bottomhalf/irq'
import { ld, st } from '@bottomhalf/machine'
import { hypervisorEnter, hypervisorLeave } from '@bottomhalf/sched'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { Driver } from './driver.js'
import type { Pirq, Ref } from '@bottomhalf/base'

/** Bind this vCPU's messages, of the drivers chained from `first`, to a port each. What is refused stays a message. */
export function bindChannels(v: Ref<'Vcpu'>, first: Ref<'Driver'>): void {
  for (let driver = first; driver !== 0; driver = ld(driver + Driver.next)) {
    const isMine = ld(driver + Driver.gsi) < 0 && ld(driver + Driver.vcpuId) === ld(v + Vcpu.vcpuId)
    if (isMine) st(driver + Driver.port, Math.max(bindChannel(v, driver), 0))
  }
}

/** Forget the ports of a domain that is no more. */
export function forgetChannels(first: Ref<'Driver'>): void {
  for (let driver = first; driver !== 0; driver = ld(driver + Driver.next)) st(driver + Driver.port, 0)
}

/** The driver of a port in the chain from `first` on; 0 if there is none. */
export function driverOfPort(first: Ref<'Driver'>, port: number): Ref<'Driver'> {
  let driver = first
  while (driver !== 0 && ld(driver + Driver.port) !== port) driver = ld(driver + Driver.next)
  return driver
}

/** Mask the messages of all drivers chained from `first`, whichever vCPU they go to. What has no mask goes on. */
export function maskMessages(v: Ref<'Vcpu'>, first: Ref<'Driver'>): void {
  for (let driver = first; driver !== 0; driver = ld(driver + Driver.next)) {
    if (ld(driver + Driver.gsi) < 0) maskMessage(v, driver)
  }
}

// A hypercall, as the write of a mask bit ends up in.
function maskMessage(v: Ref<'Vcpu'>, driver: Ref<'Driver'>): void {
  const d = ld(v + Vcpu.domain)
  hypervisorEnter()
  spinLock(d + Domain.eventLock)
  const record = pirqRecordOf(d, ld(driver + Driver.pirq) as Pirq)
  if (record !== 0) void pirqGuestMask(record, true)
  spinUnlock(d + Domain.eventLock)
  hypervisorLeave()
}

// A hypercall. Returns the port, or an errno.
function bindChannel(v: Ref<'Vcpu'>, driver: Ref<'Driver'>): number {
  const d = ld(v + Vcpu.domain)
  hypervisorEnter()
  spinLock(d + Domain.eventLock)
  const record = pirqRecordOf(d, ld(driver + Driver.pirq) as Pirq)
  const port = record === 0 ? 0 : evtchnBindPirqLocked(record, ld(driver + Driver.vcpuId), false)
  spinUnlock(d + Domain.eventLock)
  hypervisorLeave()
  return port
}
