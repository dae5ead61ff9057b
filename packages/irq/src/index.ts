// SPDX-License-Identifier: MIT
/** @bottomhalf/irq: machine interrupts: descriptors, controllers, binding to guests. */
export { irqFaultsAtRest } from './atRest.js'
export type { IrqRestFault } from './atRest.js'
export { doIrq, freeIrq, irqSetAffinity, requestIrq, setupIrqs } from './irq.js'
export type { IrqOptions } from './irq.js'
export {
  ACK_EOI, ACK_NONE, ACK_UNMASK, HwIrqController, IrqDesc, irqDescLockClass, irqDescOf,
  IrqGuestAction, IrqStatus, MAX_GUESTS,
} from './irqDesc.js'
export { destroyIrq } from './create.js'
export { createMsiIrq, createUnmaskableMsiIrq } from './msiController.js'
export { createLineIrq, irqOfGsi, LINE_EDGE, LINE_LEVEL, LINE_LEVEL_EOI, LINE_PIC } from './lineController.js'
export type { LineSort } from './lineController.js'
export { lineAssert, lineDeassert, lineIsAsserted, lineIsInService, lineIsMasked, linePulse } from './ioapic.js'
export {
  isMsiEntry, MSI_GUEST_MASKED, MSI_HOST_MASKED, MsiEntry, msiIsMasked, msiIsPending, msiMask, msiReset, msiSend,
  msiUnmask, msiWriteTarget,
} from './msi.js'
export { setPirqOperations } from './guestAction.js'
export type { PirqHandlers } from './guestAction.js'
export {
  pirqGuestBind, pirqGuestEoi, pirqGuestMask, pirqGuestUnbind, pirqNeedsEoi, pirqSetAffinity,
} from './guestBind.js'
export { cleanUpPirq, findFreePirq, mapDomainPirq, unmapDomainPirq } from './pirq.js'
export { pirqIrqNumber } from './pirqIrq.js'
export { lastWasLimited, limitedArrivals, rateLimitLockClass } from './rateLimit.js'
export { unmappedArrivals, vectorLockClass } from './vectors.js'
