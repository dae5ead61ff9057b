// SPDX-License-Identifier: MIT
/** @bottomhalf/guest: the two ends that the machinery serves: devices that interrupt, guests whose drivers answer. */
export {
  Device, deviceArrival, deviceCreate, deviceCreateOnLine, deviceEnableLine, deviceInterrupt, deviceRaised,
} from './device.js'
export { Driver, driverCounts, driverCreate, driverLoad } from './driver.js'
export type { DriverCounts, DriverPlace } from './driver.js'
export { Histogram, histogramRead, percentile } from './histogram.js'
export { Behaviour } from './misbehave.js'
export type { GuestState, Misbehaviour } from './misbehave.js'
export { Guest, guestCreate, guestProgram, guestRestart, guestState, guestTicks } from './program.js'
