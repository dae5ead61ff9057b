// SPDX-License-Identifier: MIT
/**
 * What the interrupt layer keeps in a pIRQ record: the machine interrupt that the number is tied to.
 *
 *     > 0 tied to that interrupt      0 untied      < 0 was unbound by force; the guest has still to unbind (IRQ-9)
 */
import type { Ref } from '@bottomhalf/base'
import { PirqRecord } from '@bottomhalf/domain'
import { extend, ld, struct, word } from '@bottomhalf/machine'

const PirqIrq = struct('PirqIrq', {
  // eventLock:
  irq: word,
})

/** The word that ties a pIRQ to its interrupt. */
export function tiedIrq(pirq: Ref<'PirqRecord'>): number {
  return pirq + PirqRecord.irq + PirqIrq.irq
}

/** The interrupt that a pIRQ is tied to; 0 or less if it is tied to none, or there is no record. eventLock held. */
export function pirqIrqNumber(pirq: Ref<'PirqRecord'>): number {
  return pirq === 0 ? 0 : ld(tiedIrq(pirq))
}

/** Boot CPU, once. */
export function setupPirqIrq(): void {
  extend(PirqRecord, 'irq', PirqIrq)
}
