// SPDX-License-Identifier: MIT
/**
 * The thread that conducts a run: creates guests and devices, lets the devices interrupt and the scenario's events happen, waits
 * until all is served, unbinds, and counts. It is no CPU of the machine: to the machine it is its devices, and whoever asks for
 * control operations.
 *
 * R1  What a device raised is compared with what its driver served only when the device is quiet and the driver has had
 *     all the time it needs: what is missing then is lost.
 * R2  An interrupt that a device sends after its unbind returned reaches no driver (I2).
 */
import { errnoName } from '@bottomhalf/base'
import { deviceInterrupt } from '@bottomhalf/guest'
import { pirqRecordsFreed } from '@bottomhalf/hypervisor'
import { nowNs } from '@bottomhalf/machine'
import { timeline } from '@bottomhalf/scenario'
import { accountOf, latencyOf, runsOf } from './accounts.js'
import { ControlCaller } from './control.js'
import { makeGuest, startGuest, unbind, type GuestUnit, type Unit } from './fleet.js'
import { EventLog, happen, waitUntilServed, type Stage } from './happenings.js'
import { Pacer } from './pacing.js'
import { Shared, type RunData } from './shared.js'
import type { AgentContext } from '@bottomhalf/threads'
import type { DeviceReport, EventReport, Latency, RunOptions } from './report.js'

/** What the machine refused to make, and why: then nothing ran. Plain data. */
export interface Refusal { readonly refused: string }

/** What a run found while it ran. Plain data. */
export interface ConductorReport {
  readonly seconds: number
  readonly devices: readonly DeviceReport[]
  readonly latencyNs: Latency
  /** By guest, in the order of the scenario. */
  readonly guests: readonly { readonly latencyNs: Latency }[]
  readonly events: readonly EventReport[]
  /** Interrupts that reached a driver after its unbind. */
  readonly afterUnbind: number
}

const LATE_INTERRUPTS = 8
const SETTLE_MS = 20
const FREEING_MS = 2000
const BATCH = 256
const PUBLISH_NS = 100e6
const SLEEP_MS = 0.02

/** The agent's function. */
export function run(context: AgentContext<RunData>): ConductorReport | Refusal {
  return new Conductor(context).run()
}

class Conductor implements Stage {
  readonly #context: AgentContext<RunData>
  readonly #options: RunOptions
  readonly #counts: Int32Array
  readonly #pacer = new Pacer()
  readonly #log: EventLog
  readonly #guests: GuestUnit[] = []
  readonly units: Unit[] = []
  readonly control: ControlCaller
  #startNs = NaN
  #publishedNs = 0

