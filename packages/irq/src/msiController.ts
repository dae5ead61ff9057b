// SPDX-License-Identifier: MIT
/**
 * The controllers of MSIs, and their creation.
 *
 * An edge: the message is gone once taken. One that can be masked has nothing to acknowledge and nothing to end (IRQ-4, ack
 * kind NONE).
 *
 * @xen xen/arch/x86/msi.c, xen/arch/x86/irq.c
 * Locks     irqDesc.lock in the operations.
 */
import type { Ref } from '@bottomhalf/base'
import { embed, global, handler, ld, st } from '@bottomhalf/machine'
import { createIrq } from './create.js'
import { ACK_NONE, descAt, HwIrqController, IrqDesc } from './irqDesc.js'
import { MSI_HOST_MASKED, msiMask, msiReset, msiUnmask, msiWriteTarget } from './msi.js'

const Controllers = global('irqControllers', {
  // written at boot, constant after:
  msiMaskable: embed(HwIrqController),
})

/**
 * Create the interrupt of an MSI entry, aimed at `cpu`, shut and masked. Returns its number; -EINVAL: CPU not online;
 * -ENOSPC: no number or no vector is free.
 */
export function createMsiIrq(entry: Ref<'MsiEntry'>, cpu: number): number {
  const irq = createIrq(cpu)
  if (irq < 0) return irq
  const desc = descAt(irq)
  st(desc + IrqDesc.msi, entry)
  st(desc + IrqDesc.controller, Controllers.base + Controllers.msiMaskable)
  msiReset(entry)
  msiSetAffinity(desc)
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
  const controller = Controllers.base + Controllers.msiMaskable
  st(controller + HwIrqController.startup, msiStartupHandler.id)
  st(controller + HwIrqController.shutdown, msiShutdownHandler.id)
  st(controller + HwIrqController.enable, msiStartupHandler.id)
  st(controller + HwIrqController.disable, msiShutdownHandler.id)
  st(controller + HwIrqController.setAffinity, msiSetAffinityHandler.id)
  st(controller + HwIrqController.ackKind, ACK_NONE)
}
