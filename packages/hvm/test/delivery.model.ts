// SPDX-License-Identifier: MIT
/** The races of delivery, and the same with one line altered (twins). */
import { highestBit, lowestBit, type Pirq, type Ref } from '@bottomhalf/base'
import { Domain, pirqRecordGetOrCreate, Vcpu, vcpuOf } from '@bottomhalf/domain'
import { fetchOr, global, ld, load, st, store, testAndClearBit, testAndSetBit, word } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { vcpuKick } from '@bottomhalf/sched'
import { doSoftirq } from '@bottomhalf/softirq'
import {
  evtchnBindPirqLocked, evtchnMask, evtchnTake, evtchnUnmask, guestHalt, HvmDomain, HvmVcpu, sendGuestPirq,
  vlapicAccept, vlapicEoi, vlapicSetIrq,
} from '../src/index.js'
import { DOMAIN_HVM_STATE, EvtchnBucket, VCPU_HVM } from '../src/records.js'
import { setup } from './guest.model.js'

const IRR = VCPU_HVM + HvmVcpu.irr
const IRR_ROWS = VCPU_HVM + HvmVcpu.irrRows

export const Taken = global('testTaken', {
  // the vCPU's own: bit per event or interrupt that the guest took
  seen: word,
})

export { setup, vcpuOf }

function see(bit: number): void {
  st(Taken.base + Taken.seen, ld(Taken.base + Taken.seen) | 1 << bit)
}

export function serve(): void {
  doSoftirq()
}

// ---- L1: the local APIC

export function send(v: Ref<'Vcpu'>, vector: number): void {
  vlapicSetIrq(v, vector, false)
}

/** Twin: the row is announced before there is anything in it. */
export function sendRowFirst(v: Ref<'Vcpu'>, vector: number): void {
  fetchOr(v + IRR_ROWS, 1 << (vector >> 5))
  if (testAndSetBit(vector & 31, v + IRR + (vector >> 5)) === 0) vcpuKick(v)
}

/** Accept and end what there is, `looks` times. Vectors 0x40 to 0x5f count. */
export function acceptAll(v: Ref<'Vcpu'>, looks: number): void {
  for (let look = 0; look < looks; look++) {
    const vector = vlapicAccept(v)
    if (vector >= 0) see(vlapicEoi(v) - 0x40)
  }
}

/** Twin of the vCPU's side: it looks at a row for the last time before it turns the row's bit off. */
export function acceptAllLookingFirst(v: Ref<'Vcpu'>, looks: number): void {
  for (let look = 0; look < looks; look++) acceptLookingFirst(v)
}

function acceptLookingFirst(v: Ref<'Vcpu'>): void {
  const row = highestBit(load(v + IRR_ROWS))
  if (row < 0) return
  const bit = highestBit(load(v + IRR + row))
  if (bit < 0) testAndClearBit(row, v + IRR_ROWS)
  else if (testAndClearBit(bit, v + IRR + row) !== 0) see(row * 32 + bit - 0x40)
}

// ---- W2: halt

/** Halt, and serve what was raised meanwhile. */
export function haltAndServe(): void {
  guestHalt()
  doSoftirq()
}

// ---- E1, E3: event channels

/** A guest with a port for each of two pIRQs; records are at `records`. */
export function bindTwo(d: Ref<'Domain'>): number {
  return bind(d, 0) + bind(d, 1)
}

function bind(d: Ref<'Domain'>, pirq: number): number {
  spinLock(d + Domain.eventLock)
  const record = pirqRecordGetOrCreate(d, pirq as Pirq)
  const port = evtchnBindPirqLocked(record, 0, false)
  spinUnlock(d + Domain.eventLock)
  return port
}

export function recordOf(d: Ref<'Domain'>, pirq: number): number {
  return pirqRecordGetOrCreate(d, pirq as Pirq)
}

export function event(record: Ref<'PirqRecord'>): void {
  sendGuestPirq(record)
}

/** Take events, `rounds` times until there is none, as an upcall does. */
export function takeAll(v: Ref<'Vcpu'>, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    for (let port = evtchnTake(v); port >= 0; port = evtchnTake(v)) see(port)
  }
}

/** Twin: the callback is lowered after the look, not before it. */
export function takeThenLower(v: Ref<'Vcpu'>, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    for (let port = takeQuietly(v); port >= 0; port = takeQuietly(v)) see(port)
    store(v + VCPU_HVM + HvmVcpu.upcallPending, 0)
  }
}

/** Twin: the selector bit is turned off after the row was looked at. */
export function takeThenDeselect(v: Ref<'Vcpu'>, rounds: number): void {
  for (let round = 0; round < rounds; round++) {
    store(v + VCPU_HVM + HvmVcpu.upcallPending, 0)
    for (let port = firstReady(v); port >= 0; port = firstReady(v)) see(port)
    testAndClearBit(0, v + VCPU_HVM + HvmVcpu.selector)
  }
}

function takeQuietly(v: Ref<'Vcpu'>): number {
  if (testAndClearBit(0, v + VCPU_HVM + HvmVcpu.selector) === 0) return -1
  const port = firstReady(v)
  if (port >= 0) testAndSetBit(0, v + VCPU_HVM + HvmVcpu.selector)
  return port
}

function firstReady(v: Ref<'Vcpu'>): number {
  const bucket = bucketOf(ld(v + Vcpu.domain))
  const ready = load(bucket + EvtchnBucket.pending) & ~load(bucket + EvtchnBucket.mask)
  if (ready === 0) return -1
  testAndClearBit(lowestBit(ready), bucket + EvtchnBucket.pending)
  return lowestBit(ready)
}

function bucketOf(d: Ref<'Domain'>): number {
  return load(d + DOMAIN_HVM_STATE + HvmDomain.buckets)
}

export function mask(d: Ref<'Domain'>, port: number): number {
  return evtchnMask(d, port)
}

export function unmask(d: Ref<'Domain'>, port: number): number {
  return evtchnUnmask(d, port)
}

/** Twin: looks at pending first, and then turns the mask off. */
export function lookThenUnmask(d: Ref<'Domain'>, port: number): number {
  const bucket = bucketOf(d)
  const pending = load(bucket + EvtchnBucket.pending) >>> port & 1
  if (pending !== 0) return evtchnUnmask(d, port)
  testAndClearBit(port, bucket + EvtchnBucket.mask)
  return 0
}

/** Whether the vCPU was told of something that it has not looked at. */
export function isTold(v: Ref<'Vcpu'>): boolean {
  return load(v + VCPU_HVM + HvmVcpu.upcallPending) !== 0
}
