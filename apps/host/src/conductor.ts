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
import { errnoName, type DomId } from '@bottomhalf/base'
import { deviceEnableLine, deviceInterrupt, guestTicks } from '@bottomhalf/guest'
import { controlContinuations, everythingFreed } from '@bottomhalf/hypervisor'
import { lineIsInService, lineIsMasked } from '@bottomhalf/irq'
import { nowNs } from '@bottomhalf/machine'
import { timeline } from '@bottomhalf/scenario'
import { accountOf, addUnserved, excuseOf, latencyOf, nothingUnserved, runsOf } from './accounts.js'
import { ControlCaller } from './control.js'
import { makeGuest, type GuestUnit, type Unit } from './fleet.js'
import { EventLog, happen, unpause, waitUntilServed, type Stage } from './happenings.js'
import { killGuest, startGuest, unbindUnit } from './lives.js'
import { Pacer } from './pacing.js'
import { Shared, type RunData } from './shared.js'
import type { AgentContext } from '@bottomhalf/threads'
import type { DeviceReport, EventReport, GuestReport, InvariantName, Latency, RunOptions, Unserved } from './report.js'

/** What the machine refused to make, and why: then nothing ran. Plain data. */
export interface Refusal { readonly refused: string }

/** What a run found while it ran. Plain data. */
export interface ConductorReport {
  readonly seconds: number
  readonly devices: readonly DeviceReport[]
  readonly latencyNs: Latency
  /** By guest, in the order of the scenario. */
  readonly guests: readonly (Omit<GuestReport, 'name' | 'class' | 'misbehaves' | 'raised' | 'lost'>)[]
  readonly events: readonly EventReport[]
  readonly restarts: number
  /** What is wrong, by the invariant that it breaks. */
  readonly faults: readonly { readonly label: InvariantName, readonly found: string }[]
}

