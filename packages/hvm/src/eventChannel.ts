// SPDX-License-Identifier: MIT
/**
 * Event channels: ports of a domain that a pIRQ or a virtual interrupt sets pending; two levels (GV-7).
 *
 *     vCPU: upcallPending <- selector, a bit per bucket <- bucket: pending and not masked, a bit per port
 *
 * @xen xen/common/event_channel.c, event_2l.c
 * Contexts  bind, close: control operations and hypercalls, no lock held. sendGuestVcpuVirq, sendGuestPirq:
 *           any. Guest side: the vCPU itself.
 * Locks     eventLock: ports. virqLock of a vCPU (inside, interrupts off): which port a virq has.
 *
 * E1  A setter turns pending on before it looks at the mask; who unmasks turns the mask off before it looks at pending:
 *     one of the two goes on.
 * E2  Only who turned a selector bit on goes on to upcallPending, and only who turned that on notifies: one
 *     notification for all that comes before the guest looks.
 * E3  The guest turns each level off before it looks at the level below: a setter finds it off and notifies anew, or
 *     its event is seen.
 * E4  A bucket is whole before it can be found.
 * E5  A closed port is set pending by nobody who did not read it before: a virq's is read under virqLock, a pIRQ's is
 *     gone when its interrupt was unbound. A port is clean when it is handed out, so a late one is a spurious event.
 */
