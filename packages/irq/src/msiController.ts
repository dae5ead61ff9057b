// SPDX-License-Identifier: MIT
/**
 * The controllers of MSIs, and their creation.
 *
 * An edge: the message is gone once taken. One that can be masked has nothing to acknowledge and nothing to end (IRQ-4, ack
 * kind NONE). One that cannot be masked stays in service on the CPU that took it until its guests have finished (EOI), which
 * is all that keeps it from coming again.
 *
 * @xen xen/arch/x86/msi.c, xen/arch/x86/irq.c
 * Locks     irqDesc.lock in the operations.
 */
import { ENOSPC, type Ref } from '@bottomhalf/base'
import { maskFirst, maskNext, onlineMask } from '@bottomhalf/cpu'
import { embed, global, handler, ld, st } from '@bottomhalf/machine'
import { createIrq } from './create.js'
import { ACK_EOI, ACK_NONE, HwIrqController, IrqDesc } from './irqDesc.js'
import { MSI_GUEST_MASKED, MSI_HOST_MASKED, msiMask, msiUnmask, msiWriteTarget } from './msi.js'

const Controllers = global('irqControllers', {
  // written at boot, constant after:
  msiMaskable: embed(HwIrqController), msiUnmaskable: embed(HwIrqController),
})

/**
 * Create the interrupt of an MSI entry, aimed at `cpu` or, where that has no vector free, at another CPU; shut and masked.
 * Returns its number; -EINVAL: CPU not online; -ENOSPC: no number is free, or no vector anywhere.
 */
export function createMsiIrq(entry: Ref<'MsiEntry'>, cpu: number): number {
  return createNear(cpu, Controllers.base + Controllers.msiMaskable, entry)
}

/** The same for a device that cannot mask: its messages go out, except while the interrupt is shut. */
export function createUnmaskableMsiIrq(entry: Ref<'MsiEntry'>, cpu: number): number {
  const irq = createNear(cpu, Controllers.base + Controllers.msiUnmaskable, entry)
  if (irq > 0) msiUnmask(entry, MSI_GUEST_MASKED)
  return irq
}

function createNear(cpu: number, controller: Ref<'HwIrqController'>, entry: Ref<'MsiEntry'>): number {
  let irq = createIrq(cpu, controller, entry, 0)
  for (let other = maskFirst(onlineMask()); irq === -ENOSPC && other >= 0; other = maskNext(onlineMask(), other)) {
    if (other !== cpu) irq = createIrq(other, controller, entry, 0)
  }
  return irq
}

function msiStartup(desc: number): void {
  msiUnmask(ld(desc + IrqDesc.msi), MSI_HOST_MASKED)
}

function msiShutdown(desc: number): void {
  msiMask(ld(desc + IrqDesc.msi), MSI_HOST_MASKED)
}

function msiSetAffinity(desc: number): void {
  msiWriteTarget(ld(desc + IrqDesc.msi), ld(desc + IrqDesc.cpu), ld(desc + IrqDesc.vector))
}

const msiStartupHandler = handler('msiStartup', msiStartup)
const msiShutdownHandler = handler('msiShutdown', msiShutdown)
const msiSetAffinityHandler = handler('msiSetAffinity', msiSetAffinity)

/** Boot CPU, once. */
export function setupMsiController(): void {
  const maskable = Controllers.base + Controllers.msiMaskable
  setupShut(maskable)
  st(maskable + HwIrqController.enable, msiStartupHandler.id)
  st(maskable + HwIrqController.disable, msiShutdownHandler.id)
  st(maskable + HwIrqController.ackKind, ACK_NONE)
  const unmaskable = Controllers.base + Controllers.msiUnmaskable
  setupShut(unmaskable)
  st(unmaskable + HwIrqController.ackKind, ACK_EOI)
}

function setupShut(controller: Ref<'HwIrqController'>): void {
  st(controller + HwIrqController.startup, msiStartupHandler.id)
  st(controller + HwIrqController.shutdown, msiShutdownHandler.id)
  st(controller + HwIrqController.setAffinity, msiSetAffinityHandler.id)
}
