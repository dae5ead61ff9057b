// SPDX-License-Identifier: MIT
/**
 * The timer of a record (forms A to D, DP-8): a guest that has not ended its lines within 8 ms is taken to have ended them.
 *
 * @xen xen/drivers/passthrough/io.c (pt_irq_time_out)
 * Contexts  the timer's function: TIMER_SOFTIRQ, no lock held. The others: eventLock held.
 *
 * U5  The timer is killed under eventLock, which its function takes.
 */
import type { Ref } from '@bottomhalf/base'
import { Domain } from '@bottomhalf/domain'
import { hvmPciIntxDeassert, hvmPciIntxGsi } from '@bottomhalf/hvm'
import { pirqGuestEoi } from '@bottomhalf/irq'
import { currentCpu, embed, extend, ld, nowNs, st, struct, word, type HandlerRef, type Susp } from '@bottomhalf/machine'
import {
  dpciDomain, firstGirq, firstLine, GuestLine, HvmPirqDpci, nextGirq, nextLine, pirqOf,
  ptPirqIterate,
} from '@bottomhalf/passthrough-io/variant'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { initTimer, killTimer, setTimer, stopTimer, Timer } from '@bottomhalf/timer'

type Record = Ref<'HvmPirqDpci'>

const EOI_TIMEOUT_NS = 8_000_000
/** Words of the protocol's that belong to the form itself. Odd, so that the timer lies at an even address. */
const BEFORE = 15

const RecordTimer = struct('PublishedDpciTimer', {
  // eventLock: whether `timer` was made; whether a time-out ends this record
  hasTimer: word, latched: word, timer: embed(Timer),
})

const AT = HvmPirqDpci.protocol + BEFORE
const TIMER = AT + RecordTimer.timer

/** Make a record's timer, for its first line. */
export function makeTimer(dpci: Record, timeOut: HandlerRef): void {
  extend(HvmPirqDpci, 'protocol', RecordTimer, BEFORE)
  initTimer(dpci + TIMER, timeOut, dpci, currentCpu())
  st(dpci + AT + RecordTimer.hasTimer, 1)
}

export function armTimeout(dpci: Record): void {
  setTimer(dpci + TIMER, nowNs() + EOI_TIMEOUT_NS)
}

export function stopTimeout(dpci: Record): void {
  if (ld(dpci + AT + RecordTimer.hasTimer) !== 0) stopTimer(dpci + TIMER)
}

export function endTimeout(dpci: Record): void {
  if (ld(dpci + AT + RecordTimer.hasTimer) === 0) return
  st(dpci + AT + RecordTimer.hasTimer, 0)
  killTimer(dpci + TIMER)                                                                       // U5
}

/** The time-out: latch every record that shares a guest GSI with this one, then end each. `forget`: what the form does to it. */
export function timeOut(dpci: Record, forget: Susp<(dpci: Record) => void>): void {
  const d = dpciDomain(dpci)
  spinLock(d + Domain.eventLock)
  for (let line = firstLine(dpci); line !== 0; line = nextLine(line)) latchGsi(d, line)
  ptPirqIterate(d, (other) => {
    if (ld(other + AT + RecordTimer.latched) === 0) return 0
    st(other + AT + RecordTimer.latched, 0)
    st(other + HvmPirqDpci.pending, 0)
    forget(other)
    pirqGuestEoi(pirqOf(other))
    return 0
  })
  spinUnlock(d + Domain.eventLock)
}

function latchGsi(d: Ref<'Domain'>, line: Ref<'GuestLine'>): void {
  const state = ld(d + Domain.hvmIrqDpci)
  const gsi = hvmPciIntxGsi(ld(line + GuestLine.device), ld(line + GuestLine.intx))
  for (let girq = firstGirq(state, gsi); girq !== 0; girq = nextGirq(state, gsi, girq)) {
    hvmPciIntxDeassert(d, ld(girq + GuestLine.device), ld(girq + GuestLine.intx))
    st(ld(girq + GuestLine.dpci) + AT + RecordTimer.latched, 1)
  }
}
