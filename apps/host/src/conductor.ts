// SPDX-License-Identifier: MIT
/**
 * The thread that conducts a run: creates guests and devices, lets the devices interrupt, waits until all is served, unbinds,
 * and counts. It is no CPU of the machine: to the machine it is its devices, and whoever asks for control operations.
 *
 * R1  What a device raised is compared with what its driver served only when the device is quiet and the driver has had
 *     all the time it needs: what is missing then is lost.
 * R2  An interrupt that a device sends after its unbind returned reaches no driver (I2).
 */
import { errnoName, type DomId, type Pirq } from '@bottomhalf/base'
import {
  Device, deviceArrival, deviceCreate, deviceInterrupt, deviceRaised, Driver, driverCounts, driverCreate, guestCreate,
  guestProgram, histogramRead, percentile,
} from '@bottomhalf/guest'
import { errnoOf, perform, pirqRecordsFreed, requests } from '@bottomhalf/hypervisor'
import { ld, nowNs } from '@bottomhalf/machine'
import { GFLAGS_UNMASKED } from '@bottomhalf/passthrough-io'
import { arrivalTimes, recordingKey, type DeviceScenario, type GuestScenario } from '@bottomhalf/scenario'
import { Pacer } from './pacing.js'
import { Shared, type RunData } from './shared.js'
import type { AgentContext } from '@bottomhalf/threads'
import type { DeviceReport, RunOptions, RunReport } from './report.js'

/** A device of the run, its driver and its place in its guest. */
interface Wired {
  readonly guest: string, readonly scenario: DeviceScenario
  readonly domId: DomId, readonly pirq: Pirq, readonly device: number, readonly driver: number
}

/** What the machine refused to make, and why: then nothing ran. Plain data. */
export interface Refusal { readonly refused: string }

/** What a run found while it ran. Plain data. */
export interface ConductorReport {
  readonly seconds: number
  readonly devices: readonly DeviceReport[]
  readonly latencyNs: RunReport['latencyNs']
  /** Interrupts that reached a driver after its unbind. */
  readonly afterUnbind: number
}

/** Vector of a guest's first device; the schema's most are 64, well below the guest's own. */
const FIRST_GVEC = 0x30
const PIRQS = 128
const STALLED_MS = 5000
const LATE_INTERRUPTS = 8
const SETTLE_MS = 20
const FREEING_MS = 2000
const BATCH = 256

/** The agent's function. */
export function run(context: AgentContext<RunData>): ConductorReport | Refusal {
  const { options, shared } = context.data
  const counts = new Int32Array(shared)
  Atomics.store(counts, Shared.running, 1)
  const devices: Wired[] = []
  for (const [i, guest] of options.scenario.guests.entries()) {
    const refused = wireGuest(context, guest, i + 1, devices)
    if (refused !== undefined) return { refused: `guest ${guest.name}: ${refused}` }
  }
  const startNs = nowNs()
  pace(context, devices, counts)
  const seconds = (nowNs() - startNs) / 1e9
  drain(context, devices, counts)                                       // R1
  const reports = devices.map(deviceReport)
  const latencyNs = latencies(devices)
  const afterUnbind = unbindAll(context, devices)
  publish(counts, devices)
  return { seconds, devices: reports, latencyNs, afterUnbind }
}

// ---- wiring

/** Make a guest with its devices and bind them; they join `devices`. What was refused, or undefined. */
function wireGuest(
  context: AgentContext<RunData>, guest: GuestScenario, domId: number, devices: Wired[],
): string | undefined {
  const wired: Wired[] = []
  let drivers = 0
  for (const [i, scenario] of guest.devices.entries()) {
    const device = deviceCreate()
    drivers = device === 0 ? 0 : driverCreate(device, FIRST_GVEC + i, i, guest.work, drivers)
    if (drivers === 0) return `no memory for device ${scenario.name}`
    wired.push({ guest: guest.name, scenario, domId: domId as DomId, pirq: i as Pirq, device, driver: drivers })
  }
  const guestData = guestCreate(drivers, guest.tick === undefined ? 0 : 1e9 / guest.tick)
  if (guestData === 0) return 'no memory for it'
  const created = errnoOf(requests.createDomain({
    domId: domId as DomId, nrPirqs: PIRQS, cpus: [guest.cpu], pinned: true, guestProgram: guestProgram.id, guestData,
  }), pauseOf(context))
  if (created !== 0) return `creating it answers ${errnoName(created)}`
  for (const { scenario, device, pirq } of wired) {
    const bound = errnoOf(requests.bindMsi({
      domId: domId as DomId, pirq, msi: device + Device.msi, gvec: FIRST_GVEC + pirq, gflags: GFLAGS_UNMASKED,
    }), pauseOf(context))
    if (bound !== 0) return `binding device ${scenario.name} answers ${errnoName(bound)}`
  }
  devices.push(...wired)
  return undefined
}

