// SPDX-License-Identifier: MIT
/** What the threads of the stress test run: one makes domains, all kill them and give them pages meanwhile. */
import type { DomId } from '@bottomhalf/base'
import { ERESTART } from '@bottomhalf/base'
import { fetchAdd, global, handler, irqEnable, load, store, word } from '@bottomhalf/machine'
import { beginLooking, doSoftirq } from '@bottomhalf/softirq'
import {
  DOMAIN_HVM, domainCreate, domainKill, domainPagesAdd, getDomain, getDomainById, PAGE_GUEST, PAGE_PAGING, putDomain,
} from '../src/index.js'

// the whole package and its boot, so that the threads know every handler
export * from '../src/index.js'
export { setupMachine } from './setup.model.js'

const ID = 1 as DomId

export const Kill = global('domainKillStress', {
  // atomic:
  teardowns: word, finished: word,
  // atomic: domains begun, refused ones too, and gone
  made: word, destroyed: word,
})

/** Every other call asks to be called again. */
export const devicesHandler = handler('testKillDevices', () =>
  fetchAdd(Kill.base + Kill.teardowns, 1) % 2 === 0 ? -ERESTART : 0)

export const countMadeHandler = handler('testKillCountMade', () => {
  fetchAdd(Kill.base + Kill.made, 1)
  return 0
})
export const countDestroyedHandler = handler('testKillCountDestroyed', () => {
  fetchAdd(Kill.base + Kill.destroyed, 1)
})

export function makeOrKill(index: number, rounds: number): number {
  irqEnable()
  beginLooking()
  return index === 0 ? makeAll(rounds) : killAll()
}

function makeAll(rounds: number): number {
  for (let made = 0; made < rounds; made++) {
    const d = make()
    void domainPagesAdd(d, PAGE_PAGING, 100)
    killUntilDead(d)
    putDomain(d)
  }
  store(Kill.base + Kill.finished, 1)
  awaitAllGone()
  return rounds
}

// The one before is gone, and its id free, when the last of its killers has let go.
function make(): number {
  for (;;) {
    const d = domainCreate({ domId: ID, kind: DOMAIN_HVM, vcpus: 2, nrPirqs: 8 })
    if (d > 0 && getDomain(d)) return d
    doSoftirq()
  }
}

function killAll(): number {
  let killed = 0
  for (let n = 0; load(Kill.base + Kill.finished) === 0; n++) {
    const d = getDomainById(ID)
    if (d !== 0) {
      void domainPagesAdd(d, PAGE_GUEST, 1 + n % 70)
      if (n % 3 === 0) killUntilDead(d)
      putDomain(d)
      killed++
    }
    doSoftirq()
  }
  awaitAllGone()
  return killed
}

function killUntilDead(d: number): void {
  while (domainKill(d) !== 0) doSoftirq()
}

// Grace periods need every CPU.
function awaitAllGone(): void {
  while (load(Kill.base + Kill.destroyed) < load(Kill.base + Kill.made)) doSoftirq()
}
