// SPDX-License-Identifier: MIT
/**
 * Domains: creation, references, the list by id, destruction.
 *
 * @xen xen/common/domain.c, xen/include/xen/sched.h
 * Contexts  domainCreate: control operations, no lock held. getDomain: any, for a domain found under RCU or held
 *           otherwise. putDomain: any but interrupt context; the caller holds no domain list lock.
 * Locks     domain list lock: the buckets. Readers of the buckets are in an RCU read section.
 *
 * D1  Whoever turns the count from 0 to DESTROYED, and nobody else, unlinks the domain and has it freed.
 * D2  A domain that is DESTROYED gives out no reference.
 * D3  A domain is in the list only when it is whole, and its memory outlives every read section that could find it.
 * D4  A creation that fails leaves nothing behind: no memory, no id.
 */
import { assert, bug, EEXIST, EINVAL, ENOMEM, type DomId, type Errno, type Ref } from '@bottomhalf/base'
import { SparseNode } from '@bottomhalf/atomics'
import {
  callHandler, cmpxchg, debugChecks, embed, extend, fetchAdd, global, handler, ld, load, st, store, words, xfree,
  xzalloc, type HandlerRef, type Susp,
} from '@bottomhalf/machine'
import { callRcu, RcuHead, rcuReadLock, rcuReadUnlock } from '@bottomhalf/rcu'
import { lockClass, mightWaitFor, SpinLock, spinLock, spinLockInit, spinUnlock } from '@bottomhalf/spinlock'
import { destroyParts, initParts } from './parts.js'
import { allPages, pagesInit } from './pages.js'
import { MAX_PIRQS, pirqRecordsDestroy, pirqRecordsInit } from './pirq.js'
import { Domain, DOMAIN_ALIVE, DOMAIN_HVM, DOMAIN_PV } from './records.js'
import { allocateVcpus, domainBlockWords, freeVcpus, MAX_VCPUS } from './vcpu.js'

/** First id that no domain can have. */
export const DOMID_FIRST_RESERVED = 0x7ff0

// A module constant, so that the compiler folds it.
const REFCOUNT = Domain.refcount
const DESTROYED = 1 << 31
const BUCKETS = 64

/** Guards the list of domains. */
export const domainListLockClass = lockClass('domainList')
/** A domain's eventLock: bindings, pIRQ records, event channels. Never taken in interrupt context. */
export const eventLockClass = lockClass('eventLock')

const Domains = global('domains', {
  lock: embed(SpinLock),
  // written under the lock, read under RCU, so atomic: heads of lists in order of id
  buckets: words(BUCKETS),
})

/** What a domain is to be. */
export interface DomainConfig {
  readonly domId: DomId
  /** DOMAIN_HVM or DOMAIN_PV. */
  readonly kind: number
  /** 1..MAX_VCPUS; they start down. */
  readonly vcpus: number
  /** Number of pIRQs: valid ones are 0..nrPirqs-1. */
  readonly nrPirqs: number
  /** Called at VM entry with the vCPU as argument. */
  readonly guestProgram?: HandlerRef
  readonly guestData?: number
}

/**
 * Create a domain with one reference, the creation reference, which its destruction pays back (DOM-1).
 * Context: control operation, no lock held. Returns the domain, or -EINVAL for a bad configuration, -EEXIST for an id
 * in use, -ENOMEM, or the errno of a part; then nothing is left behind (D4).
 */
export function domainCreate(config: DomainConfig): number {
  if (!configIsValid(config)) return -EINVAL
  const d: Ref<'Domain'> = xzalloc(domainBlockWords(config.vcpus), Domain.tag)
  if (d === 0) return -ENOMEM
  initDomain(d, config)
  const result = completeDomain(d)
  if (result === 0) return d
  freeDomain(d)
  return result
}

/** Take a reference. False if the domain is destroyed (D2). */
export function getDomain(d: Ref<'Domain'>): boolean {
  for (let count = load(d + Domain.refcount); ;) {
    if (count < 0) return false
    const found = cmpxchg(d + Domain.refcount, count, count + 1)
    if (found === count) return true
    count = found
  }
}

/** Take one more reference to a domain that somebody is known to hold one of. A BUG if nobody does. */
export function getKnownAliveDomain(d: Ref<'Domain'>): void {
  const count = fetchAdd(d + REFCOUNT, 1)
  if (count <= 0) bug('getKnownAliveDomain of a domain that nobody holds', 'DOM-2')
}

/**
 * Give a reference back; the last one destroys the domain. Not in interrupt context, no lock held that stands inside the
 * domain list lock: any put may be the last, and debug checks hold every one against that.
 */
export function putDomain(d: Ref<'Domain'>): void {
  if (debugChecks()) mightWaitFor(domainListLockClass)
  const count = fetchAdd(d + REFCOUNT, -1)
  if (count <= 1) putLast(d, count)
}

function putLast(d: Ref<'Domain'>, count: number): void {
  if (count <= 0) bug('putDomain of a reference that nobody holds', 'I4')
  domainDestroy(d)
}

/** Number of references; negative once destroyed. For reports and checks at rest. */
export function domainReferences(d: Ref<'Domain'>): number {
  return load(d + Domain.refcount)
}

/** Whether the domain is on its way out: nothing new is bound to it. */
export function isDomainDying(d: Ref<'Domain'>): boolean {
  return load(d + Domain.dying) !== DOMAIN_ALIVE
}

/** Whether the domain is an HVM guest. */
export function isHvmDomain(d: Ref<'Domain'>): boolean {
  return ld(d + Domain.kind) === DOMAIN_HVM
}