const LATE_INTERRUPTS = 8
const SETTLE_MS = 20
const FREEING_MS = 2000
const BATCH = 256
const RELEASE_MS = 2000
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
  readonly #faults: { label: InvariantName, found: string }[] = []
  #lastDomId = 0
  readonly guests: GuestUnit[] = []
  readonly units: Unit[] = []
  readonly control: ControlCaller
  #startNs = NaN
  #publishedNs = 0

  constructor(context: AgentContext<RunData>) {
    this.#context = context
    this.#options = context.data.options
    this.#counts = new Int32Array(context.data.shared)
    this.#log = new EventLog(this.#options.scenario.events)
    this.control = new ControlCaller(context, this.#options.scenario.cpus, () => this.#fire() > 0)
    Atomics.store(this.#counts, Shared.running, 1)
  }

  run(): ConductorReport | Refusal {
    const refused = this.#startGuests()
    if (refused !== undefined) return { refused }
    this.#startNs = nowNs()
    this.#play()
    const seconds = this.elapsedNs() / 1e9
    this.#startNs = NaN                                                // the devices are quiet from here on
    this.#unpauseAll()
    waitUntilServed(this.units, () => { this.#rest() })                // R1
    this.#checkLines()
    const devices = this.units.map(accountOf)
    const latencyNs = latencyOf(this.units)
    this.#unbindAll()
    const guests = this.guests.map((guest) => this.#end(guest))
    this.#waitUntilFreed()
    this.#publish()
    const restarts = controlContinuations()
    for (const name of this.control.stuck) this.#faults.push({ label: 'I8', found: `${name} did not end` })
    return { seconds, devices, latencyNs, guests, events: this.#log.reports, restarts, faults: this.#faults }
  }

  /** ns from the start of the run; NaN before and after. */
  readonly elapsedNs = (): number => nowNs() - this.#startNs

  readonly freshDomId = (): DomId => ++this.#lastDomId as DomId

  #startGuests(): string | undefined {
    const numbers = { guests: 0, devices: 0 }
    for (const scenario of this.#options.scenario.guests) {
      const guest = makeGuest(this.#options, scenario, numbers)
      if (typeof guest === 'string') return `guest ${scenario.name}: ${guest}`
      const { result, what } = startGuest(this.control, guest, this.freshDomId())
      if (result !== 0) return `guest ${scenario.name}: ${what} answers ${errnoName(result)}`
      this.guests.push(guest)
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
        if (event !== undefined) this.#log.note(this.control, now.index, () => happen(this, event))
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
    const reports = this.units.map(accountOf)
    const unserved = reports.map((report) => report.unserved).reduce(addUnserved, nothingUnserved)
    const sum = (of: (report: DeviceReport) => number): number => reports.map(of).reduce((a, b) => a + b, 0)
    Atomics.store(this.#counts, Shared.raised, sum(({ raised }) => raised))
    Atomics.store(this.#counts, Shared.delivered, sum(({ delivered }) => delivered))
    Atomics.store(this.#counts, Shared.coalesced, sum(({ coalesced }) => coalesced))
    Atomics.store(this.#counts, Shared.unserved, totalOf(unserved))
    Atomics.store(this.#counts, Shared.events, this.#log.happened)
  }

  // ---- the end

  /** A guest that is still paused goes on: what its devices raised meanwhile waits for it. */
  #unpauseAll(): void {
    for (const guest of this.guests.filter(({ paused }) => paused)) {
      const result = unpause(this.control, guest)
      if (result !== 0) throw new Error(`unpausing ${guest.scenario.name} answers ${errnoName(result)}`)
    }
  }

  /** I10: when all is served, no line of a guest that serves is masked, or waits for an EOI. */
  #checkLines(): void {
    const lines = this.units.flatMap(({ bound, scenario: { interrupt } }) =>
      (bound && interrupt.kind === 'intx' && !this.#isAbused(interrupt.line) ? [interrupt.line] : []))
    for (const line of new Set(lines)) {
      // its last interrupt may be served, and not ended yet
      const giveUpNs = nowNs() + RELEASE_MS * 1e6
      while (isHeld(line) && nowNs() < giveUpNs) this.#rest()
      if (isHeld(line)) this.#faults.push({ label: 'I10', found: `line ${line} is not released` })
    }
  }

  /** Whether one of those who share a line does not serve it. */
  #isAbused(line: number): boolean {
    return this.units.some((unit) => {
      const { interrupt } = unit.scenario
      return interrupt.kind === 'intx' && interrupt.line === line && excuseOf(unit) !== undefined
    })
  }

  /** Unbind every device, let each interrupt some more, and see that no driver hears of that (R2). */
  #unbindAll(): void {
    for (const unit of this.units.filter(({ bound }) => bound)) {
      const result = unbindUnit(this.control, unit)
      const { scenario: { name }, guest: { scenario } } = unit
      if (result !== 0) throw new Error(`unbinding ${scenario.name}/${name} answers ${errnoName(result)}`)
    }
    const before = this.#runs()
    for (let i = 0; i < LATE_INTERRUPTS; i++) this.#interruptAll()
    this.#context.pause(SETTLE_MS)
    const after = this.#runs() - before
    if (after > 0) this.#faults.push({ label: 'I2', found: `${after} delivered after unbind` })
  }

  #interruptAll(): void {
    for (const { device } of this.units.flatMap(({ queues }) => queues)) {
      deviceEnableLine(device, true)
      deviceInterrupt(device)
      deviceEnableLine(device, false)
    }
  }

  /** Kill a guest that lives still; what is known of it. */
  #end(guest: GuestUnit): ConductorReport['guests'][number] {
    const ticks = guestTicks(guest.guestData)
    if (guest.alive) {
      const result = killGuest(this.control, guest)
      if (result !== 0) this.#faults.push({ label: 'I11', found: `killing ${guest.scenario.name} answers ${errnoName(result)}` })
    }
    return { ...guest.times, ticks, lives: guest.lives, latencyNs: latencyOf(guest.units) }
  }

  /** RCU frees the records when every CPU has been seen; what is not freed by then, the checks at rest report. */
  #waitUntilFreed(): void {
    const giveUpNs = nowNs() + FREEING_MS * 1e6
    while (!everythingFreed() && nowNs() < giveUpNs) this.#context.pause(1)
  }

  #runs(): number {
    return this.units.reduce((sum, unit) => sum + runsOf(unit), 0)
  }
}

/** Whether a line is masked, or waits for an EOI. */
function isHeld(line: number): boolean {
  return lineIsMasked(line) || lineIsInService(line)
}

function totalOf({ gone, crashed, notEnded, masked, scribbled, limited }: Unserved): number {
  return gone + crashed + notEnded + masked + scribbled + limited
}
