// SPDX-License-Identifier: MIT
/** @bottomhalf/passthrough-io: interrupts of passed-through devices, from the line to the guest. */
export {
  GFLAGS_UNMASKED, hvmDoIrqDpci, hvmMigratePirqs, PT_IRQ_TYPE_MSI, ptIrqCreateBind, ptIrqDestroyBind,
  setupPassthroughIo,
} from './io.js'
export type { PtIrqBind } from './io.js'
export { hvmDpciMsiEoi } from './eoi.js'
export { hvmDirqAssist } from './assist.js'
export { dpciRecordsActive, ptPirqIterate } from './iterate.js'
export type { PirqVisitor } from './iterate.js'
export type { DpciProtocol } from './protocol.js'
export {
  DPCI_EOI_LATCH, DPCI_GUEST_MSI, DPCI_GUEST_PCI, DPCI_MACH_MSI, DPCI_MACH_PCI, DPCI_MAPPED, DPCI_MASKED,
  DPCI_PROTOCOL_WORDS, DPCI_QUEUED, DPCI_RUN, DPCI_SCHED, DPCI_TRANSLATE, dpciDomain, dpciOf, HvmIrqDpci, HvmPirqDpci,
  pirqOf,
} from './records.js'
export { dpciActive, PROTOCOL_NAME, protocolCpuDead, scheduleDpci } from '#protocol'
