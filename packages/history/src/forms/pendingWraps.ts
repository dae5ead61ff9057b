// SPDX-License-Identifier: MIT
/** How forms B to E2 count arrivals that the guest has still to end: per record, and a stray EOI counts below zero (U11). */
import type { Ref } from '@bottomhalf/base'
import { ld, st } from '@bottomhalf/machine'
import { HvmPirqDpci, type DpciPending } from '@bottomhalf/passthrough-io/variant'

export function countPending(dpci: Ref<'HvmPirqDpci'>, _line: Ref<'GuestLine'>, _again: boolean): void {
  st(dpci + HvmPirqDpci.pending, ld(dpci + HvmPirqDpci.pending) + 1)
}

export function endPending(dpci: Ref<'HvmPirqDpci'>, _line: Ref<'GuestLine'>): boolean {
  st(dpci + HvmPirqDpci.pending, ld(dpci + HvmPirqDpci.pending) - 1)                            // U11
  return ld(dpci + HvmPirqDpci.pending) === 0
}

export const pending: DpciPending = { countPending, endPending }
