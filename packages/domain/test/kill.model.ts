// SPDX-License-Identifier: MIT
/** The death of a domain against those who kill it too, bind to it, or give it pages; and the same with one line altered. */
import type { DomId, Ref } from '@bottomhalf/base'
import { fetchAdd, global, handler, irqEnable, load, store, word } from '@bottomhalf/machine'
import { doSoftirq } from '@bottomhalf/softirq'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { putDomain } from '../src/domain.js'
import { PageList } from '../src/records.js'
import {
  Domain, DOMAIN_DEAD, DOMAIN_DYING, DOMAIN_HVM, domainCreate, domainKill, domainPages, domainPagesAdd,
  getDomain, isDomainDying, PAGE_GUEST, setRelinquishOperations,
} from '../src/index.js'
import { setupMachine } from './setup.model.js'

export const World = global('testWorld', {
  // atomic, so that only the protocol is looked at: whether something is bound; how often devices were torn down
  bound: word, teardowns: word,
})

const tearDown = handler('testTearDown', (d) => {
  spinLock(d + Domain.eventLock)
  store(World.base + World.bound, 0)
  spinUnlock(d + Domain.eventLock)
  fetchAdd(World.base + World.teardowns, 1)
  return 0
})

/** A domain, with a reference for each of `users` besides the creation reference. */
export function setup(users: number): number {
  setupMachine(2)
  setRelinquishOperations({ devices: tearDown })
  const d = domainCreate({ domId: 1 as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 1 })
  for (let n = 0; n < users; n++) getDomain(d)
  return d
}

export function serve(): void {
  irqEnable()
  doSoftirq()
}

export function pagesOf(d: Ref<'Domain'>): number {
  return domainPages(d, PAGE_GUEST)
}

/** Kill until it is dead. */
export function killer(d: Ref<'Domain'>): void {
  while (domainKill(d) !== 0) doSoftirq()
}

/** One call: whoever gives up leaves it to the other. */
export function killOnce(d: Ref<'Domain'>): void {
  void domainKill(d)
}

/** Twin: two may be at it, and both give the creation reference back. */
export function killUnclaimed(d: Ref<'Domain'>): void {
  if (load(d + Domain.dying) === DOMAIN_DEAD) return
  store(d + Domain.dying, DOMAIN_DEAD)
  putDomain(d)
}

/** Twin: dying is set without eventLock. */
export function killWithoutLock(d: Ref<'Domain'>): void {
  store(d + Domain.dying, DOMAIN_DYING)
  store(World.base + World.bound, 0)
}

/** Bind, as passthrough does: under eventLock, not to a dying domain. */
export function bind(d: Ref<'Domain'>): void {
  spinLock(d + Domain.eventLock)
  if (!isDomainDying(d)) store(World.base + World.bound, 1)
  spinUnlock(d + Domain.eventLock)
}

/** Twin: looks first, then takes the lock. */
export function lookThenBind(d: Ref<'Domain'>): void {
  if (isDomainDying(d)) return
  spinLock(d + Domain.eventLock)
  store(World.base + World.bound, 1)
  spinUnlock(d + Domain.eventLock)
}

export function giveOnePage(d: Ref<'Domain'>): void {
  void domainPagesAdd(d, PAGE_GUEST, 1)
}

/** Twin: looks at dying outside the lock under which it gives the page. */
export function lookThenGive(d: Ref<'Domain'>): void {
  if (isDomainDying(d)) return
  const list = d + Domain.pages + PAGE_GUEST * PageList.sizeWords
  spinLock(d + Domain.pageLock)
  store(list + PageList.count, load(list + PageList.count) + 1)
  spinUnlock(d + Domain.pageLock)
}
