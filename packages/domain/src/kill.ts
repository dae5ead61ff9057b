// SPDX-License-Identifier: MIT
/**
 * The death of a domain: alive, dying, dead. It gives back what it has in steps, each of which may be left in the middle
 * and taken up again.
 *
 *     alive --pause, dying--> event channels -> devices -> pages, kind by kind --> dead, creation reference back
 *
 * @xen xen/common/domain.c (domain_kill), xen/arch/x86/domain.c (domain_relinquish_resources)
 * Contexts  control operations: IF = 1, no lock held, with a reference to the domain; not from a vCPU of that domain.
 * Locks     eventLock, for the moment at which the domain becomes dying.
 *
 * R1  Dying is set under eventLock: a binding is whole before that, and is found by the teardown, or sees it (U9).
 * R2  One CPU at a time is at it. It holds nothing between two calls: a caller that gives up leaves the domain dying, and
 *     anybody kills it again.
 * R3  A step that answered 0 is not done again; one that did not is taken up where it stopped, and nothing after it begins.
 * R4  The creation reference goes back once, when everything else has.
 */
import { EAGAIN, EINVAL, ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import { ld, load, st, store, testAndSetBit } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { putDomain } from './domain.js'
import { relinquishPages } from './pages.js'
import { domainPause } from './pause.js'
import { Domain, DOMAIN_ALIVE, DOMAIN_DEAD, DOMAIN_DYING, PAGE_KINDS, Vcpu } from './records.js'
import { relinquishDevices, relinquishEventChannels, vcpuOfThisCpu } from './seams.js'

// Values of `Domain.relinquishStep`; from FIRST_PAGES on one for each kind of pages.
const EVENT_CHANNELS = 0
const DEVICES = 1
const FIRST_PAGES = 2
const RELINQUISHED = FIRST_PAGES + PAGE_KINDS

/**
 * Kill a domain, or go on with it (DOM-4). 0: it is dead, and gone when the last reference is. -EAGAIN: call again after
 * this CPU has served its interrupts and softirqs; also if another CPU is at it. -EINVAL: a domain kills itself. Another
 * errno: what a step refused with; the domain stays dying.
 */
export function domainKill(d: Ref<'Domain'>): Errno {
  if (isOwnDomain(d)) return -EINVAL
  if (testAndSetBit(0, d + Domain.killing) !== 0) return -EAGAIN      // R2
  const result = killClaimed(d)
  store(d + Domain.killing, 0)
  return result
}

function isOwnDomain(d: Ref<'Domain'>): boolean {
  const v = vcpuOfThisCpu()
  return v !== 0 && ld(v + Vcpu.domain) === d
}

function killClaimed(d: Ref<'Domain'>): Errno {
  if (load(d + Domain.dying) === DOMAIN_DEAD) return 0                // R4
  if (load(d + Domain.dying) === DOMAIN_ALIVE) beginToDie(d)
  const result = domainRelinquishResources(d)
  if (result !== 0) return result === -ERESTART ? -EAGAIN : result
  store(d + Domain.dying, DOMAIN_DEAD)
  putDomain(d)                                                        // R4
  return 0
}

function beginToDie(d: Ref<'Domain'>): void {
  domainPause(d)
  spinLock(d + Domain.eventLock)
  store(d + Domain.dying, DOMAIN_DYING)                               // R1
  spinUnlock(d + Domain.eventLock)
}

/** Do the steps that are left (DOM-5). -ERESTART, or what a step refused with: call again (R3). */
function domainRelinquishResources(d: Ref<'Domain'>): Errno {
  for (let step = ld(d + Domain.relinquishStep); step < RELINQUISHED; step++) {
    st(d + Domain.relinquishStep, step)
    const result = relinquish(d, step)
    if (result !== 0) return result
  }
  st(d + Domain.relinquishStep, RELINQUISHED)                         // R3
  return 0
}

function relinquish(d: Ref<'Domain'>, step: number): Errno {
  if (step === EVENT_CHANNELS) return relinquishEventChannels(d)
  if (step === DEVICES) return relinquishDevices(d)
  return relinquishPages(d, step - FIRST_PAGES)
}
