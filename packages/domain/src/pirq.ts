// SPDX-License-Identifier: MIT
/**
 * pIRQ records: a domain's sparse index of them by pIRQ number.
 *
 * @xen xen/common/domain.c (pirq_get_info, pirq_cleanup_check), xen/include/xen/irq.h
 * Contexts  look-up: eventLock held, or an RCU read section. All else: eventLock held.
 * Locks     the domain's eventLock.
 *
 * P1  A record's domain and number are written before it can be found and never change (DP-14).
 * P2  A record that was removed, and a node of the index, is freed only when nobody can stand on it any more: through RCU.
 */
import { assert, type Pirq, type Ref } from '@bottomhalf/base'
import {
  sparseDelete, sparseDestroy, sparseInitDeferred, sparseInsert, sparseLookup, sparseNextBatch,
} from '@bottomhalf/atomics'
import { handler, ld, st, xfree, xzalloc } from '@bottomhalf/machine'
import { callRcu } from '@bottomhalf/rcu'
import { Domain, PirqRecord } from './records.js'

/** Largest `nrPirqs` of a domain. */
export const MAX_PIRQS = 4096

/** Make the empty index of a domain. */
export function pirqRecordsInit(d: Ref<'Domain'>): void {
  sparseInitDeferred(d + Domain.pirqs, deferPirqNodeHandler)
}

/** The record of a pIRQ; 0 if there is none. */
export function pirqRecordOf(d: Ref<'Domain'>, pirq: Pirq): Ref<'PirqRecord'> {
  return sparseLookup(d + Domain.pirqs, pirq)
}

/**
 * The record of a pIRQ, made if there was none: all its words are 0 but domain and number. Context: eventLock held.
 * 0 if there is no memory; the number is in range (the caller has checked).
 */
export function pirqRecordGetOrCreate(d: Ref<'Domain'>, pirq: Pirq): Ref<'PirqRecord'> {
  assert(pirq >= 0 && pirq < ld(d + Domain.nrPirqs), 'a pIRQ is out of range', 'IRQ-10')
  const existing = pirqRecordOf(d, pirq)
  return existing !== 0 ? existing : createRecord(d, pirq)
}

/** Take a record that is at rest out of the index and free it (P2). Context: eventLock held. */
export function pirqRecordRemove(record: Ref<'PirqRecord'>): void {
  const d = ld(record + PirqRecord.domain)
  const removed = sparseDelete(d + Domain.pirqs, ld(record + PirqRecord.pirq))
  assert(removed === record, 'a pIRQ record is not in the index', 'IRQ-10')
  callRcu(record + PirqRecord.rcu, freePirqRecordHandler)             // P2
}

/**
 * Up to `max` records with numbers from `from` upward: pairs {pirq, record} at `out`. Returns how many. Context: as for
 * a look-up.
 */
export function pirqRecordNextBatch(d: Ref<'Domain'>, from: Pirq, max: number, out: number): number {
  return sparseNextBatch(d + Domain.pirqs, from, max, out)
}

/** Free all records and the index. Context: nobody else can reach the domain. */
export function pirqRecordsDestroy(d: Ref<'Domain'>): void {
  sparseDestroy(d + Domain.pirqs, (_pirq, record) => { xfree(record) })
}

function createRecord(d: Ref<'Domain'>, pirq: Pirq): Ref<'PirqRecord'> {
  const record = xzalloc(PirqRecord.sizeWords, PirqRecord.tag)
  if (record === 0) return 0
  st(record + PirqRecord.domain, d)                                   // P1
  st(record + PirqRecord.pirq, pirq)
  if (sparseInsert(d + Domain.pirqs, pirq, record) === 0) return record
  xfree(record)
  return 0
}

// The beginning of a node is room for the RcuHead.
function deferPirqNode(node: number): void {
  callRcu(node, freePirqNodeHandler)                                  // P2
}

function freePirqNode(node: number): void {
  xfree(node)
}

const deferPirqNodeHandler = handler('deferPirqNode', deferPirqNode)
const freePirqNodeHandler = handler('freePirqNode', freePirqNode)
const freePirqRecordHandler = handler('freePirqRecord', freePirqRecord)

function freePirqRecord(head: number): void {
  xfree(head - PirqRecord.rcu)
}
