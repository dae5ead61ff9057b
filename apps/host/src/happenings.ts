// SPDX-License-Identifier: MIT
/**
 * The events of a scenario, done: each is a control operation or two, or something that a device does.
 *
 * HP1  Before a driver goes, its device holds back what it has to say until all before was served: what is missing then is
 *      lost, and no longer hidden by what nobody could serve. Then it says all at once, while the operation is under way.
 */
import { errnoName, type Errno } from '@bottomhalf/base'
import { eventLabel, type ScenarioEvent } from '@bottomhalf/scenario'
import { outstanding } from './accounts.js'
import { reload, type Unit } from './fleet.js'
import type { ControlCaller } from './control.js'
import type { EventReport } from './report.js'

/** How long a driver may take no arrival while some wait. */
export const STALLED_MS = 5000

/** What events work on. */
export interface Stage {
  readonly control: ControlCaller
  readonly units: readonly Unit[]
  /** ns from the start of the run. */
  readonly elapsedNs: () => number
}

/** Do an event; answers what the machine answers. */
export function happen(stage: Stage, event: ScenarioEvent): Errno {
  const { control } = stage
  if (event.reload !== undefined) {
    const unit = unitNamed(stage, event.reload)
    settle(stage, [unit])
    return reload(control, unit)
  }
  if (event.storm !== undefined) unitNamed(stage, event.storm.device).lane.storm(event.storm.rate, stage.elapsedNs())
  if (event.calm !== undefined) unitNamed(stage, event.calm).lane.calm(stage.elapsedNs())
  return 0
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
    const now = units.reduce((sum, unit) => sum + Math.abs(outstanding(unit)), 0)
    if (now === 0 || performance.now() - sinceMs > STALLED_MS) return
    if (now !== left) sinceMs = performance.now()
    left = now
    rest()
  }
}

function unitNamed({ units }: Stage, name: string): Unit {
  const found = units.find(({ guest, scenario }) => `${guest.scenario.name}/${scenario.name}` === name)
  if (found === undefined) throw new Error(`there is no device ${name}`)
  return found
}

/** What became of the events of a scenario. */
export class EventLog {
  /** How many happened so far. */
  happened = 0
  readonly #reports: { name: string, done: number, refused: Record<string, number> }[]

  constructor(events: readonly ScenarioEvent[]) {
    this.#reports = events.map((event) => ({ name: eventLabel(event), done: 0, refused: {} }))
  }

  note(index: number, result: Errno): void {
    const report = this.#reports[index]
    if (report === undefined) return
    this.happened++
    if (result === 0) report.done++
    else report.refused[errnoName(result)] = (report.refused[errnoName(result)] ?? 0) + 1
  }

  get reports(): readonly EventReport[] {
    return this.#reports
  }
}