import { EEXIST, EINVAL, ENOMEM, ENOSPC, ERESTART, lowestBit, type Errno, type Ref } from '@bottomhalf/base'
import { Domain, isHvmDomain, PirqRecord, Vcpu, vcpuOf } from '@bottomhalf/domain'
import { cleanUpPirq, pirqGuestBind, pirqGuestUnbind } from '@bottomhalf/irq'
import { handler, ld, load, st, store, testAndClearBit, testAndSetBit, xfree, xzalloc } from '@bottomhalf/machine'
import { spinLock, spinLockIrqsave, spinUnlock, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { hvmAssertEvtchnIrq } from './irq.js'
import {
  BUCKETS, DOMAIN_HVM_STATE, EventChannel, EVTCHN_PORTS, EvtchnBucket, HvmDomain, HvmVcpu, PORTS_PER_BUCKET, VCPU_HVM,
  VIRQ_COUNT,
} from './records.js'

/** States of a port. */
const FREE = 0
const PIRQ = 1
const VIRQ = 2

/** Ports that a dying domain loses at one call. */
const CLOSED_AT_ONCE = 64

// Places in the vCPU.
const VIRQ_LOCK = VCPU_HVM + HvmVcpu.virqLock
const VIRQ_PORTS = VCPU_HVM + HvmVcpu.virqPorts
const SELECTOR = VCPU_HVM + HvmVcpu.selector
const UPCALL_PENDING = VCPU_HVM + HvmVcpu.upcallPending

type Bucket = Ref<'EvtchnBucket'>

// ---- binding

/** Bind a virtual interrupt of `v` to a port of its own. Returns the port, or -EINVAL, -EEXIST, -ENOMEM, -ENOSPC. */
export function evtchnBindVirq(v: Ref<'Vcpu'>, virq: number): number {
  if (virq < 0 || virq >= VIRQ_COUNT) return -EINVAL
  const d = ld(v + Vcpu.domain)
  spinLock(d + Domain.eventLock)
  const port = bindVirqLocked(d, v, virq)
  spinUnlock(d + Domain.eventLock)
  return port
}

function bindVirqLocked(d: Ref<'Domain'>, v: Ref<'Vcpu'>, virq: number): number {
  if (virqPort(v, virq) !== 0) return -EEXIST
  const port = allocatePort(d, VIRQ, ld(v + Vcpu.vcpuId), virq)
  if (port > 0) setVirqPort(v, virq, port)
  return port
}

/**
 * Bind a pIRQ to a port that notifies the `vcpuId`-th vCPU of its domain. A PV domain gets the machine interrupt with it;
 * that of an HVM domain is bound by passthrough. Context: eventLock held. Returns the port, or -EINVAL, -EEXIST, -ENOMEM,
 * -ENOSPC, or the errno of `pirqGuestBind`.
 */
export function evtchnBindPirqLocked(record: Ref<'PirqRecord'>, vcpuId: number, willShare: boolean): number {
  const d = ld(record + PirqRecord.domain)
  const v = vcpuOf(d, vcpuId)
  if (v === 0) return -EINVAL
  if (load(record + PirqRecord.evtchn) !== 0) return -EEXIST
  const port = allocatePort(d, PIRQ, vcpuId, record)
  if (port < 0) return port
  store(record + PirqRecord.evtchn, port)
  const result = isHvmDomain(d) ? 0 : pirqGuestBind(v, record, willShare)
  if (result !== 0) freePirqPort(d, record, port)
  return result === 0 ? port : result
}

/** Close a port: nothing sets it pending any more (E5). -EINVAL if it is not bound. */
export function evtchnClose(d: Ref<'Domain'>, port: number): Errno {
  spinLock(d + Domain.eventLock)
  const result = closeLocked(d, port)
  spinUnlock(d + Domain.eventLock)
  return result
}

/**
 * Close the ports of a dying domain, some at a call (DOM-5). 0: none is left. -ERESTART: there are more. Context: control
 * operation, no lock held.
 */
function relinquishPorts(d: Ref<'Domain'>): Errno {
  for (let closed = 0; closed < CLOSED_AT_ONCE; closed++) {
    const port = firstBound(d)
    if (port === 0 || evtchnClose(d, port) !== 0) return 0
  }
  return -ERESTART
}

function firstBound(d: Ref<'Domain'>): number {
  let port = 1
  spinLock(d + Domain.eventLock)
  while (port < EVTCHN_PORTS && !isBoundLocked(d, port)) port++
  spinUnlock(d + Domain.eventLock)
  return port < EVTCHN_PORTS ? port : 0
}

function isBoundLocked(d: Ref<'Domain'>, port: number): boolean {
  const channel = channelOf(d, port)
  return channel !== 0 && ld(channel + EventChannel.state) !== FREE
}

function closeLocked(d: Ref<'Domain'>, port: number): Errno {
  if (!isBoundLocked(d, port)) return -EINVAL
  const channel = channelOf(d, port)
  const data = ld(channel + EventChannel.data)
  if (ld(channel + EventChannel.state) === PIRQ) return closePirqLocked(d, data, port)
  setVirqPort(vcpuOf(d, load(channel + EventChannel.vcpuId)), data, 0)
  freePort(d, port)
  return 0
}

function closePirqLocked(d: Ref<'Domain'>, record: Ref<'PirqRecord'>, port: number): Errno {
  // -EINVAL: the pIRQ was untied from its interrupt before
  if (!isHvmDomain(d)) void pirqGuestUnbind(record)                   // E5
  freePirqPort(d, record, port)
  cleanUpPirq(record)
  return 0
}

function freePirqPort(d: Ref<'Domain'>, record: Ref<'PirqRecord'>, port: number): void {
  store(record + PirqRecord.evtchn, 0)
  freePort(d, port)
}

function freePort(d: Ref<'Domain'>, port: number): void {
  testAndClearBit(bitOf(port), bucketOf(d, port) + EvtchnBucket.pending)
  st(channelOf(d, port) + EventChannel.state, FREE)
}

function virqPort(v: Ref<'Vcpu'>, virq: number): number {
  const flags = spinLockIrqsave(v + VIRQ_LOCK)
  const port = ld(v + VIRQ_PORTS + virq)
  spinUnlockIrqrestore(v + VIRQ_LOCK, flags)
  return port
}

function setVirqPort(v: Ref<'Vcpu'>, virq: number, port: number): void {
  const flags = spinLockIrqsave(v + VIRQ_LOCK)
  st(v + VIRQ_PORTS + virq, port)
  spinUnlockIrqrestore(v + VIRQ_LOCK, flags)
}

// Port 0 is none.
function allocatePort(d: Ref<'Domain'>, state: number, vcpuId: number, data: number): number {
  for (let port = 1; port < EVTCHN_PORTS; port++) {
    if (bucketOf(d, port) === 0 && !makeBucket(d, port)) return -ENOMEM
    const channel = channelOf(d, port)
    if (ld(channel + EventChannel.state) !== FREE) continue
    st(channel + EventChannel.state, state)
    st(channel + EventChannel.data, data)
    store(channel + EventChannel.vcpuId, vcpuId)
    testAndClearBit(bitOf(port), bucketOf(d, port) + EvtchnBucket.mask)
    testAndClearBit(bitOf(port), bucketOf(d, port) + EvtchnBucket.pending)      // E5
    return port
  }
  return -ENOSPC
}

function makeBucket(d: Ref<'Domain'>, port: number): boolean {
  const bucket = xzalloc(EvtchnBucket.sizeWords, EvtchnBucket.tag)
  if (bucket === 0) return false
  store(bucketSlot(d, port), bucket)                                  // E4
  return true
}

/** Free the buckets of a domain that nobody can reach. */
export function evtchnDestroy(d: Ref<'Domain'>): void {
  for (let port = 0; port < EVTCHN_PORTS; port += PORTS_PER_BUCKET) {
    const bucket = bucketOf(d, port)
    if (bucket !== 0) xfree(bucket)
  }
}

// ---- sending

/** Raise a virtual interrupt of `v`: nothing, if it is bound to no port (GV-1). Context: any. */
export function sendGuestVcpuVirq(v: Ref<'Vcpu'>, virq: number): void {
  const flags = spinLockIrqsave(v + VIRQ_LOCK)
  const port = ld(v + VIRQ_PORTS + virq)
  if (port !== 0) setPending(ld(v + Vcpu.domain), port)               // E5
  spinUnlockIrqrestore(v + VIRQ_LOCK, flags)
}

/** Set the event channel of a pIRQ pending. False if none is bound. Context: any. */
export function sendGuestPirq(record: Ref<'PirqRecord'>): boolean {
  const port = load(record + PirqRecord.evtchn)
  if (port === 0) return false
  setPending(ld(record + PirqRecord.domain), port)                    // E5
  return true
}

function setPending(d: Ref<'Domain'>, port: number): void {
  const bucket = bucketOf(d, port)
  if (testAndSetBit(bitOf(port), bucket + EvtchnBucket.pending) !== 0) return
  if ((load(bucket + EvtchnBucket.mask) >>> bitOf(port) & 1) === 0) select(d, port)    // E1
}

function select(d: Ref<'Domain'>, port: number): void {
  const v = vcpuOf(d, load(channelOf(d, port) + EventChannel.vcpuId))
  if (testAndSetBit(rowOf(port), v + SELECTOR) !== 0) return          // E2
  if (testAndSetBit(0, v + UPCALL_PENDING) === 0) hvmAssertEvtchnIrq(v)
}

// ---- the guest's side

/** Mask a port of the guest's own: what is set pending from now on waits. -EINVAL if there is no such port. */
export function evtchnMask(d: Ref<'Domain'>, port: number): Errno {
  const bucket = bucketOf(d, port)
  if (bucket === 0) return -EINVAL
  testAndSetBit(bitOf(port), bucket + EvtchnBucket.mask)
  return 0
}

/** Unmask a port of the guest's own, and notify of what was set pending meanwhile. -EINVAL if there is no such port. */
export function evtchnUnmask(d: Ref<'Domain'>, port: number): Errno {
  const bucket = bucketOf(d, port)
  if (bucket === 0) return -EINVAL
  if (testAndClearBit(bitOf(port), bucket + EvtchnBucket.mask) === 0) return 0
  if ((load(bucket + EvtchnBucket.pending) >>> bitOf(port) & 1) !== 0) select(d, port)    // E1
  return 0
}

/**
 * Take one event of `v`: the lowest port that is pending, not masked and notifies this vCPU; its pending bit goes off.
 * -1 if there is none. A guest calls it until then: the callback is lowered by the first call.
 */
export function evtchnTake(v: Ref<'Vcpu'>): number {
  store(v + UPCALL_PENDING, 0)                                        // E3
  for (let rows = load(v + SELECTOR); rows !== 0; rows &= rows - 1) {
    const port = takeFromRow(v, lowestBit(rows))
    if (port > 0) return port
  }
  return -1
}

function takeFromRow(v: Ref<'Vcpu'>, row: number): number {
  testAndClearBit(row, v + SELECTOR)                                  // E3
  const bucket = bucketOf(ld(v + Vcpu.domain), row * PORTS_PER_BUCKET)
  const mine = portsOf(v, bucket, load(bucket + EvtchnBucket.pending) & ~load(bucket + EvtchnBucket.mask))
  if (mine === 0) return -1
  // others of the row stay selected
  if ((mine & mine - 1) !== 0) testAndSetBit(row, v + SELECTOR)
  testAndClearBit(lowestBit(mine), bucket + EvtchnBucket.pending)
  return row * PORTS_PER_BUCKET + lowestBit(mine)
}

// Of the ready ports of a bucket, those that notify `v`.
function portsOf(v: Ref<'Vcpu'>, bucket: Bucket, ready: number): number {
  const vcpuId = ld(v + Vcpu.vcpuId)
  let mine = 0
  for (let left = ready; left !== 0; left &= left - 1) {
    const bit = lowestBit(left)
    const channel = bucket + EvtchnBucket.channels + bit * EventChannel.sizeWords
    if (load(channel + EventChannel.vcpuId) === vcpuId) mine |= 1 << bit
  }
  return mine
}

// ---- places

function bucketSlot(d: Ref<'Domain'>, port: number): number {
  return d + DOMAIN_HVM_STATE + HvmDomain.buckets + rowOf(port)
}

/** The bucket of a port, 0 if there is none, nor such a port. */
function bucketOf(d: Ref<'Domain'>, port: number): Bucket {
  return port >= 0 && port < BUCKETS * PORTS_PER_BUCKET ? load(bucketSlot(d, port)) : 0
}

function channelOf(d: Ref<'Domain'>, port: number): Ref<'EventChannel'> {
  const bucket = bucketOf(d, port)
  return bucket === 0 ? 0 : bucket + EvtchnBucket.channels + bitOf(port) * EventChannel.sizeWords
}

function rowOf(port: number): number {
  return port >> 5
}

function bitOf(port: number): number {
  return port & 31
}

/** `sendGuestPirq` as a handler, for layers below that find no other taker for an interrupt. */
export const sendGuestPirqHandler = handler('sendGuestPirq', sendGuestPirqNr)

/** For the domain's teardown. */
export const relinquishPortsHandler = handler('relinquishPorts', relinquishPorts)

function sendGuestPirqNr(record: Ref<'PirqRecord'>): number {
  return sendGuestPirq(record) ? 1 : 0
}
