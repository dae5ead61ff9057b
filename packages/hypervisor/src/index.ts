// SPDX-License-Identifier: MIT
/** @bottomhalf/hypervisor: the front door: boots the machine, runs its CPUs, does control operations. */
export { bootMachine, pcpuMain } from './boot.js'
export type { BootOptions } from './boot.js'
export { CONTROL_VECTOR, controlIsDone, controlPost, controlResult, registerOperation } from './control.js'
export { bindMsiArgs, createDomainArgs, Operation, unbindMsiArgs } from './operations.js'
export type { BindMsi, CreateDomain, UnbindMsi } from './operations.js'
export { faultsAtRest, pirqRecordsFreed } from './atRest.js'
export type { RestFault } from './atRest.js'
export {
  HVM_DPCI_SOFTIRQ, RCU_SOFTIRQ, SCHEDULE_SOFTIRQ, softirqNames, TASKLET_SOFTIRQ, TIMER_SOFTIRQ, VCPU_KICK_SOFTIRQ,
} from './softirqs.js'
