// SPDX-License-Identifier: MIT
/** @bottomhalf/testkit/lockstep: the deterministic engine for tests of the stepped build, its schedulers and searches. */
export { lockstep } from './engine.js'
export type { InterruptPolicy, Lockstep, LockstepOptions, LogEntry, Outcome, RunOptions, Snapshot, Task, Waiting } from './engine.js'
export { exhaustive, reasonOf, sample } from './explore.js'
export type { Exploration, ExploreOptions, Failure, SampleOptions } from './explore.js'
export { choiceOf, entersInterrupt, explicit, laneOf, random, randomNumbers, roundRobin, runToBlock, sticky } from './schedule.js'
export type { Choice, Scheduler } from './schedule.js'
export { operationName } from './counts.js'
export type { OperationCounts } from './counts.js'
export { addressName } from './waiting.js'
