// SPDX-License-Identifier: MIT
/**
 * The controller of maskable MSIs, and their creation.
 *
 * An edge: the message is gone once taken, so there is nothing to acknowledge and nothing to end (IRQ-4, ack kind NONE).
 *
 * @xen xen/arch/x86/msi.c, xen/arch/x86/irq.c
 * Locks     irqDesc.lock in the operations; the vector lock for numbers.
 */
import { EBUSY, EINVAL, ENOSPC, type Errno, type Ref } from '@bottomhalf/base'
import { cpuOnline } from '@bottomhalf/cpu'
import { embed, global, handler, ld, st, store } from '@bottomhalf/machine'
import { spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { ACK_NONE, descAt, HwIrqController, IrqDesc, irqDescOf, IrqStatus, IrqTable } from './irqDesc.js'
import { MSI_HOST_MASKED, msiMask, msiReset, msiUnmask, msiWriteTarget } from './msi.js'
import { assignVector, releaseVector, vectorLock } from './vectors.js'

const Controllers = global('irqControllers', {
  // written at boot, constant after:
  msiMaskable: embed(HwIrqController),
})

/**
 * Create the interrupt of an MSI entry, aimed at `cpu`, shut and masked. Returns its number; -EINVAL: CPU not online;
 * -ENOSPC: no number or no vector is free.
 */
export function createMsiIrq(entry: Ref<'MsiEntry'>, cpu: number): number {
  if (!cpuOnline(cpu)) return -EINVAL
  const irq = takeNumber()
  if (irq < 0) return irq
  const desc = descAt(irq)
  const vector = assignVector(cpu, desc)
  if (vector < 0) {
    giveNumberBack(desc)
    return vector
  }
  st(desc + IrqDesc.cpu, cpu)
  st(desc + IrqDesc.vector, vector)
  st(desc + IrqDesc.msi, entry)
  st(desc + IrqDesc.controller, Controllers.base + Controllers.msiMaskable)
  msiReset(entry)
  msiWriteTarget(entry, cpu, vector)
  return irq
}

/** Destroy an interrupt. -EINVAL: no such interrupt. -EBUSY: it has an action, guests, or a pIRQ tied to it. */
export function destroyIrq(irq: number): Errno {
  const desc = irqDescOf(irq)
  if (desc === 0) return -EINVAL
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const busy = ld(desc + IrqDesc.action) !== 0 || ld(desc + IrqDesc.mappings) !== 0
  if (!busy) retireLocked(desc)
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  if (busy) return -EBUSY
  giveNumberBack(desc)
  return 0
}

// The last interrupt on its way finds no descriptor: counted, not fatal.
function retireLocked(desc: Ref<'IrqDesc'>): void {
  msiReset(ld(desc + IrqDesc.msi))
  releaseVector(ld(desc + IrqDesc.cpu), ld(desc + IrqDesc.vector))
  st(desc + IrqDesc.controller, 0)
  st(desc + IrqDesc.msi, 0)
  store(desc + IrqDesc.status, IrqStatus.DISABLED)
}

function takeNumber(): number {
  const flags = spinLockIrqsave(vectorLock())
  const irq = findFreeNumberLocked()
  if (irq > 0) st(descAt(irq) + IrqDesc.inUse, 1)
  spinUnlockIrqrestore(vectorLock(), flags)
  return irq
}

function findFreeNumberLocked(): number {
  const count = ld(IrqTable.base + IrqTable.count)
  for (let irq = 1; irq < count; irq++) {
    if (ld(descAt(irq) + IrqDesc.inUse) === 0) return irq
  }
  return -ENOSPC
}

function giveNumberBack(desc: Ref<'IrqDesc'>): void {
  const flags = spinLockIrqsave(vectorLock())
  st(desc + IrqDesc.inUse, 0)
  spinUnlockIrqrestore(vectorLock(), flags)
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
