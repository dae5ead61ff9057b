// SPDX-License-Identifier: MIT
/**
 * All pIRQs of a domain: how many are tied, and their end when the domain dies.
 *
 * @xen xen/arch/x86/irq.c (free_domain_pirqs)
 * Contexts  control operations: IF = 1, no lock held.
 * Locks     eventLock.
 *
 * PQ1  An interrupt that an operation made for a domain is destroyed with its tie: no vector outlives its domain (I11).
 *      Those of PCI messages go with their device, and one of the machine's lines stays.
 */
import { bitmapClear, bitmapNext, bitmapSet, bitmapTest } from '@bottomhalf/atomics'
import { assert, bug, ERESTART, type Errno, type Pirq, type Ref } from '@bottomhalf/base'
import { Domain, pirqRecordNextBatch, pirqRecordOf } from '@bottomhalf/domain'
import { createMsiIrq, destroyIrq, IrqDesc, irqDescOf, pirqIrqNumber, unmapDomainPirq } from '@bottomhalf/irq'
import { global, handler, ld, words } from '@bottomhalf/machine'
import { pciReleaseDevices } from '@bottomhalf/passthrough-pci'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'

const BATCH = 8
const PER_STEP = 32
const NONE = -1

const MAX_IRQS = 8192

const Pirqs = global('pirqs', {
  // the control tasklet's, within one turn: pairs {pirq, record}
  batch: words(2 * BATCH),
  // the control tasklet's: interrupts that were made for a domain by an operation, a bit each
  ours: words(MAX_IRQS / 32),
})

/**
 * Make the interrupt of an MSI that is on no bus, for whoever it is tied to. Returns its number, or an errno as
 * `createMsiIrq`.
 */
export function createOurIrq(msi: Ref<'MsiEntry'>, cpu: number): number {
  const irq = createMsiIrq(msi, cpu)
  assert(irq < MAX_IRQS, 'more interrupts than there is room for', 'IRQ-1')
  if (irq > 0) bitmapSet(Pirqs.base + Pirqs.ours, irq)
  return irq
}

/** Whether `createOurIrq` made it. */
export function isOurIrq(irq: number): boolean {
  return irq > 0 && irq < MAX_IRQS && bitmapTest(Pirqs.base + Pirqs.ours, irq)
}

/** Those of them that are tied to no pIRQ: none, but for a moment of an operation. */
export function untiedOurIrqs(): number[] {
  const untied: number[] = []
  for (let irq = bitmapNext(Pirqs.base + Pirqs.ours, MAX_IRQS, 0); irq < MAX_IRQS;) {
    const desc = irqDescOf(irq)
    if (desc === 0 || ld(desc + IrqDesc.mappings) === 0) untied.push(irq)
    irq = bitmapNext(Pirqs.base + Pirqs.ours, MAX_IRQS, irq + 1)
  }
  return untied
}

/** Destroy one that `createOurIrq` made, and that is tied to nothing. */
export function destroyOurIrq(irq: number): void {
  bitmapClear(Pirqs.base + Pirqs.ours, irq)
  if (destroyIrq(irq) !== 0) bug('an interrupt that is tied to nothing is in use', 'I11')        // PQ1
}

/** Number of pIRQs that are tied to an interrupt. */
export function tiedPirqs(d: Ref<'Domain'>): number {
  let count = 0
  spinLock(d + Domain.eventLock)
  for (let pirq = nextTiedLocked(d, 0); pirq !== NONE; pirq = nextTiedLocked(d, pirq + 1)) count++
  spinUnlock(d + Domain.eventLock)
  return count
}

/** Whether an interrupt is a message, which exists for whoever made it; others are lines of the machine. */
export function irqIsMessage(irq: number): boolean {
  const desc = irqDescOf(irq)
  return desc !== 0 && ld(desc + IrqDesc.msi) !== 0
}

/** Untie a pIRQ, by force if it is bound. Returns the interrupt that it was tied to, or an errno as `unmapDomainPirq`. */
export function untiePirq(d: Ref<'Domain'>, pirq: Pirq): number {
  spinLock(d + Domain.eventLock)
  const irq = untieLocked(d, pirq)
  spinUnlock(d + Domain.eventLock)
  return irq
}

function untieLocked(d: Ref<'Domain'>, pirq: Pirq): number {
  const irq = pirqIrqNumber(pirqRecordOf(d, pirq))
  const result = unmapDomainPirq(d, pirq)
  return result === 0 ? irq : result
}

/**
 * What a dying domain gives back of its devices (DOM-5): their interrupts, the devices, then the pIRQs that are left.
 * -ERESTART: there is more to do, or a run is not over. Or what the IOMMU refused with.
 */
function relinquishDevices(d: Ref<'Domain'>): Errno {
  const released = pciReleaseDevices(d)
  if (released !== 0) return released
  for (let step = 0; step < PER_STEP; step++) {
    if (!freeOnePirq(d)) return 0
  }
  return -ERESTART
}

function freeOnePirq(d: Ref<'Domain'>): boolean {
  spinLock(d + Domain.eventLock)
  const pirq = nextTiedLocked(d, 0)
  const irq = pirq === NONE ? 0 : untieLocked(d, pirq as Pirq)
  spinUnlock(d + Domain.eventLock)
  if (irq < 0) bug('a tied pIRQ could not be untied', 'I11')
  if (isOurIrq(irq)) destroyOurIrq(irq)                                                          // PQ1
  return irq > 0
}

function nextTiedLocked(d: Ref<'Domain'>, from: number): number {
  for (let next = from; ;) {
    const found = pirqRecordNextBatch(d, next as Pirq, BATCH, Pirqs.base + Pirqs.batch)
    for (let i = 0; i < found; i++) {
      const pair = Pirqs.base + Pirqs.batch + 2 * i
      next = ld(pair) + 1
      if (pirqIrqNumber(ld(pair + 1)) > 0) return ld(pair)
    }
    if (found < BATCH) return NONE
  }
}

/** For the domain's teardown. */
export const relinquishDevicesHandler = handler('relinquishDevices', relinquishDevices)
