// SPDX-License-Identifier: MIT
/**
 * A guest's driver for a device with completions: its interrupt handler, and what it counts.
 *
 * Contexts  driverInterrupt: the guest's vCPU, inside a VM entry.  driverLoad: whoever has bound its interrupt.
 *
 * DRV1  A run serves the arrivals that its one read of the producer index covers, so every arrival is served by a run
 *       whose look at the device comes after it.
 * DRV2  A driver that was loaded anew begins with what comes from then on: what its device raised before, and no run has
 *       served, it missed. Every arrival that it has passed is delivered, coalesced or missed, each once.
 * DRV3  It makes its device quiet before it looks at it: a line that is up after that has something new to say.
 */
import { cpuRelax, ld, load, nowNs, ref, st, store, struct, word, xzalloc } from '@bottomhalf/machine'
import { Device, deviceQuiet, deviceRaised, RING_WORDS } from './device.js'
import { Histogram, histogramRecord } from './histogram.js'
import type { Ref } from '@bottomhalf/base'

export const Driver = struct('Driver', {
  // written at creation, constant after:
  device: ref('Device'), gvec: word, pirq: word, workNs: word, next: ref('Driver'), latency: ref('Histogram'),
  /** The guest's line that it gets, -1 if it gets a message; the vCPU that its interrupt goes to. */
  gsi: word, vcpuId: word,
  /** Where the vector table's entry of its message lies, a byte address of the guest; 0 if it has none. */
  entry: word,
  // the vCPU's own: the port that it takes its interrupt by, 0 for none
  port: word,
  // the vCPU's own:
  consumed: word, delivered: word, coalesced: word, missed: word, empty: word, loadsSeen: word,
  // atomic; written by whoever loads the driver, the mark before the count:
  loadMark: word, loads: word,
})

/**
 * What a driver has counted. `empty`: runs that found nothing, their arrivals had been taken by the run before. `missed`:
 * arrivals from before it was loaded.
 */
export interface DriverCounts {
  readonly delivered: number, readonly coalesced: number, readonly missed: number, readonly empty: number
}

/** What a driver is made with. */
export interface DriverPlace {
  readonly device: Ref<'Device'>, readonly gvec: number, readonly pirq: number
  /** The guest's line; a message if left out. */
  readonly gsi?: number
  /** The vCPU that its interrupt goes to; the first if left out. */
  readonly vcpuId?: number
  /** Where the vector table's entry of its message lies in the guest, below 4 GiB; nowhere if left out. */
  readonly entry?: number
  readonly workNs: number
}

/** Make a driver; `next` chains the drivers of a guest. 0 if there is no memory. */
export function driverCreate(place: DriverPlace, next: Ref<'Driver'>): Ref<'Driver'> {
  const driver = xzalloc(Driver.sizeWords, Driver.tag)
  const latency = xzalloc(Histogram.sizeWords, Histogram.tag)
  if (driver === 0 || latency === 0) return 0
  st(driver + Driver.device, place.device)
  st(driver + Driver.gvec, place.gvec)
  st(driver + Driver.pirq, place.pirq)
  st(driver + Driver.gsi, place.gsi ?? -1)
  st(driver + Driver.vcpuId, place.vcpuId ?? 0)
  st(driver + Driver.entry, (place.entry ?? 0) | 0)
  st(driver + Driver.workNs, place.workNs)
  st(driver + Driver.next, next)
  st(driver + Driver.latency, latency)
  return driver
}

/** Load the driver anew: its next run begins with what the device raises from now on (DRV2). Its interrupt is bound. */
export function driverLoad(driver: Ref<'Driver'>): void {
  store(driver + Driver.loadMark, deviceRaised(ld(driver + Driver.device)))
  store(driver + Driver.loads, load(driver + Driver.loads) + 1)
}

/** The first driver for a vector of a vCPU in the chain from `first` on; 0 if there is none. */
export function driverOf(first: Ref<'Driver'>, gvec: number, vcpuId: number): Ref<'Driver'> {
  let driver = first
  while (driver !== 0 && !isFor(driver, gvec, vcpuId)) driver = ld(driver + Driver.next)
  return driver
}

function isFor(driver: Ref<'Driver'>, gvec: number, vcpuId: number): boolean {
  return ld(driver + Driver.gvec) === gvec && ld(driver + Driver.vcpuId) === vcpuId
}

/** The interrupt handler: take all completions, then work. */
export function driverInterrupt(driver: Ref<'Driver'>): void {
  const device = ld(driver + Driver.device)
  if (load(driver + Driver.loads) !== ld(driver + Driver.loadsSeen)) begin(driver)
  deviceQuiet(device)                                                  // DRV3
  const produced = load(device + Device.producer)                      // DRV1
  const consumed = ld(driver + Driver.consumed)
  const fresh = (produced - consumed) | 0
  if (fresh === 0) return count(driver + Driver.empty, 1)
  recordLatency(driver, device, fresh > RING_WORDS ? produced - RING_WORDS : consumed)
  st(driver + Driver.consumed, produced)
  count(driver + Driver.delivered, 1)
  count(driver + Driver.coalesced, fresh - 1)
  work(ld(driver + Driver.workNs))
}

/** What the driver has counted so far. Exact when its guest rests. */
export function driverCounts(driver: Ref<'Driver'>): DriverCounts {
  return {
    delivered: ld(driver + Driver.delivered),
    coalesced: ld(driver + Driver.coalesced),
    missed: ld(driver + Driver.missed),
    empty: ld(driver + Driver.empty),
  }
}

// A run between bind and load may have served some of what came before the mark: that is not missed.
function begin(driver: Ref<'Driver'>): void {
  st(driver + Driver.loadsSeen, load(driver + Driver.loads))
  const mark = load(driver + Driver.loadMark)
  const missed = (mark - ld(driver + Driver.consumed)) | 0
  if (missed <= 0) return
  st(driver + Driver.consumed, mark)
  count(driver + Driver.missed, missed)                                // DRV2
}

/** From the arrival of completion `index` to now. */
function recordLatency(driver: Ref<'Driver'>, device: Ref<'Device'>, index: number): void {
  const arrived = load(device + Device.ring + (index & (RING_WORDS - 1)))
  histogramRecord(ld(driver + Driver.latency), Math.trunc(nowNs()) - arrived)
}

/** Guest code that runs for `ns`; interrupts of the host are taken meanwhile. */
function work(ns: number): void {
  const end = nowNs() + ns
  while (nowNs() < end) cpuRelax()
}

function count(counter: number, n: number): void {
  st(counter, ld(counter) + n)
}
