// SPDX-License-Identifier: MIT
/** @bottomhalf/irq: machine interrupts: descriptors, controllers, binding to guests. */
export { doIrq, freeIrq, irqSetAffinity, requestIrq, setupIrqs } from './irq.js'
export {
  ACK_NONE, ACK_UNMASK, HwIrqController, IrqDesc, irqDescLockClass, irqDescOf, IrqStatus,
} from './irqDesc.js'
export { createMsiIrq, destroyIrq } from './msiController.js'
export {
  MSI_GUEST_MASKED, MSI_HOST_MASKED, MsiEntry, msiIsMasked, msiIsPending, msiMask, msiReset, msiSend, msiUnmask,
  msiWriteTarget,
} from './msi.js'
export { MAX_GUESTS, setPirqOperations } from './guestAction.js'
export type { PirqHandlers } from './guestAction.js'
export {
  pirqGuestBind, pirqGuestEoi, pirqGuestMask, pirqGuestUnbind, pirqNeedsEoi, pirqSetAffinity,
} from './guestBind.js'
export { cleanUpPirq, findFreePirq, mapDomainPirq, unmapDomainPirq } from './pirq.js'
export { pirqIrqNumber } from './pirqIrq.js'
export { unmappedArrivals, vectorLockClass } from './vectors.js'
