// SPDX-License-Identifier: MIT
/** @bottomhalf/hypervisor: the front door: boots the machine, runs its CPUs, does control operations. */
export { bootMachine, pcpuMain } from './boot.js'
export type { BootOptions } from './boot.js'
export {
  CONTROL_SLOTS, CONTROL_VECTOR, controlAbandon, controlContinuations, controlIsDone, controlPost, controlTake, NO_SLOT,
  registerOperation,
} from './control.js'
export { errnoOf, HypervisorError, operationName, perform } from './frontDoor.js'
export { ANY_PIRQ, CONTROL_WORDS, Operation, requests } from './requests.js'
export type {
  AddDevice, BindIrq, BindMsi, ControlRequest, CreateDomain, DomainState, Messages, VcpuState,
} from './requests.js'
export { faultsAtRest, everythingFreed } from './atRest.js'
export type { RestFault } from './atRest.js'
export {
  HVM_DPCI_SOFTIRQ, RCU_SOFTIRQ, SCHEDULE_SOFTIRQ, softirqNames, TASKLET_SOFTIRQ, TIMER_SOFTIRQ, VCPU_KICK_SOFTIRQ,
} from './softirqs.js'
