// SPDX-License-Identifier: MIT
/**
 * The race of DOM-2: the creator gives its reference back while others find the domain and take theirs. Beside it the
 * same with one line altered (twins), which must fail.
 */
import type { DomId, Ref } from '@bottomhalf/base'
import { fetchAdd, global, irqEnable, load, store, word } from '@bottomhalf/machine'
import type { Susp } from '@bottomhalf/machine'
import { rcuReadLock, rcuReadUnlock } from '@bottomhalf/rcu'
import { doSoftirq } from '@bottomhalf/softirq'
import { retireDomain } from '../src/domain.js'
import { Domain, DOMAIN_HVM, domainById, domainCreate, domainReferences, getDomain, putDomain } from '../src/index.js'
import { setupMachine } from './setup.model.js'

type Get = Susp<(d: Ref<'Domain'>) => boolean>
type Put = Susp<(d: Ref<'Domain'>) => void>

export const Seen = global('testSeen', {
  // atomic: how often a holder found its domain destroyed
  destroyedWhileHeld: word,
  // atomic: what the look-up of the second domain gave
  found: word,
})

export function bootWithDomain(cpus: number): number {
  setupMachine(cpus)
  return domainCreate({ domId: 1 as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 1 })
}

/** Find the domain, take a reference, use it, give it back. */
export function user(get: Get, put: Put): void {
  rcuReadLock()
  const d = domainById(1 as DomId)
  const held = d !== 0 && get(d)
  rcuReadUnlock()
  if (!held) return
  if (domainReferences(d) < 0) store(Seen.base + Seen.destroyedWhileHeld, 1)
  put(d)
}

export const oursGet: Get = getDomain
export const oursPut: Put = putDomain

/** Twin: looks and adds in two steps. */
export function getInTwoSteps(d: Ref<'Domain'>): boolean {
  if (load(d + Domain.refcount) < 0) return false
  fetchAdd(d + Domain.refcount, 1)
  return true
}

/** Twin: whoever counts down to 0 takes the domain for destroyed, though a get may have come in. */
export function putWithoutClaim(d: Ref<'Domain'>): void {
  if (fetchAdd(d + Domain.refcount, -1) !== 1) return
  store(d + Domain.refcount, 1 << 31)
  retireDomain(d)
}

const SECOND = 65 as DomId

/** A second domain, behind the first one in its bucket. */
export function createSecond(): number {
  return domainCreate({ domId: SECOND, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 1 })
}

export function lookForSecond(): void {
  rcuReadLock()
  store(Seen.base + Seen.found, domainById(SECOND))
  rcuReadUnlock()
}

/** Twin: the domain leaves the list and forgets what was behind it. */
export function putAndForgetLink(d: Ref<'Domain'>): void {
  putDomain(d)
  store(d + Domain.nextInBucket, 0)
}

/** Serve what is pending, with interrupts on. */
export function serve(): void {
  irqEnable()
  doSoftirq()
}
