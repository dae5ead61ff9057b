// SPDX-License-Identifier: MIT
/**
 * The guests of a run and their devices: made once, in memory; started, bound, unbound, killed, started again.
 *
 * FL1  `bound` is off before an unbind is asked for and on after a bind is done: what a device raises while it is off is
 *      counted as `unservable`, because nobody may be there to serve it.
 * FL2  A driver that was loaded looks at its device once, without an arrival: what came between bind and load waits for no
 *      other.
 * FL3  A device whose driver is gone holds no line up: others share it.
 */
import type { DomId, Pirq } from '@bottomhalf/base'
import {
  deviceArrival, deviceCreate, deviceCreateOnLine, driverCreate, guestCreate, type DriverPlace,
} from '@bottomhalf/guest'
import { hvmPciIntxGsi } from '@bottomhalf/hvm'
import { arrivalTimes, recordingKey, type DeviceScenario, type GuestScenario } from '@bottomhalf/scenario'
import { nothingUnserved } from './accounts.js'
import { Lane } from './pacing.js'
import { interruptsOf, messageOf, sbdfOf } from './slots.js'
import type { RunOptions, Unserved } from './report.js'

/** One interrupt of a device, with what its driver keeps for it. */
export interface Queue {
  readonly gvec: number
  readonly device: number, readonly driver: number
  /** Where the guest's interrupt goes. */
  readonly vcpuId: number
  /** What it raised while it was bound to nobody (FL1). */
  unservable: number
  /** What a guest left that had stopped serving. */
  readonly excused: Record<keyof Unserved, number>
}

/** A device of the run. */
export interface Unit {
  readonly guest: GuestUnit, readonly scenario: DeviceScenario
  readonly sbdf: number
  /** Its first interrupt is this pIRQ of its guest. */
  readonly pirq: Pirq
  /** Its slot in the guest, for lines. */
  readonly slot: number
  readonly queues: readonly Queue[]
  readonly lane: Lane
  /** Whether the hypervisor knows it. */
  plugged: boolean
  bound: boolean
}

/** Time that the vCPUs of a guest spent, in ns, over all its lives. */
interface GuestTimes { runningNs: number, eatenNs: number, runnableNs: number, blockedNs: number }

/** A guest of the run. */
export interface GuestUnit {
  readonly scenario: GuestScenario
  /** Its domain, while it lives; each of its lives has another. */
  domId: DomId
  readonly guestData: number
  readonly units: Unit[]
  alive: boolean
  paused: boolean
  /** How often its domain was created. */
  lives: number
  /** How many of its devices use each line of the machine. */
  readonly lines: Map<number, number>
  readonly times: GuestTimes
}

/** Vectors of a guest's interrupts, below those that the guest uses itself; where they do not suffice they are shared. */
const FIRST_GVEC = 0x30
const GVECS = 0xb0
/** Pin of every device that has a line in its guest, and how many there can be. */
export const INTX_PIN = 0
const MOST_LINES = 32

/** Where a guest sees the vector tables of its devices, a page each; none of its memory is there. */
const FIRST_TABLE = 0xfe00_0000
const PAGE_BYTES = 4096
const ENTRY_BYTES = 16

/** Where the vector table of the device in a slot lies in its guest. */
export function tableOf({ slot }: Pick<Unit, 'slot'>): number {
  return FIRST_TABLE + slot * PAGE_BYTES
}

/** What all guests are numbered by. */
export interface Numbers { guests: number, devices: number }

