// SPDX-License-Identifier: MIT
/** @bottomhalf/hvm: interrupt lines, virtual interrupt controllers, event channels, VM entry: delivery to a guest. */
export { hvmSetCallbackGsi, hvmSetCallbackIntx, hvmSetCallbackVector } from './callback.js'
export { setEoiOperations } from './eoi.js'
export type { EoiHandlers } from './eoi.js'
export {
  evtchnBindPirqLocked, evtchnBindVirq, evtchnClose, evtchnMask, evtchnTake, evtchnUnmask, relinquishPortsHandler,
  sendGuestPirq, sendGuestPirqHandler, sendGuestVcpuVirq,
} from './eventChannel.js'
export {
  guestEoi, guestHalt, guestIoapicRead, guestIoapicWrite, guestMustExit, guestPortRead, guestPortWrite, guestSetTimer,
  guestTakeInterrupt, runGuest,
} from './guest.js'
export {
  hvmGsiAssertCount, hvmIsaIrqAssert, hvmIsaIrqDeassert, hvmLinksRoutedTo, hvmPciIntxAssert, hvmPciIntxDeassert,
  hvmPciIntxGsi, hvmPciIntxLink, hvmSetPciLinkRoute, INTX_DEVICES, INTX_LINKS, INTX_PINS, ISA_IRQS,
} from './intx.js'
export { hvmHasEvents, hvmPendingVector, NMI_VECTOR } from './irq.js'
export {
  EVTCHN_PORTS, gsiToIsaIrq, HvmDomain, HvmIrq, hvmIrqLockClass, HvmVcpu, IOAPIC_PINS, isaIrqToGsi, VIRQ_COUNT,
  VIRQ_TIMER, virqLockClass,
} from './records.js'
export { setupHvm } from './setup.js'
export {
  IOAPIC_REG_ENTRIES, IOAPIC_REG_ID, IOAPIC_REG_VERSION, IOREGSEL, IOWIN, REDIR_DELIVERY_SHIFT, REDIR_DEST_SHIFT,
  REDIR_LEVEL, REDIR_LOGICAL, REDIR_MASKED, REDIR_REMOTE_IRR, REDIR_VECTOR_MASK, vioapicRead, vioapicUpdateEoi,
  vioapicWrite,
} from './vioapic.js'
export {
  APIC_DFR, APIC_DFR_CLUSTER, APIC_DFR_FLAT, APIC_DM_EXTINT, APIC_ESR_RECVILL, APIC_LDR, APIC_LVT0, APIC_LVT_MASKED,
  APIC_LVTERR, APIC_SPIV, APIC_SPIV_ENABLED, APIC_TASKPRI, DEST_BROADCAST, vlapicAccept, vlapicEoi,
  vlapicHighestDeliverable, vlapicIsLevel, vlapicMatchesDest, vlapicProcessorPriority, vlapicSetIrq, vlapicTakeErrors,
  vlapicWrite,
} from './vlapic.js'
export {
  DELIVERY_FIXED, DELIVERY_LOWEST_PRIORITY, DELIVERY_NMI, TRACE_MSI_UNDELIVERED, VMSI_DELIVERY_SHIFT, VMSI_DEST_MASK,
  VMSI_LEVEL, VMSI_LOGICAL, VMSI_REDIRECTION_HINT, vmsiDeliver, vmsiDestVcpuId, vmsiMatchesVcpu, vmsiUndelivered,
} from './vmsi.js'
export {
  PIC_MASTER_COMMAND, PIC_MASTER_DATA, PIC_MASTER_LEVEL, PIC_SLAVE_COMMAND, PIC_SLAVE_DATA, PIC_SLAVE_LEVEL,
  vpicRead, vpicWrite,
} from './vpic.js'
