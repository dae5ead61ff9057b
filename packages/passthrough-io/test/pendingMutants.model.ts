// SPDX-License-Identifier: MIT
/** Twins of `#pending`: production, but for one line that a switch takes away or alters. The switch serves all twins of lines. */
import { global, ld, st, word } from '@bottomhalf/machine'
import type { Ref } from '@bottomhalf/base'
import type { DpciPending } from '../src/form.js'
import { GuestLine, HvmPirqDpci, LINE_PENDING, LINE_PENDING_TWICE } from '../src/records.js'

/** GL3: an edge that comes while the guest serves the line is not asserted again. */
export const NOT_AGAIN = 1
/** U11: an EOI that nothing waits for counts down all the same. */
export const WRAPS = 2
/** I10: the last EOI does not reach the machine. */
export const NO_MACHINE_EOI = 3
/** PN1: every assertion counts, as if each had an EOI of its own. */
export const COUNTS_ASSERTIONS = 4
/** U10, GL2: the end of a binding forgets its lines. */
export const FORGETS_LINES = 5

const Mutant = global('testLineMutant', { which: word })

export function chooseLineMutant(which: number): void {
  st(Mutant.base + Mutant.which, which)
}

export function isMutant(which: number): boolean {
  return ld(Mutant.base + Mutant.which) === which
}

function countPending(dpci: Ref<'HvmPirqDpci'>, line: Ref<'GuestLine'>, again: boolean): void {
  if (isMutant(COUNTS_ASSERTIONS) || ld(line + GuestLine.pending) === 0) add(dpci, 1)
  st(line + GuestLine.pending, again && !isMutant(NOT_AGAIN) ? LINE_PENDING_TWICE : LINE_PENDING)
}

function endPending(dpci: Ref<'HvmPirqDpci'>, line: Ref<'GuestLine'>): boolean {
  if (ld(line + GuestLine.pending) === 0 && !isMutant(WRAPS)) return false
  st(line + GuestLine.pending, 0)
  return add(dpci, -1) === 0 && !isMutant(NO_MACHINE_EOI)
}

function add(dpci: Ref<'HvmPirqDpci'>, count: number): number {
  const sum = ld(dpci + HvmPirqDpci.pending) + count
  st(dpci + HvmPirqDpci.pending, sum)
  return sum
}

export const pending: DpciPending = { countPending, endPending }

export { countPending, endPending }
