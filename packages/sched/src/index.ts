// SPDX-License-Identifier: MIT
/** @bottomhalf/sched: runstates of vCPUs, the credit scheduler, affinity, periodic timers, hypervisor time. */
export { hypervisorEnter, hypervisorLeave, inHypervisor } from './account.js'
export { vcpuGetAffinity, vcpuPin, vcpuSetAffinity } from './affinity.js'
export { CREDIT_NS } from './burn.js'
export { DEFAULT_WEIGHT, schedDomainGet, schedDomainSet, schedParametersAreValid, TICK_NS } from './credit.js'
export { PERIOD_MAX_NS, PERIOD_MIN_NS, setPeriodicTick, vcpuSetPeriodicTimer } from './periodic.js'
export { RATE_LIMIT_NS, SLICE_NS } from './policyCredit.js'
export {
  creditLockClass, currentVcpu, idleVcpu, RUNSTATE_BLOCKED, RUNSTATE_OFFLINE, RUNSTATE_RUNNABLE, RUNSTATE_RUNNING,
  RunstateInfo, scheduleLockClass,
} from './records.js'
export { stealNs, vcpuRunstateGet } from './runstate.js'
export { vcpuAwaitStopped, vcpuBlock, vcpuDown, vcpuKick, vcpuUnblock, vcpuUp, vcpuWake } from './schedule.js'
export { setupSched, setupSchedCpu } from './setup.js'
export type { SchedConfig } from './setup.js'
