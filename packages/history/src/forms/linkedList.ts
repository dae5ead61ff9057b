// SPDX-License-Identifier: MIT
/**
 * What all published forms with a softirq share (B to E2): a list per CPU, linked through the record.
 *
 * @xen xen/drivers/passthrough/io.c (raise_softirq_for, dpci_softirq)
 * Contexts  IF = 0; the list is the running CPU's.
 *
 * I5  A record is on at most one list: linking one that is linked is a BUG.
 */
import { assert, type Ref, type SoftirqNr } from '@bottomhalf/base'
import {
  cpuArea, extend, global, irqDisable, irqEnable, ld, perCpu, st, struct, thisCpu, word, type HandlerRef,
} from '@bottomhalf/machine'
import { HvmPirqDpci } from '@bottomhalf/passthrough-io/variant'
import { openSoftirq, raiseSoftirq } from '@bottomhalf/softirq'

type Record = Ref<'HvmPirqDpci'>

/** What these forms keep in a record. */
const Published = struct('PublishedDpci', {
  // the CPU whose list it is on, IF = 0: the next record, LAST, or 0 while it is on none
  next: word,
  // eventLock for writing; read by the softirq without it: the domain of the binding, 0 while cancelled
  dom: word,
})

const List = perCpu('publishedDpciList', {
  // own CPU, IF = 0:
  head: word, tail: word,
})

const Dpci = global('publishedDpci', {
  // written at boot, constant after:
  nr: word,
})

const NEXT = HvmPirqDpci.protocol + Published.next
const LAST = 1

/** The word that holds the domain of a record's binding. */
export const DOM = HvmPirqDpci.protocol + Published.dom

/** Link a record to this CPU's list and raise the softirq. IF = 0, but for R5. */
export function linkAndRaise(dpci: Record): void {
  const list = thisCpu(List)
  assert(ld(dpci + NEXT) === 0, 'a dpci record is linked twice', 'I5')
  const tail = ld(list + List.tail)
  st(dpci + NEXT, LAST)
  st(list + List.tail, dpci)
  st(tail === 0 ? list + List.head : tail + NEXT, dpci)
  raiseSoftirq(ld(Dpci.base + Dpci.nr) as SoftirqNr)
}

/** Take the whole list of this CPU; returns its first record, or 0. */
export function takeList(): Record {
  irqDisable()
  const list = thisCpu(List)
  const first = ld(list + List.head)
  st(list + List.head, 0)
  st(list + List.tail, 0)
  irqEnable()
  return first
}

/** Take a record off the chain; returns the one behind it, or 0. */
export function unlink(dpci: Record): Record {
  const next = ld(dpci + NEXT)
  st(dpci + NEXT, 0)
  return next === LAST ? 0 : next
}

/** Up to form E1 a CPU that dies has nobody on its list, it is thought (H3). */
export function assertListIsEmpty(cpu: number): void {
  assert(ld(cpuArea(cpu, List) + List.head) === 0, 'a CPU died with records on its list', 'H3')
}

/** A CPU comes up: its list begins empty, whatever was on it (H3). */
export function protocolCpuPrepare(cpu: number): void {
  const list = cpuArea(cpu, List)
  st(list + List.head, 0)
  st(list + List.tail, 0)
}

/** Put the list of a dead CPU behind this one's. */
export function adoptList(cpu: number): void {
  irqDisable()
  const dead = cpuArea(cpu, List)
  if (ld(dead + List.head) !== 0) {
    const list = thisCpu(List)
    const tail = ld(list + List.tail)
    st(tail === 0 ? list + List.head : tail + NEXT, ld(dead + List.head))
    st(list + List.tail, ld(dead + List.tail))
    st(dead + List.head, 0)
    st(dead + List.tail, 0)
    raiseSoftirq(ld(Dpci.base + Dpci.nr) as SoftirqNr)
  }
  irqEnable()
}

/** A record of zeros is on no list. */
export function initRecord(_dpci: Record): void {
  // see above
}

/** Boot CPU, once. */
export function setupList(nr: SoftirqNr, softirq: HandlerRef): void {
  extend(HvmPirqDpci, 'protocol', Published)
  st(Dpci.base + Dpci.nr, nr)
  openSoftirq(nr, softirq)
}
