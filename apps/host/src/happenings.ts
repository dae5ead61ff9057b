// SPDX-License-Identifier: MIT
/**
 * The events of a scenario, done: each is a control operation or two, or something that a device does.
 *
 * HP1  Before a driver or a guest goes, its devices hold back what they have to say until all before was served: what is
 *      missing then is lost, and no longer hidden by what nobody could serve. Then they say all at once, while the operation
 *      is under way.
 */
import { EINVAL, errnoName, type DomId, type Errno } from '@bottomhalf/base'
import { controlContinuations, requests } from '@bottomhalf/hypervisor'
import { actionNames, eventLabel, type ScenarioEvent } from '@bottomhalf/scenario'
import { countPaused, mayBeLimited, outstanding } from './accounts.js'
import { bindUnit, killGuest, plugUnit, removeUnit, startGuest, unbindUnit } from './lives.js'
import type { GuestUnit, Unit } from './fleet.js'
import type { ControlCaller } from './control.js'
import type { EventReport } from './report.js'

/** How long a driver may take no arrival while some wait. */
const STALLED_MS = 5000
/** The same, of drivers whose last interrupt the rate limit may have dropped: it shuts for 10 ms. */
const STALLED_LIMITED_MS = 200

/** What events work on. */
export interface Stage {
  readonly control: ControlCaller
  readonly guests: readonly GuestUnit[]
  readonly units: readonly Unit[]
  /** ns from the start of the run. */
  readonly elapsedNs: () => number
  /** A number that no domain has had. */
  readonly freshDomId: () => DomId
}

type Name = (typeof actionNames)[number]
type Actions = { readonly [N in Name]: (stage: Stage, argument: NonNullable<ScenarioEvent[N]>) => Errno }

const actions: Actions = {
  kill: (stage, name) => {
    const guest = guestNamed(stage, name)
    settle(stage, guest.units)
    return killGuest(stage.control, guest)
  },
  create: (stage, name) => startGuest(stage.control, guestNamed(stage, name), stage.freshDomId()).result,
  pause: ({ control, ...stage }, name) => {
    const guest = guestNamed(stage, name)
    const result = control.do(requests.pauseDomain(guest.domId))
    if (result !== 0 || guest.paused) return result
    guest.paused = true
    for (const unit of guest.units) countPaused(unit)
    return 0
  },
  unpause: (stage, name) => unpause(stage.control, guestNamed(stage, name)),
  move: (stage, { guest, cpu }) => stage.control.do(requests.setAffinity(guestNamed(stage, guest).domId, 0, [cpu])),
  cpuDown: ({ control }, cpu) => control.do(requests.cpuDown(cpu)),
  cpuUp: ({ control }, cpu) => control.do(requests.cpuUp(cpu)),
  remove: (stage, name) => {
    const unit = unitNamed(stage, name)
    settle(stage, [unit])
    return removeUnit(stage.control, unit)
  },
  add: (stage, name) => {
    const unit = unitNamed(stage, name)
    return unit.guest.alive && !unit.plugged ? plugUnit(stage.control, unit) : -EINVAL
  },
  reload: (stage, name) => {
    const unit = unitNamed(stage, name)
    settle(stage, [unit])
    const unloaded = unit.bound ? unbindUnit(stage.control, unit) : 0
    return unloaded === 0 ? bindUnit(stage.control, unit) : unloaded
  },
  storm: (stage, { device, rate }) => {
    unitNamed(stage, device).lane.storm(rate, stage.elapsedNs())
    return 0
  },
  calm: (stage, name) => {
    unitNamed(stage, name).lane.calm(stage.elapsedNs())
    return 0
  },
}

/** Do an event; answers what the machine answers, and -EINVAL for what makes no sense at that time. */
export function happen(stage: Stage, event: ScenarioEvent): Errno {
  for (const name of actionNames) {
    const argument = event[name]
    if (argument !== undefined) return (actions[name] as (stage: Stage, argument: unknown) => Errno)(stage, argument)
  }
  return -EINVAL
}

/** Take a pause of a guest back. */
export function unpause(control: ControlCaller, guest: GuestUnit): Errno {
  const result = control.do(requests.unpauseDomain(guest.domId))
  if (result === 0) guest.paused = false
  return result
}

/** Wait until drivers have served all that their devices raised; these hold back meanwhile (HP1). */
function settle({ control }: Stage, units: readonly Unit[]): void {
  for (const { lane } of units) lane.held = true
  waitUntilServed(units, () => { control.rest() })
  for (const { lane } of units) lane.held = false
}

/** Wait until drivers have served all arrivals so far, or none of them does for long. `rest` lets time pass. */
export function waitUntilServed(units: readonly Unit[], rest: () => void): void {
  let left = Infinity
  let sinceMs = performance.now()
  for (;;) {
    const now = units.reduce((sum, unit) => sum + outstanding(unit), 0)
    if (now === 0 || performance.now() - sinceMs > patienceMs(units)) return
    if (now !== left) sinceMs = performance.now()
    left = now
    rest()
  }
}

function patienceMs(units: readonly Unit[]): number {
  const waiting = units.filter((unit) => outstanding(unit) > 0)
  return waiting.every(mayBeLimited) ? STALLED_LIMITED_MS : STALLED_MS
}

function unitNamed({ units }: Pick<Stage, 'units'>, name: string): Unit {
  const found = units.find(({ guest, scenario }) => `${guest.scenario.name}/${scenario.name}` === name)
  if (found === undefined) throw new Error(`there is no device ${name}`)
  return found
}

function guestNamed({ guests }: Pick<Stage, 'guests'>, name: string): GuestUnit {
  const found = guests.find(({ scenario }) => scenario.name === name)
  if (found === undefined) throw new Error(`there is no guest ${name}`)
  return found
}

/** What became of the events of a scenario. */
export class EventLog {
  /** How many happened so far. */
  happened = 0
  readonly #reports: { -readonly [K in keyof EventReport]: EventReport[K] }[]

  constructor(events: readonly ScenarioEvent[]) {
    const fresh = { done: 0, refused: {}, restarts: 0, longestNs: 0 }
    this.#reports = events.map((event) => ({ ...fresh, name: eventLabel(event) }))
  }

  /** Let an event happen, and note what became of it. */
  note(control: ControlCaller, index: number, happens: () => Errno): void {
    const report = this.#reports[index]
    if (report === undefined) return
    const restarts = controlContinuations()
    control.longestNs = 0
    const result = happens()
    this.happened++
    report.restarts += controlContinuations() - restarts
    report.longestNs = Math.max(report.longestNs, control.longestNs)
    if (result === 0) report.done++
    else report.refused = { ...report.refused, [errnoName(result)]: (report.refused[errnoName(result)] ?? 0) + 1 }
  }

  get reports(): readonly EventReport[] {
    return this.#reports
  }
}
