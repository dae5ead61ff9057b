// SPDX-License-Identifier: MIT
/**
 * Walks over a domain's pIRQ records.
 *
 * @xen xen/drivers/passthrough/io.c (pt_pirq_iterate)
 * Locks     eventLock of the domain, held by the caller; it guards the batch.
 */
import type { Pirq, Ref } from '@bottomhalf/base'
import { Domain, pirqRecordNextBatch } from '@bottomhalf/domain'
import { ld, type Susp } from '@bottomhalf/machine'
import { dpciActive } from '#protocol'
import type { DpciIterate } from './form.js'
import { DPCI_BATCH, DPCI_MAPPED, dpciOf, HvmIrqDpci, HvmPirqDpci } from './records.js'

/** Called with a record of the domain; another result than 0 ends the walk. It may free the record that it is given. */
export type PirqVisitor = Susp<(dpci: Ref<'HvmPirqDpci'>) => number>

/** Call `visit` for every mapped record, in order of number, and stop at the first result that is not 0 (DP-12). */
export function ptPirqIterate(d: Ref<'Domain'>, visit: PirqVisitor): number {
  return forEachRecord(d, (dpci) => (ld(dpci + HvmPirqDpci.flags) & DPCI_MAPPED) === 0 ? 0 : visit(dpci)) // DP-12
}

/** Whether any record of the domain, mapped or not, is active: then it cannot be torn down yet (DP-16). */
export function dpciRecordsActive(d: Ref<'Domain'>): boolean {
  return forEachRecord(d, (dpci) => dpciActive(dpci) ? 1 : 0) !== 0                            // DP-16
}

// A domain that never had passthrough state never had a bound record.
function forEachRecord(d: Ref<'Domain'>, visit: PirqVisitor): number {
  const state = ld(d + Domain.hvmIrqDpci)
  if (state === 0) return 0
  const batch = state + HvmIrqDpci.batch
  for (let from = 0, found = DPCI_BATCH; found === DPCI_BATCH; from = ld(batch + 2 * (found - 1)) + 1) {
    found = pirqRecordNextBatch(d, from as Pirq, DPCI_BATCH, batch)
    for (let i = 0; i < found; i++) {
      const result = visit(dpciOf(ld(batch + 2 * i + 1)))
      if (result !== 0) return result                                                          // DP-12
    }
    if (found === 0) return 0
  }
  return 0
}

export const iterate: DpciIterate = { ptPirqIterate, dpciRecordsActive }
