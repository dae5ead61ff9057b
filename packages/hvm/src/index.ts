// SPDX-License-Identifier: MIT
/** @bottomhalf/hvm: virtual interrupt controllers, event channels, VM entry: delivery to a guest. */
export {
  evtchnBindPirqLocked, evtchnBindVirq, evtchnClose, evtchnMask, evtchnTake, evtchnUnmask, sendGuestPirq,
  sendGuestPirqHandler, sendGuestVcpuVirq,
} from './eventChannel.js'
export {
  guestEoi, guestHalt, guestMustExit, guestSetTimer, guestTakeInterrupt, runGuest, setEoiOperations,
} from './guest.js'
export type { EoiHandlers } from './guest.js'
export { hvmHasEvents, hvmPendingVector, hvmSetCallbackVector } from './irq.js'
export { EVTCHN_PORTS, HvmDomain, HvmVcpu, VIRQ_COUNT, VIRQ_TIMER, virqLockClass } from './records.js'
export { setupHvm } from './setup.js'
export {
  APIC_DFR, APIC_DFR_CLUSTER, APIC_DFR_FLAT, APIC_ESR_RECVILL, APIC_LDR, APIC_LVT_MASKED, APIC_LVTERR, APIC_SPIV,
  APIC_SPIV_ENABLED, APIC_TASKPRI, DEST_BROADCAST, vlapicAccept, vlapicEoi, vlapicHighestDeliverable,
  vlapicMatchesDest, vlapicProcessorPriority, vlapicSetIrq, vlapicTakeErrors, vlapicWrite,
} from './vlapic.js'
export {
  DELIVERY_FIXED, DELIVERY_LOWEST_PRIORITY, TRACE_MSI_UNDELIVERED, VMSI_DELIVERY_SHIFT, VMSI_DEST_MASK, VMSI_LEVEL,
  VMSI_LOGICAL, VMSI_REDIRECTION_HINT, vmsiDeliver, vmsiDestVcpuId, vmsiMatchesVcpu, vmsiUndelivered,
} from './vmsi.js'
