// SPDX-License-Identifier: MIT
/** @bottomhalf/trace: recorded interrupt traces, read for replay. */
export { readArrivals } from './arrivals.js'
export type { Arrival, ArrivalFilter, ArrivalTrace } from './arrivals.js'
export { parseFtraceLine, parseIrqArgs } from './ftrace.js'
export type { FtraceEvent } from './ftrace.js'
