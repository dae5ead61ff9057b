// SPDX-License-Identifier: MIT
/**
 * Interrupts come and go: a number, a descriptor, a vector.
 *
 * @xen xen/arch/x86/irq.c
 * Contexts  any but interrupt context.
 * Locks     irqDesc.lock, then the vector lock.
 *
 * CR1  An interrupt gets its vector, its controller and its target within one hold of irqDesc.lock, IF = 0: a CPU that goes
 *      offline finds it whole, or finds that it is not there.
 */
import { EBUSY, EINVAL, ENOSPC, type Errno, type Ref } from '@bottomhalf/base'
import { cpuOnline } from '@bottomhalf/cpu'
import { ld, st, store } from '@bottomhalf/machine'
import { spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { IoapicPin, pinReset, pinWriteTarget } from './ioapic.js'
import { descAt, IrqDesc, irqDescOf, IrqStatus, IrqTable } from './irqDesc.js'
import { msiReset, msiWriteTarget } from './msi.js'
import { assignVector, forgetVectors, releaseVector, vectorLock } from './vectors.js'

/**
 * A fresh interrupt of an MSI entry or of a pin (the other is 0), aimed at `cpu`, shut. Returns its number. -EINVAL: CPU not
 * online. -ENOSPC: no number or no vector is free. Nothing is changed by a failure.
 */
export function createIrq(
  cpu: number, controller: Ref<'HwIrqController'>, entry: Ref<'MsiEntry'>, pin: Ref<'IoapicPin'>,
): number {
  const irq = takeNumber()
  if (irq < 0) return irq
  const desc = descAt(irq)
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const vector = cpuOnline(cpu) ? assignVector(cpu, desc) : -EINVAL
  if (vector > 0) buildLocked(desc, cpu, vector, controller, entry, pin)                         // CR1
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  if (vector > 0) return irq
  giveNumberBack(desc)
  return vector
}

function buildLocked(
  desc: Ref<'IrqDesc'>, cpu: number, vector: number, controller: Ref<'HwIrqController'>, entry: Ref<'MsiEntry'>,
  pin: Ref<'IoapicPin'>,
): void {
  st(desc + IrqDesc.cpu, cpu)
  st(desc + IrqDesc.vector, vector)
  st(desc + IrqDesc.msi, entry)
  st(desc + IrqDesc.pin, pin)
  st(desc + IrqDesc.controller, controller)
  // a PIC line has one target, and no operation to aim it
  if (entry === 0) return pinWriteTarget(pin, cpu, vector)
  msiReset(entry)
  msiWriteTarget(entry, cpu, vector)
}

/** Destroy an interrupt. -EINVAL: no such interrupt. -EBUSY: it has an action, guests, or a pIRQ tied to it. */
export function destroyIrq(irq: number): Errno {
  const desc = irqDescOf(irq)
  if (desc === 0) return -EINVAL
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const busy = ld(desc + IrqDesc.action) !== 0 || ld(desc + IrqDesc.mappings) !== 0
  const pin = busy ? 0 : retireLocked(desc)
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
  if (busy) return -EBUSY
  if (pin !== 0) givePinBack(pin)
  giveNumberBack(desc)
  return 0
}

/** Take a line for an interrupt that is about to be created. Whether it was free. */
export function takePin(pin: Ref<'IoapicPin'>): boolean {
  const flags = spinLockIrqsave(vectorLock())
  const free = ld(pin + IoapicPin.irq) === 0
  if (free) st(pin + IoapicPin.irq, PIN_TAKEN)
  spinUnlockIrqrestore(vectorLock(), flags)
  return free
}

/** Give a line back: no interrupt has it. */
export function givePinBack(pin: Ref<'IoapicPin'>): void {
  setPinIrq(pin, 0)
}

/** Say which interrupt a line that was taken has. */
export function setPinIrq(pin: Ref<'IoapicPin'>, irq: number): void {
  const flags = spinLockIrqsave(vectorLock())
  st(pin + IoapicPin.irq, irq)
  spinUnlockIrqrestore(vectorLock(), flags)
}

// Neither free nor yet an interrupt's.
const PIN_TAKEN = -1

// The last interrupt on its way finds no descriptor: counted, not fatal. Returns the line it had, 0 for none.
function retireLocked(desc: Ref<'IrqDesc'>): Ref<'IoapicPin'> {
  const entry = ld(desc + IrqDesc.msi)
  const pin = ld(desc + IrqDesc.pin)
  if (entry !== 0) msiReset(entry)
  if (pin !== 0) pinReset(pin, false)
  releaseVector(ld(desc + IrqDesc.cpu), ld(desc + IrqDesc.vector))
  st(desc + IrqDesc.cpu, 0)
  st(desc + IrqDesc.vector, 0)
  st(desc + IrqDesc.controller, 0)
  st(desc + IrqDesc.msi, 0)
  st(desc + IrqDesc.pin, 0)
  forgetVectors(desc)
  store(desc + IrqDesc.status, IrqStatus.DISABLED)
  return pin
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
