// SPDX-License-Identifier: MIT
/** @bottomhalf/softirq: per-CPU softirqs, and sleeping without missing one. */
export {
  cpumaskRaiseSoftirq, cpuRaiseSoftirq, cpuRaiseSoftirqBatchBegin, cpuRaiseSoftirqBatchFinish, raiseSoftirq,
} from './raise.js'
export { awaitSoftirqs, doSoftirq, openSoftirq, processPendingSoftirqs } from './softirq.js'
export { beginLooking, endLooking, sleepUnlessPending } from './idle.js'
export { MAX_SOFTIRQS, softirqPending, softirqRuns } from './state.js'
export { dropSoftirqs, setupSoftirqs } from './setup.js'
