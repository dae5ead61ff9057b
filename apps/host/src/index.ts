// SPDX-License-Identifier: MIT
/** @bottomhalf/host: the reference host as a library: run a scenario on real threads, get a report. */
export { runScenario } from './runScenario.js'
export { invariantNames, isClean, RunFailedError, RunRefusedError } from './report.js'
export type {
  Defer, DeviceReport, EventReport, GuestReport, InvariantName, Latency, LockCounts, Progress, RunOptions, RunReport,
  Unserved,
} from './report.js'
