// SPDX-License-Identifier: MIT
/** The whole machine, from a device's message to its driver: what the tests of this folder run. */
import { bootMachine, errnoOf, pcpuMain, everythingFreed, requests, type ControlRequest } from '@bottomhalf/hypervisor'
import { callHandler, cpuRelax, irqEnable, ld, requestStop, Stop } from '@bottomhalf/machine'
import { Domain, getDomainById, pirqRecordGetOrCreate, putDomain } from '@bottomhalf/domain'
import { GFLAGS_UNMASKED } from '@bottomhalf/passthrough-io'
import { LOCK_TAS, PROFILE_WAITS, spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { TASKLET_LOCK_GLOBAL } from '@bottomhalf/tasklet'
import type { DomId, Pirq } from '@bottomhalf/base'
import {
  Device, deviceArrival, deviceCreate, deviceInterrupt, Driver, driverCreate, guestCreate, guestProgram,
  type Misbehaviour,
} from '../src/index.js'

export function boot(): void {
  bootMachine({
    lockKind: LOCK_TAS, lockProfile: PROFILE_WAITS, taskletLock: TASKLET_LOCK_GLOBAL, irqs: 16,
    guestPrograms: [guestProgram],
  })
}

export function runCpu(cpu: number): void {
  callHandler(pcpuMain.id, cpu)
}

/** A device with `arrivals` interrupts and its driver, in a domain of its own on `cpu`. */
export interface Pair {
  readonly device: number, readonly driver: number, readonly guest: number, readonly domId: number
}

/** What stands outside: makes guests, interrupts, waits until all is served, unbinds, stops the machine. */
export function conduct(cpus: number, arrivals: number, tickNs: number): Pair[] {
  const pairs: Pair[] = []
  for (let cpu = 0; cpu < cpus; cpu++) pairs.push(wire(cpu, tickNs))
  for (let i = 0; i < arrivals; i++) for (const { device } of pairs) deviceArrival(device)
  for (const { driver } of pairs) while (ld(driver + Driver.consumed) !== arrivals) cpuRelax()
  for (const { domId } of pairs) control(requests.unbindMsi(domId as DomId, 3 as Pirq))
  for (const { device } of pairs) deviceInterrupt(device)
  while (!everythingFreed()) cpuRelax()
  requestStop(Stop.Requested)
  return pairs
}

/** A guest on `cpu` that behaves as told, with a device whose message is bound. */
export function wire(cpu: number, tickNs: number, how: Misbehaviour = {}): Pair {
  const device = deviceCreate()
  const driver = driverCreate({ device, gvec: 0x30, pirq: 3, workNs: 0 }, 0)
  const guestData = guestCreate(driver, tickNs, how)
  const domId = cpu + 1
  control(requests.createDomain({
    domId: domId as DomId, nrPirqs: 8, cpus: [cpu], pinned: true, guestProgram: guestProgram.id, guestData,
  }))
  control(requests.bindMsi({
    domId: domId as DomId, pirq: 3 as Pirq, msi: device + Device.msi, gvec: 0x30, gflags: GFLAGS_UNMASKED,
  }))
  return { device, driver, guest: guestData, domId }
}

/** Do a control operation; its result. */
export function control(request: ControlRequest<unknown>): number {
  return errnoOf(request, () => {
    cpuRelax()
    return false
  })
}

/** Twins for the checks at rest: what a teardown that forgets leaves behind. */
export function leaveBinding(): void {
  irqEnable()
  const d = getDomainById(1 as DomId)
  spinLock(d + Domain.eventLock)
  pirqRecordGetOrCreate(d, 5 as Pirq)
  spinUnlock(d + Domain.eventLock)
  putDomain(d)
}

export function leaveReference(): void {
  getDomainById(1 as DomId)
}
