// SPDX-License-Identifier: MIT
/** @bottomhalf/scenario: what to run: pCPUs, guests, their devices and when those interrupt. */
export { parseScenario } from './parse.js'
export { scenarioSchema } from './schema.js'
export type { Arrivals, DeviceScenario, GuestScenario, Misbehaviour, Scenario } from './schema.js'
export { actionNames, eventLabel, timeline } from './events.js'
export type { DueEvent, ScenarioEvent } from './events.js'
export { parseDurationNs, parseRate } from './units.js'
export { arrivalTimes, recordingKey } from './arrivalTimes.js'
export type { Recording } from './arrivalTimes.js'
