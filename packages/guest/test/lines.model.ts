// SPDX-License-Identifier: MIT
/** Two guests that share a line of the machine, with a device each: what `lines.stepped.test.ts` runs. */
import { errnoOf, everythingFreed, requests, type ControlRequest } from '@bottomhalf/hypervisor'
import { cpuRelax, ld, requestStop, Stop } from '@bottomhalf/machine'
import { hvmPciIntxGsi } from '@bottomhalf/hvm'
import { LINE_LEVEL, lineIsInService, lineIsMasked } from '@bottomhalf/irq'
import { PT_IRQ_TYPE_PCI } from '@bottomhalf/passthrough-io'
import type { DomId, Pirq } from '@bottomhalf/base'
import {
  deviceArrival, deviceCreateOnLine, deviceEnableLine, Driver, driverCreate, guestCreate, guestProgram,
  type Misbehaviour,
} from '../src/index.js'

export const LINE = 20
const PIRQ = 3 as Pirq

export interface Sharer {
  readonly device: number, readonly driver: number, readonly guest: number, readonly domId: DomId
}

/** Two guests on two CPUs, the second as it is told; the devices of those in `awaited` are waited for. */
export function conductSharers(arrivals: number, how: Misbehaviour, awaited: readonly number[]): Sharer[] {
  const sharers = [share(0, {}), share(1, how)]
  for (let i = 0; i < arrivals; i++) for (const { device } of sharers) deviceArrival(device)
  for (const nr of awaited) while (ld(sharers[nr]!.driver + Driver.consumed) !== arrivals) cpuRelax()
  if (awaited.length === sharers.length) while (lineIsMasked(LINE) || lineIsInService(LINE)) cpuRelax()
  for (const { device, domId } of sharers) {
    control(requests.unbindIrq(domId, { type: PT_IRQ_TYPE_PCI, pirq: PIRQ, device: 0, intx: 0 }))
    deviceEnableLine(device, false)
  }
  for (const { domId } of sharers) control(requests.killDomain(domId))
  while (!everythingFreed()) cpuRelax()
  requestStop(Stop.Requested)
  return sharers
}

function share(cpu: number, how: Misbehaviour): Sharer {
  const device = deviceCreateOnLine(LINE)
  const driver = driverCreate({ device, gvec: 0x51, pirq: PIRQ, gsi: hvmPciIntxGsi(0, 0), workNs: 0 }, 0)
  const guest = guestCreate(driver, 0, how)
  const domId = cpu + 1 as DomId
  control(requests.createDomain({
    domId, nrPirqs: 8, cpus: [cpu], pinned: true, guestProgram: guestProgram.id, guestData: guest,
  }))
  control(requests.mapLine(domId, PIRQ, LINE, LINE_LEVEL))
  control(requests.bindIrq(domId, { type: PT_IRQ_TYPE_PCI, pirq: PIRQ, device: 0, intx: 0 }))
  return { device, driver, guest, domId }
}

function control(request: ControlRequest<unknown>): void {
  const result = errnoOf(request, pause)
  if (result !== 0) throw new Error(`operation ${request.operation} answers ${result}`)
}

function pause(): boolean {
  cpuRelax()
  return false
}
