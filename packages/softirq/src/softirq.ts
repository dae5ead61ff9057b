// SPDX-License-Identifier: MIT
/**
 * Per-CPU softirqs: a pending word per CPU, served lowest bit first.
 *
 * @xen xen/common/softirq.c
 * Contexts  doSoftirq: outermost only, IF = 1, no lock held.  processPendingSoftirqs: hypervisor code, IF = 1, outside
 *           interrupts, no lock held that a handler takes.
 * Locks     none; a pending word is atomic and is cleared bit by bit by its own CPU.
 *
 * S1  A bit is cleared before its handler runs, so a raise during the handler is never lost.
 *
 * SQ-4, SQ-5, SQ-6. A turn of the loop with work costs 6 accesses, the look that ends it 1.
 */
import { assert, bug, lowestBit } from '@bottomhalf/base'
import {
  AWAIT_ANY_SET, awaitWord, callHandler, debugChecks, inIrq, irqsEnabled, ld, load, st, testAndClearBit, thisCpu,
} from '@bottomhalf/machine'
import { thisCpuOnline } from '@bottomhalf/cpu'
import { assertNoLocksHeld } from '@bottomhalf/spinlock'
import { MAX_SOFTIRQS, Softirq, SoftirqTable } from './state.js'
import type { SoftirqNr } from '@bottomhalf/base'
import type { HandlerRef } from '@bottomhalf/machine'

// Module constants, so that the compiler folds them.
const PENDING = Softirq.pending
const RUNS = Softirq.runs
const HANDLERS = SoftirqTable.handlers

/** Let `action` (arg = the number) serve a softirq on every CPU. Boot; a second handler for a number is a BUG. */
export function openSoftirq(nr: SoftirqNr, action: HandlerRef): void {
  assert(nr >= 0 && nr < MAX_SOFTIRQS, 'no such softirq', 'SQ-1')
  const slot = SoftirqTable.base + SoftirqTable.handlers + nr
  if (ld(slot) !== 0) bug('a softirq was opened twice', 'SQ-2')
  st(slot, action.id)
}

/** Serve everything pending on this CPU, also what comes up meanwhile. Before a guest is entered, and in idle. */
export function doSoftirq(): void {
  if (debugChecks()) assertNoLocksHeld()
  serveExcept(0)
}

/** Serve what is pending but for scheduling, for long loops in hypervisor code (SQ-5). */
export function processPendingSoftirqs(): void {
  serveExcept(ld(SoftirqTable.base + SoftirqTable.onlyOutermost))
}

/** Wait in place until `processPendingSoftirqs` would find something. Interrupts are taken meanwhile. */
export function awaitSoftirqs(): void {
  const left = ld(SoftirqTable.base + SoftirqTable.onlyOutermost)
  awaitWord(thisCpu(Softirq) + Softirq.pending, AWAIT_ANY_SET, ~left)
}

function serveExcept(left: number): void {
  if (inIrq() || !irqsEnabled()) bug('softirqs are served in an interrupt or with IF = 0', 'SQ-4')
  for (;;) {
    const mine = thisCpu(Softirq)
    const work = load(mine + PENDING) & ~left
    if (work === 0 || !thisCpuOnline()) return
    const nr = lowestBit(work)
    testAndClearBit(nr, mine + PENDING)                      // S1
    const runs = mine + RUNS + nr
    st(runs, ld(runs) + 1)
    callHandler(ld(SoftirqTable.base + HANDLERS + nr), nr)
  }
}
