// SPDX-License-Identifier: MIT
/** The walk of forms B to D: it goes on behind an error, and answers what the last visit said (H4). */
import type { Pirq, Ref } from '@bottomhalf/base'
import { Domain, pirqRecordOf } from '@bottomhalf/domain'
import { ld } from '@bottomhalf/machine'
import { DPCI_MAPPED, dpciActive, dpciOf, HvmPirqDpci, type DpciIterate, type PirqVisitor } from '@bottomhalf/passthrough-io/variant'

export function ptPirqIterate(d: Ref<'Domain'>, visit: PirqVisitor): number {
  return walk(d, (dpci) => ld(dpci + HvmPirqDpci.flags) & DPCI_MAPPED, visit)                   // H4
}

export function dpciRecordsActive(d: Ref<'Domain'>): boolean {
  for (let n = 0; n < ld(d + Domain.nrPirqs); n++) {
    const pirq = pirqRecordOf(d, n as Pirq)
    if (pirq !== 0 && dpciActive(dpciOf(pirq))) return true
  }
  return false
}

function walk(d: Ref<'Domain'>, wanted: PirqVisitor, visit: PirqVisitor): number {
  let result = 0
  for (let n = 0; n < ld(d + Domain.nrPirqs); n++) {
    const pirq = pirqRecordOf(d, n as Pirq)
    if (pirq !== 0 && wanted(dpciOf(pirq)) !== 0) result = visit(dpciOf(pirq))
  }
  return result
}

export const iterate: DpciIterate = { ptPirqIterate, dpciRecordsActive }