/** Memory for a guest and its devices; nothing of it runs. The text says what was missing. */
export function makeGuest(options: RunOptions, scenario: GuestScenario, numbers: Numbers): GuestUnit | string {
  const nr = numbers.guests++
  const made: { device: DeviceScenario, queues: Queue[] }[] = []
  let drivers = 0
  let pirqs = 0
  for (const [slot, device] of scenario.devices.entries()) {
    if (slot >= MOST_LINES && isLine(device)) return `device ${device.name} has no line left in its guest`
    const queues: Queue[] = []
    for (let n = 0; n < interruptsOf(device); n++) {
      const queue = makeQueue(scenario, device, { nth: numbers.devices, n, slot, pirq: pirqs++ }, drivers)
      if (queue === undefined) return `no memory for device ${device.name}`
      queues.push(queue)
      drivers = queue.driver
    }
    numbers.devices++
    made.push({ device, queues })
  }
  const guestData = guestCreate(drivers, scenario.tick === undefined ? 0 : 1e9 / scenario.tick, {
    ...scenario.misbehave, seed: options.seed + nr,
  })
  if (guestData === 0) return 'no memory for it'
  const guest: GuestUnit = {
    scenario, domId: 0 as DomId, guestData, units: [], alive: false, paused: false, lives: 0, lines: new Map(),
    times: { runningNs: 0, eatenNs: 0, runnableNs: 0, blockedNs: 0 },
  }
  let pirq = 0
  for (const [slot, { device, queues }] of made.entries()) {
    const nth = numbers.devices - made.length + slot
    const place = { sbdf: sbdfOf(nr, slot), pirq: pirq as Pirq, slot, queues }
    guest.units.push(makeUnit(guest, device, place, options, nth))
    pirq += queues.length
  }
  return guest
}

function isLine({ interrupt }: DeviceScenario): boolean {
  return interrupt.kind === 'intx' || interrupt.kind === 'translate'
}

interface Place { readonly nth: number, readonly n: number, readonly slot: number, readonly pirq: number }

function makeQueue(guest: GuestScenario, { interrupt }: DeviceScenario, place: Place, next: number): Queue | undefined {
  const message = interrupt.kind === 'intx' ? 0 : messageOf(place.nth, place.n)
  if (interrupt.kind !== 'intx' && message === 0) return undefined
  const device = interrupt.kind === 'intx' ? deviceCreateOnLine(interrupt.line) : deviceCreate(message)
  if (device === 0) return undefined
  const isMessage = interrupt.kind !== 'intx' && interrupt.kind !== 'translate'
  const vcpuId = isMessage ? place.slot % guest.vcpus : 0
  const gvec = FIRST_GVEC + place.pirq % GVECS
  const line: Pick<DriverPlace, 'gsi'> = isMessage ? {} : { gsi: hvmPciIntxGsi(place.slot, INTX_PIN) }
  const entry = interrupt.kind === 'msix' ? tableOf(place) + place.n * ENTRY_BYTES : 0
  const driver = driverCreate({ device, gvec, pirq: place.pirq, vcpuId, workNs: guest.work, entry, ...line }, next)
  const excused = { ...nothingUnserved }
  return driver === 0 ? undefined : { gvec, device, driver, vcpuId, unservable: 0, excused }
}

function makeUnit(
  guest: GuestUnit, scenario: DeviceScenario, place: Pick<Unit, 'sbdf' | 'pirq' | 'slot' | 'queues'>, options: RunOptions,
  nth: number,
): Unit {
  let turn = 0
  const lane = new Lane(timesOf(scenario, options, nth), () => {
    const queue = unit.queues[turn++ % unit.queues.length]
    if (queue !== undefined && unit.plugged) arrive(unit, queue)
  })
  const unit: Unit = { ...place, guest, scenario, lane, plugged: false, bound: false }
  return unit
}

function timesOf({ arrivals }: DeviceScenario, options: RunOptions, nth: number): Generator<number, void> {
  const recording = 'trace' in arrivals ? options.recordings[recordingKey(arrivals.trace)] : undefined
  return arrivalTimes(arrivals, options.seed + nth, recording)
}

function arrive(unit: Unit, queue: Queue): void {
  if (!unit.bound || unit.guest.paused) queue.unservable++                                  // FL1
  deviceArrival(queue.device)
}
