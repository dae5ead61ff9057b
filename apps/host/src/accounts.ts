// SPDX-License-Identifier: MIT
/**
 * What became of every arrival: what a device raised against what its driver served.
 *
 *     raised = delivered + coalesced + unserved + lost
 *
 * AC1  Unserved is only what nobody could serve, and the device's side says so too: no more of it is `gone` than the device
 *      raised while it was bound to nobody. Of a guest that stopped serving, by its own word, the rest is unserved.
 * AC2  What is missing otherwise is lost.
 * AC3  A guest that stopped serving and is then killed, or its driver reloaded, is excused for what it left, and no more.
 * AC4  Of a device that the rate limit shut the rest is unserved if the last interrupt of all was dropped: any that came
 *      through after it told of everything before.
 */
import { Device, deviceRaised, Driver, driverCounts, guestState, histogramRead, percentile } from '@bottomhalf/guest'
import { lastWasLimited, limitedArrivals } from '@bottomhalf/irq'
import { ld } from '@bottomhalf/machine'
import type { Queue, Unit } from './fleet.js'
import type { DeviceReport, Latency, Unserved } from './report.js'

export const nothingUnserved: Unserved = { gone: 0, crashed: 0, notEnded: 0, masked: 0, scribbled: 0, limited: 0 }

/** Why a guest stopped serving a device, by its own word; undefined while it serves. */
export function excuseOf({ guest, queues }: Unit): keyof Unserved | undefined {
  if (queues.length === 0) return undefined
  const { crashed, owesEoi, masked, scribbled } = guestState(guest.guestData)
  if (crashed) return 'crashed'
  if (masked) return 'masked'
  if (scribbled) return 'scribbled'
  return owesEoi ? 'notEnded' : undefined
}

/** Arrivals that the driver has not passed. */
function unpassed({ device, driver }: Queue): number {
  const { delivered, coalesced, missed } = driverCounts(driver)
  return deviceRaised(device) - delivered - coalesced - missed
}

/** Arrivals of a device that its driver has still to pass, and will. */
export function outstanding(unit: Unit): number {
  if (!unit.bound || unit.guest.paused || excuseOf(unit) !== undefined) return 0
  return unit.queues.reduce((sum, queue) => sum + Math.abs(unpassed(queue)), 0)
}

/** The guest of a device is killed now, or its driver goes: what it would not serve any more is excused (AC3). */
export function excuseRest(unit: Unit): void {
  const why = excuseOf(unit)
  if (why !== undefined) for (const queue of unit.queues) queue.excused[why] += unpassed(queue)
}

/** The guest of a device was paused: what it has not served yet nobody can serve, unless it goes on. */
export function countPaused(unit: Unit): void {
  for (const queue of unit.queues) queue.unservable += unpassed(queue)
}

/** The account of a device so far. Exact when it is quiet and its guest rests. */
export function accountOf(unit: Unit): DeviceReport {
  const sums = { raised: 0, delivered: 0, coalesced: 0, lost: 0, limitedInterrupts: 0, unserved: nothingUnserved }
  for (const queue of unit.queues) addQueue(sums, unit, queue)
  return { guest: unit.guest.scenario.name, name: unit.scenario.name, ...sums, latencyNs: latencyOf([unit]) }
}

/** Interrupts of a message that the rate limit dropped, since it was bound last. */
function limitedOf({ device }: Queue): number {
  const message = ld(device + Device.message)
  return message === 0 ? 0 : limitedArrivals(message)
}

/** Whether the rate limit dropped the last interrupt of a message. Nobody was told of what came after the one before. */
function endsLimited({ device }: Queue): boolean {
  const message = ld(device + Device.message)
  return message !== 0 && lastWasLimited(message)
}

/** Whether nothing more comes of what a device raised, as the rate limit has dropped the last of it. */
export function mayBeLimited({ queues }: Unit): boolean {
  return queues.some(endsLimited)
}

type Sums = Pick<DeviceReport, 'raised' | 'delivered' | 'coalesced' | 'lost' | 'limitedInterrupts' | 'unserved'>

function addQueue(sums: { -readonly [K in keyof Sums]: Sums[K] }, unit: Unit, queue: Queue): void {
  const raised = deviceRaised(queue.device)
  const { delivered, coalesced, missed } = driverCounts(queue.driver)
  const left = unit.bound ? 0 : unpassed(queue)
  const unserved = { ...nothingUnserved }
  let missing = raised - delivered - coalesced
  const excuse = (why: keyof Unserved, most: number): void => {
    unserved[why] += Math.max(0, Math.min(missing, most))
    missing -= Math.max(0, Math.min(missing, most))
  }
  for (const why of ['crashed', 'notEnded', 'masked', 'scribbled'] as const) excuse(why, queue.excused[why])       // AC3
  excuse('gone', Math.min(missed + left, queue.unservable))                                    // AC1
  const now = unit.bound ? excuseOf(unit) : undefined
  if (now !== undefined) excuse(now, missing)
  if (unit.bound && endsLimited(queue)) excuse('limited', missing)                             // AC4
  sums.limitedInterrupts += limitedOf(queue)
  sums.raised += raised
  sums.delivered += delivered
  sums.coalesced += coalesced
  sums.lost += missing                                                                         // AC2
  sums.unserved = addUnserved(sums.unserved, unserved)
}

export function addUnserved(a: Unserved, b: Unserved): Unserved {
  return {
    gone: a.gone + b.gone, crashed: a.crashed + b.crashed,
    notEnded: a.notEnded + b.notEnded, masked: a.masked + b.masked,
    scribbled: a.scribbled + b.scribbled, limited: a.limited + b.limited,
  }
}

/** Latencies of the drivers of some devices together. */
export function latencyOf(units: readonly Unit[]): Latency {
  const counts: number[] = []
  for (const { driver } of units.flatMap(({ queues }) => queues)) histogramRead(ld(driver + Driver.latency), counts)
  const [p50 = 0, p99 = 0, p999 = 0, max = 0] = [0.5, 0.99, 0.999, 1].map((fraction) => percentile(counts, fraction))
  return { p50, p99, p999, max }
}

/** Runs of a device's interrupt handlers, those that found nothing too. */
export function runsOf({ queues }: Unit): number {
  return queues.reduce((sum, { driver }) => sum + driverCounts(driver).delivered + driverCounts(driver).empty, 0)
}