  constructor(context: AgentContext<RunData>) {
    this.#context = context
    this.#options = context.data.options
    this.#counts = new Int32Array(context.data.shared)
    this.#log = new EventLog(this.#options.scenario.events)
    this.control = new ControlCaller(context, () => this.#fire() > 0)
    Atomics.store(this.#counts, Shared.running, 1)
  }

  run(): ConductorReport | Refusal {
    const refused = this.#makeGuests()
    if (refused !== undefined) return { refused }
    this.#startNs = nowNs()
    this.#play()
    const seconds = this.elapsedNs() / 1e9
    this.#startNs = NaN                                                // the devices are quiet from here on
    waitUntilServed(this.units, () => { this.#rest() })                // R1
    const devices = this.units.map(accountOf)
    const guests = this.#guests.map((guest) => ({ latencyNs: latencyOf(guest.units) }))
    const found = { seconds, devices, latencyNs: latencyOf(this.units), guests, events: this.#log.reports }
    const afterUnbind = this.#unbindAll()
    this.#publish()
    return { ...found, afterUnbind }
  }

  /** ns from the start of the run; NaN before and after. */
  readonly elapsedNs = (): number => nowNs() - this.#startNs

  #makeGuests(): string | undefined {
    for (const [i, scenario] of this.#options.scenario.guests.entries()) {
      const guest = makeGuest(this.#options, scenario, i + 1, this.units.length)
      const refused = typeof guest === 'string' ? guest : startGuest(this.control, guest)
      if (refused !== undefined) return `guest ${scenario.name}: ${refused}`
      if (typeof guest === 'string') continue
      this.#guests.push(guest)
      this.units.push(...guest.units)
      for (const { lane } of guest.units) this.#pacer.add(lane)
    }
    return undefined
  }

  // ---- running

  #play(): void {
    const { scenario: { events }, durationNs } = this.#options
    const due = timeline(events, durationNs)
    for (let next = 0; !this.#isOver();) {
      const now = due[next]
      if (now !== undefined && now.atNs <= this.elapsedNs()) {
        const event = events[now.index]
        if (event !== undefined) this.#log.note(now.index, happen(this, event))
        next++
      }
      this.#fire()
      this.#sleepUntil(Math.min(this.#pacer.nextNs, due[next]?.atNs ?? Infinity, durationNs))
    }
  }

  #isOver(): boolean {
    const asked = Atomics.load(this.#counts, Shared.stop) !== 0 || this.#context.stopping()
    return asked || this.elapsedNs() >= this.#options.durationNs
  }

  /** Let the devices interrupt that are due; how many arrivals. None before the run, nor after its end. */
  #fire(): number {
    const elapsedNs = this.elapsedNs()
    if (!(elapsedNs < this.#options.durationNs)) return 0
    if (elapsedNs - this.#publishedNs > PUBLISH_NS) {
      this.#publish()
      Atomics.store(this.#counts, Shared.elapsedMs, elapsedNs / 1e6)
      this.#publishedNs = elapsedNs
    }
    return this.#pacer.fireDue(elapsedNs, BATCH)
  }

  #sleepUntil(atNs: number): void {
    const elapsedNs = this.elapsedNs()
    const sleepMs = (Math.min(atNs, elapsedNs + PUBLISH_NS) - elapsedNs) / 1e6
    if (sleepMs > SLEEP_MS) this.#context.pause(sleepMs)
  }

  #rest(): void {
    this.#publish()
    this.control.rest(1)
  }

  #publish(): void {
    const sums = { raised: 0, delivered: 0, coalesced: 0, unserved: 0 }
    for (const { raised, delivered, coalesced, unserved } of this.units.map(accountOf)) {
      sums.raised += raised
      sums.delivered += delivered
      sums.coalesced += coalesced
      sums.unserved += unserved.gone + unserved.crashed + unserved.notEnded
    }
    for (const name of ['raised', 'delivered', 'coalesced', 'unserved'] as const) Atomics.store(this.#counts, Shared[name], sums[name])
    Atomics.store(this.#counts, Shared.events, this.#log.happened)
  }

  // ---- the end

  /** Unbind every device, let each interrupt some more, and count what its driver saw of that (R2). */
  #unbindAll(): number {
    for (const unit of this.units.filter(({ bound }) => bound)) {
      const result = unbind(this.control, unit)
      const { pirq, guest: { domId } } = unit
      if (result !== 0) throw new Error(`unbinding pIRQ ${pirq} of domain ${domId} answers ${errnoName(result)}`)
    }
    const before = this.#runs()
    for (let i = 0; i < LATE_INTERRUPTS; i++) for (const { device } of this.units) deviceInterrupt(device)
    this.#context.pause(SETTLE_MS)
    // RCU frees the records when every CPU has been seen; what is not freed by then, the checks at rest report
    const giveUpNs = nowNs() + FREEING_MS * 1e6
    while (!pirqRecordsFreed() && nowNs() < giveUpNs) this.#context.pause(1)
    return this.#runs() - before
  }

  #runs(): number {
    return this.units.reduce((sum, unit) => sum + runsOf(unit), 0)
  }
}