/** Sleep a little while a control operation is done; true when the machine stops. */
function pauseOf(context: AgentContext<RunData>): () => boolean {
  return () => context.pause(0.2)
}

// ---- running

function pace(context: AgentContext<RunData>, devices: readonly Wired[], counts: Int32Array): void {
  const { options } = context.data
  const pacer = new Pacer(devices.map((wired, i) => ({
    times: timesOf(wired.scenario, options, i), fire: () => { deviceArrival(wired.device) },
  })))
  const startNs = nowNs()
  for (let published = 0; ;) {
    const elapsedNs = nowNs() - startNs
    if (elapsedNs >= options.durationNs || Atomics.load(counts, Shared.stop) !== 0 || context.stopping()) return
    pacer.fireDue(elapsedNs, BATCH)
    if (elapsedNs - published > 100e6) {
      publish(counts, devices)
      Atomics.store(counts, Shared.elapsedMs, elapsedNs / 1e6)
      published = elapsedNs
    }
    const wakeNs = Math.min(pacer.nextNs, options.durationNs, elapsedNs + 100e6)
    const sleepMs = (wakeNs - (nowNs() - startNs)) / 1e6
    if (sleepMs > 0.02) context.pause(sleepMs)
  }
}

function timesOf(device: DeviceScenario, options: RunOptions, index: number): Generator<number, void> {
  const { arrivals } = device
  const recording = 'trace' in arrivals ? options.recordings[recordingKey(arrivals.trace)] : undefined
  return arrivalTimes(arrivals, options.seed + index, recording)
}

function publish(counts: Int32Array, devices: readonly Wired[]): void {
  const reports = devices.map(deviceReport)
  Atomics.store(counts, Shared.raised, total(reports, (r) => r.raised))
  Atomics.store(counts, Shared.delivered, total(reports, (r) => r.delivered))
  Atomics.store(counts, Shared.coalesced, total(reports, (r) => r.coalesced))
}

/** Wait until every driver has taken all arrivals of its device, or none has been taken for long. */
function drain(context: AgentContext<RunData>, devices: readonly Wired[], counts: Int32Array): void {
  let left = Infinity
  let sinceNs = nowNs()
  for (;;) {
    const now = total(devices, (wired) => Math.abs(deviceReport(wired).lost))
    if (now === 0 || nowNs() - sinceNs > STALLED_MS * 1e6) return
    if (now !== left) sinceNs = nowNs()
    left = now
    publish(counts, devices)
    if (context.pause(1)) return
  }
}

function deviceReport({ guest, scenario: { name }, device, driver }: Wired): DeviceReport {
  const { delivered, coalesced } = driverCounts(driver)
  const raised = deviceRaised(device)
  return { guest, name, raised, delivered, coalesced, lost: raised - delivered - coalesced }
}

function latencies(devices: readonly Wired[]): RunReport['latencyNs'] {
  const counts: number[] = []
  for (const { driver } of devices) histogramRead(ld(driver + Driver.latency), counts)
  const [p50 = 0, p99 = 0, p999 = 0, max = 0] = [0.5, 0.99, 0.999, 1].map((fraction) => percentile(counts, fraction))
  return { p50, p99, p999, max }
}

// ---- the end

/** Unbind every device, let each interrupt some more, and count what its driver saw of that (R2). */
function unbindAll(context: AgentContext<RunData>, devices: readonly Wired[]): number {
  for (const { domId, pirq } of devices) perform(requests.unbindMsi(domId, pirq), pauseOf(context))
  const before = runs(devices)
  for (let i = 0; i < LATE_INTERRUPTS; i++) for (const { device } of devices) deviceInterrupt(device)
  context.pause(SETTLE_MS)
  // RCU frees the records when every CPU has been seen; what is not freed by then, the checks at rest report
  const giveUpNs = nowNs() + FREEING_MS * 1e6
  while (!pirqRecordsFreed() && nowNs() < giveUpNs) context.pause(1)
  return runs(devices) - before
}

/** Runs of all interrupt handlers, those that found nothing too. */
function runs(devices: readonly Wired[]): number {
  return total(devices, ({ driver }) => driverCounts(driver).delivered + driverCounts(driver).empty)
}

function total<T>(items: readonly T[], of: (item: T) => number): number {
  return items.reduce((sum, item) => sum + of(item), 0)
}
