// SPDX-License-Identifier: MIT
/** @bottomhalf/testkit: what tests on real threads share. The engine for the stepped build: `@bottomhalf/testkit/lockstep`. */
export { loadable } from './bundle.js'
export { onCpu, onEachCpu, onNoCpu } from './native.js'
export { stressThreads } from './stress.js'
export type { StressOptions, StressResult } from './stress.js'