/** The domain of an id, 0 if there is none. Context: an RCU read section; the domain may die behind its end. */
export function domainById(domId: DomId): Ref<'Domain'> {
  for (let d = load(bucketOf(domId)); d !== 0; d = load(d + Domain.nextInBucket)) {
    if (ld(d + Domain.domId) === domId) return d
  }
  return 0
}

/** The domain of an id with a reference that the caller gives back, 0 if there is none. */
export function getDomainById(domId: DomId): Ref<'Domain'> {
  rcuReadLock()
  const found = domainById(domId)
  const d = found !== 0 && getDomain(found) ? found : 0
  rcuReadUnlock()
  return d
}

/** Call `fn` for every domain until it answers true. Context: an RCU read section. */
export function forEachDomain(fn: Susp<(d: Ref<'Domain'>) => boolean>): void {
  for (let bucket = 0; bucket < BUCKETS; bucket++) {
    for (let d = load(Domains.base + Domains.buckets + bucket); d !== 0; d = load(d + Domain.nextInBucket)) {
      if (fn(d)) return
    }
  }
}

/** Enter the guest's program with a vCPU: the body of a VM entry. Returns what the program answers. */
export function callGuestProgram(d: Ref<'Domain'>, v: Ref<'Vcpu'>): number {
  return callHandler(ld(d + Domain.guestProgram), v)
}

// ---- creation

function configIsValid(config: DomainConfig): boolean {
  return isWithin(config.domId, 0, DOMID_FIRST_RESERVED - 1) &&
    (config.kind === DOMAIN_HVM || config.kind === DOMAIN_PV) &&
    isWithin(config.vcpus, 1, MAX_VCPUS) && isWithin(config.nrPirqs, 0, MAX_PIRQS)
}

function isWithin(value: number, low: number, high: number): boolean {
  return Number.isInteger(value) && value >= low && value <= high
}

function initDomain(d: Ref<'Domain'>, config: DomainConfig): void {
  st(d + Domain.domId, config.domId)
  st(d + Domain.kind, config.kind)
  st(d + Domain.vcpuCount, config.vcpus)
  st(d + Domain.nrPirqs, config.nrPirqs)
  st(d + Domain.guestProgram, config.guestProgram?.id ?? 0)
  st(d + Domain.guestData, config.guestData ?? 0)
  spinLockInit(d + Domain.eventLock, eventLockClass)
  pirqRecordsInit(d)
  pagesInit(d)
  store(d + Domain.refcount, 1)
}

function completeDomain(d: Ref<'Domain'>): Errno {
  const noMemory = allocateVcpus(d)
  if (noMemory !== 0) return noMemory
  const noPart = initParts(d)
  if (noPart !== 0) return noPart
  const noId = publishDomain(d)
  if (noId !== 0) destroyParts(d)
  return noId
}

function publishDomain(d: Ref<'Domain'>): Errno {
  spinLock(Domains.base + Domains.lock)
  const result = linkDomainLocked(d)
  spinUnlock(Domains.base + Domains.lock)
  return result
}

function linkDomainLocked(d: Ref<'Domain'>): Errno {
  const domId = ld(d + Domain.domId)
  const link = linkBehind(domId)
  const next = load(link)
  if (next !== 0 && ld(next + Domain.domId) === domId) return -EEXIST
  store(d + Domain.nextInBucket, next)
  store(link, d)                                                      // D3: whole before it can be found
  return 0
}

// ---- destruction

function domainDestroy(d: Ref<'Domain'>): void {
  // a getDomain may have come in since the count was 0: then the put of that one is the last
  if (cmpxchg(d + Domain.refcount, 0, DESTROYED) === 0) retireDomain(d)       // D1, D2
}

/** Unlink a domain that is DESTROYED and have it freed. */
export function retireDomain(d: Ref<'Domain'>): void {
  spinLock(Domains.base + Domains.lock)
  unlinkDomainLocked(d)
  spinUnlock(Domains.base + Domains.lock)
  callRcu(d + Domain.rcu, completeDomainDestroyHandler)               // D3
}

function unlinkDomainLocked(d: Ref<'Domain'>): void {
  const link = linkBehind(ld(d + Domain.domId))
  if (load(link) !== d) bug('a domain is not in its list', 'DOM-2')
  // nextInBucket stays: a reader that stands on d finds its way on
  store(link, load(d + Domain.nextInBucket))
}

const completeDomainDestroyHandler = handler('completeDomainDestroy', completeDomainDestroy)

function completeDomainDestroy(head: number): void {
  const d = head - Domain.rcu
  destroyParts(d)
  freeDomain(d)
}

function freeDomain(d: Ref<'Domain'>): void {
  assert(allPages(d) === 0, 'a domain is freed and has pages left', 'I11')
  pirqRecordsDestroy(d)
  freeVcpus(d)
  xfree(d)
}

// ---- the list

function bucketOf(domId: number): number {
  return Domains.base + Domains.buckets + (domId & (BUCKETS - 1))
}

/** The word that points to the first domain of the bucket whose id is not below `domId`. */
function linkBehind(domId: number): number {
  let link = bucketOf(domId)
  for (let d = load(link); d !== 0 && ld(d + Domain.domId) < domId; d = load(link)) link = d + Domain.nextInBucket
  return link
}

/** Called once by the boot CPU. */
export function setupDomains(): void {
  extend(SparseNode, 'deferred', RcuHead)
  spinLockInit(Domains.base + Domains.lock, domainListLockClass)
}
