// SPDX-License-Identifier: MIT
/**
 * The arrivals that a guest has still to end, counted by line (DP-7, DP-9).
 *
 * @xen xen/drivers/passthrough/io.c (pirq_dpci->pending)
 * Locks     eventLock, held by the caller.
 *
 * PN1  `HvmPirqDpci.pending` is the number of its lines that were asserted and not ended since: an end of a line that was
 *      not asserted, a stray EOI, changes nothing (U11), and so does a second assertion before the end.
 */
import type { Ref } from '@bottomhalf/base'
import { ld, st } from '@bottomhalf/machine'
import type { DpciPending } from './form.js'
import { GuestLine, HvmPirqDpci, LINE_PENDING, LINE_PENDING_TWICE } from './records.js'

export function countPending(dpci: Ref<'HvmPirqDpci'>, line: Ref<'GuestLine'>, again: boolean): void {
  if (ld(line + GuestLine.pending) === 0) addToPending(dpci, 1)                              // PN1
  st(line + GuestLine.pending, again ? LINE_PENDING_TWICE : LINE_PENDING)
}

export function endPending(dpci: Ref<'HvmPirqDpci'>, line: Ref<'GuestLine'>): boolean {
  if (ld(line + GuestLine.pending) === 0) return false                                       // PN1
  st(line + GuestLine.pending, 0)
  return addToPending(dpci, -1) === 0
}

function addToPending(dpci: Ref<'HvmPirqDpci'>, count: number): number {
  const pending = ld(dpci + HvmPirqDpci.pending) + count
  st(dpci + HvmPirqDpci.pending, pending)
  return pending
}

export const pending: DpciPending = { countPending, endPending }
