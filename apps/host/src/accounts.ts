// SPDX-License-Identifier: MIT
/**
 * What became of every arrival: what a device raised against what its driver served.
 *
 *     raised = delivered + coalesced + unserved + lost
 *
 * AC1  Unserved is only what nobody could serve, and the device's side says so too: no more of it is `gone` than the device
 *      raised while it was bound to nobody. Of a guest that stopped serving, by its own word, the rest is unserved.
 * AC2  What is missing otherwise is lost.
 */
import { deviceRaised, Driver, driverCounts, guestState, histogramRead, percentile } from '@bottomhalf/guest'
import { ld } from '@bottomhalf/machine'
import type { Unit } from './fleet.js'
import type { DeviceReport, Latency, Unserved } from './report.js'

/** The account of a device so far. Exact when it is quiet and its guest rests. */
export function accountOf(unit: Unit): DeviceReport {
  const raised = deviceRaised(unit.device)
  const { delivered, coalesced, missed } = driverCounts(unit.driver)
  const outstanding = raised - delivered - coalesced - missed
  const gone = Math.min(missed + (unit.bound ? 0 : outstanding), unit.unservable)             // AC1
  const missing = raised - delivered - coalesced - gone
  const { crashed, owesEoi } = guestState(unit.guest.guestData)
  const unserved = { ...nothingUnserved, gone }
  if (crashed) unserved.crashed = missing
  else if (owesEoi) unserved.notEnded = missing
  const lost = crashed || owesEoi ? 0 : missing                                                // AC2
  const names = { guest: unit.guest.scenario.name, name: unit.scenario.name }
  return { ...names, raised, delivered, coalesced, unserved, lost, latencyNs: latencyOf([unit]) }
}

/** Arrivals of a device that its driver has still to pass, and will. */
export function outstanding(unit: Unit): number {
  const { crashed, owesEoi } = guestState(unit.guest.guestData)
  if (!unit.bound || crashed || owesEoi) return 0
  const { delivered, coalesced, missed } = driverCounts(unit.driver)
  return deviceRaised(unit.device) - delivered - coalesced - missed
}

export const nothingUnserved: Unserved = { gone: 0, crashed: 0, notEnded: 0 }

/** Latencies of the drivers of some devices together. */
export function latencyOf(units: readonly Unit[]): Latency {
  const counts: number[] = []
  for (const { driver } of units) histogramRead(ld(driver + Driver.latency), counts)
  const [p50 = 0, p99 = 0, p999 = 0, max = 0] = [0.5, 0.99, 0.999, 1].map((fraction) => percentile(counts, fraction))
  return { p50, p99, p999, max }
}

/** Runs of a device's interrupt handler, those that found nothing too. */
export function runsOf({ driver }: Unit): number {
  const { delivered, empty } = driverCounts(driver)
  return delivered + empty
}
