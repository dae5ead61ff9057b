// SPDX-License-Identifier: MIT
/** @bottomhalf/passthrough-io: interrupts of passed-through devices, from the line to the guest. */
export { hvmDoIrqDpci, ptIrqCreateBind, ptIrqDestroyBind, ptIrqUpdateMsi, setupPassthroughIo } from './io.js'
export { GFLAGS_UNMASKED, PT_IRQ_TYPE_MSI, PT_IRQ_TYPE_MSI_TRANSLATE, PT_IRQ_TYPE_PCI } from './binding.js'
export type { PtIrqBind, PtLineBind, PtMsiBind } from './binding.js'
export { hvmMigratePirqs } from './bindMsi.js'
export { hvmDpciEoi, hvmDpciMsiEoi } from './eoi.js'
export { hvmDirqAssist } from './assist.js'
export type { DpciBindRules, DpciIterate, DpciPending, DpciRelease, DpciTimeout } from './form.js'
export type { DpciProtocol } from './protocol.js'
export {
  DPCI_EOI_LATCH, DPCI_GUEST_MSI, DPCI_GUEST_PCI, DPCI_MACH_MSI, DPCI_MACH_PCI, DPCI_MAPPED, DPCI_MASKED,
  DPCI_QUEUED, DPCI_RUN, DPCI_SCHED, DPCI_TRANSLATE, dpciDomain, dpciOf, GuestLine, HvmIrqDpci,
  HvmPirqDpci, pirqOf,
} from './records.js'
export { dpciRecordsActive, ptPirqIterate } from '#iterate'
export { dpciActive, PROTOCOL_NAME, protocolCpuDead, scheduleDpci } from '#protocol'
export { releaseBindings } from '#release'
