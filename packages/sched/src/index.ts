// SPDX-License-Identifier: MIT
/** @bottomhalf/sched: runstates of vCPUs, the scheduler that picks the next one, hypervisor time. */
export { hypervisorEnter, hypervisorLeave, inHypervisor } from './account.js'
export { SLICE_NS } from './policyFifo.js'
export {
  currentVcpu, idleVcpu, RUNSTATE_BLOCKED, RUNSTATE_OFFLINE, RUNSTATE_RUNNABLE, RUNSTATE_RUNNING, RunstateInfo,
  scheduleLockClass,
} from './records.js'
export { stealNs, vcpuRunstateGet } from './runstate.js'
export {
  setupSched, setupSchedCpu, vcpuAwaitStopped, vcpuBlock, vcpuDown, vcpuKick, vcpuPin, vcpuUnblock, vcpuUp, vcpuWake,
} from './schedule.js'
export type { SchedConfig } from './schedule.js'
