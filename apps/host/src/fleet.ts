// SPDX-License-Identifier: MIT
/**
 * The guests of a run and their devices: made, bound, unbound, bound again.
 *
 * FL1  `bound` is off before an unbind is asked for and on after a bind is done: what a device raises while it is off is
 *      counted as `unservable`, because nobody may be there to serve it.
 * FL2  A driver that was loaded looks at its device once, without an arrival: what came between bind and load waits for no
 *      other.
 */
import { errnoName, type DomId, type Errno, type Pirq } from '@bottomhalf/base'
import {
  Device, deviceArrival, deviceCreate, deviceInterrupt, driverCreate, driverLoad, guestCreate, guestProgram,
} from '@bottomhalf/guest'
import { requests } from '@bottomhalf/hypervisor'
import { GFLAGS_UNMASKED } from '@bottomhalf/passthrough-io'
import { arrivalTimes, recordingKey, type DeviceScenario, type GuestScenario } from '@bottomhalf/scenario'
import { Lane } from './pacing.js'
import type { ControlCaller } from './control.js'
import type { RunOptions } from './report.js'

/** A device of the run with its driver. */
export interface Unit {
  readonly guest: GuestUnit, readonly scenario: DeviceScenario
  readonly pirq: Pirq, readonly device: number, readonly driver: number
  readonly lane: Lane
  bound: boolean
  /** What it raised while it was bound to nobody (FL1). */
  unservable: number
}

/** A guest of the run. */
export interface GuestUnit {
  readonly scenario: GuestScenario, readonly domId: DomId
  readonly guestData: number
  readonly units: Unit[]
}

/** Vector of a guest's first device; the schema's most are 64, well below the guest's own. */
const FIRST_GVEC = 0x30
const PIRQS = 128

/** Memory for a guest and its devices; nothing of it runs. The text says what was missing. */
export function makeGuest(
  options: RunOptions, scenario: GuestScenario, domId: number, firstDevice: number,
): GuestUnit | string {
  const parts: { scenario: DeviceScenario, device: number, driver: number }[] = []
  let drivers = 0
  for (const [i, device] of scenario.devices.entries()) {
    const made = deviceCreate()
    drivers = made === 0 ? 0 : driverCreate(made, FIRST_GVEC + i, i, scenario.work, drivers)
    if (drivers === 0) return `no memory for device ${device.name}`
    parts.push({ scenario: device, device: made, driver: drivers })
  }
  const guestData = guestCreate(drivers, scenario.tick === undefined ? 0 : 1e9 / scenario.tick, scenario.misbehave)
  if (guestData === 0) return 'no memory for it'
  const guest: GuestUnit = { scenario, domId: domId as DomId, guestData, units: [] }
  for (const [i, part] of parts.entries()) guest.units.push(makeUnit(options, guest, i, part, firstDevice + i))
  return guest
}

function makeUnit(
  options: RunOptions, guest: GuestUnit, pirq: number, part: Pick<Unit, 'scenario' | 'device' | 'driver'>, nth: number,
): Unit {
  const lane = new Lane(timesOf(part.scenario, options, nth), () => { arrive(unit) })
  const unit: Unit = { ...part, guest, pirq: pirq as Pirq, lane, bound: false, unservable: 0 }
  return unit
}

function timesOf({ arrivals }: DeviceScenario, options: RunOptions, nth: number): Generator<number, void> {
  const recording = 'trace' in arrivals ? options.recordings[recordingKey(arrivals.trace)] : undefined
  return arrivalTimes(arrivals, options.seed + nth, recording)
}

function arrive(unit: Unit): void {
  if (!unit.bound) unit.unservable++                                   // FL1
  deviceArrival(unit.device)
}

/** Create a guest's domain and bind its devices. The text says what was refused. */
export function startGuest(control: ControlCaller, guest: GuestUnit): string | undefined {
  const { scenario, domId, guestData } = guest
  const created = control.do(requests.createDomain({
    domId, nrPirqs: PIRQS, cpus: [scenario.cpu], pinned: true, guestProgram: guestProgram.id, guestData,
  }))
  if (created !== 0) return `creating it answers ${errnoName(created)}`
  for (const unit of guest.units) {
    const bound = bind(control, unit)
    if (bound !== 0) return `binding device ${unit.scenario.name} answers ${errnoName(bound)}`
  }
  return undefined
}

/** Bind a device's interrupt to its guest. */
function bind(control: ControlCaller, unit: Unit): Errno {
  const { guest: { domId }, pirq, device } = unit
  const result = control.do(requests.bindMsi({
    domId, pirq, msi: device + Device.msi, gvec: FIRST_GVEC + pirq, gflags: GFLAGS_UNMASKED,
  }))
  unit.bound = result === 0                                            // FL1
  return result
}

/** Unbind a device's interrupt. */
export function unbind(control: ControlCaller, unit: Unit): Errno {
  unit.bound = false                                                   // FL1
  return control.do(requests.unbindMsi(unit.guest.domId, unit.pirq))
}

/** Unload a device's driver and load it again. A driver that could not be loaded is loaded by the next call. */
export function reload(control: ControlCaller, unit: Unit): Errno {
  const unloaded = unit.bound ? unbind(control, unit) : 0
  const result = unloaded === 0 ? bind(control, unit) : unloaded
  if (result !== 0) return result
  driverLoad(unit.driver)
  deviceInterrupt(unit.device)                                         // FL2
  return 0
}
