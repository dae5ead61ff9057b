// SPDX-License-Identifier: MIT
/** What the threads of the stress test run: one makes and drops a domain over and over, the others find and use it. */
import type { DomId } from '@bottomhalf/base'
import { fetchAdd, global, handler, irqEnable, ld, load, store, word } from '@bottomhalf/machine'
import { beginLooking, doSoftirq } from '@bottomhalf/softirq'
import {
  Domain, DOMAIN_HVM, domainCreate, domainReferences, getDomainById, putDomain, Vcpu, vcpuOf,
} from '../src/index.js'

// the whole package and its boot, so that the threads know every handler
export * from '../src/index.js'
export { setupMachine } from './setup.model.js'

const ID = 1 as DomId

export const Stress = global('domainStress', {
  // atomic:
  made: word, destroyed: word, finished: word, broken: word,
})

/** Part of every domain: counts those that were begun, a creation refused for its id too, and those that are gone. */
export const countMade = handler('testCountMade', () => {
  fetchAdd(Stress.base + Stress.made, 1)
  return 0
})
export const countDestroyed = handler('testCountDestroyed', () => { fetchAdd(Stress.base + Stress.destroyed, 1) })

/** CPU 0 makes `rounds` domains, one after the other; the others use what they find until all are destroyed. */
export function makeOrUse(index: number, rounds: number): number {
  irqEnable()
  beginLooking()
  return index === 0 ? makeAll(rounds) : useAll()
}

function makeAll(rounds: number): number {
  for (let made = 0; made < rounds;) {
    const d = domainCreate({ domId: ID, kind: DOMAIN_HVM, vcpus: 2, nrPirqs: 8 })
    if (d > 0) made++
    for (let i = 0; i < 20; i++) doSoftirq()
    if (d > 0) putDomain(d)
  }
  while (load(Stress.base + Stress.destroyed) < load(Stress.base + Stress.made)) doSoftirq()
  store(Stress.base + Stress.finished, 1)
  return rounds
}

function useAll(): number {
  let used = 0
  while (load(Stress.base + Stress.finished) === 0) {
    const d = getDomainById(ID)
    if (d !== 0) {
      if (!isWhole(d)) fetchAdd(Stress.base + Stress.broken, 1)
      putDomain(d)
      used++
    }
    doSoftirq()
  }
  return used
}

/** Whether a domain that this CPU holds is what it was made as. */
function isWhole(d: number): boolean {
  const v = vcpuOf(d, 1)
  if (ld(d + Domain.domId) !== ID || domainReferences(d) <= 0) return false
  return ld(v + Vcpu.domain) === d && ld(v + Vcpu.vcpuId) === 1
}
