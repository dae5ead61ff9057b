// SPDX-License-Identifier: MIT
/**
 * Who is given how many credits (SCH-2): ticks find out who is active, accounting shares 300 credits per pCPU and 30 ms
 * among the active, by the weights of their domains and no more than their caps.
 *
 * @xen xen/common/sched_credit.c (csched_tick, csched_acct)
 * Contexts  tick, account: timer softirq. schedDomainSet: control operations.
 * Locks     creditLock, the schedule locks inside.
 *
 * M1  A vCPU that a tick finds running is active, until accounting finds it with more than CREDIT_LIMIT credits.
 * M2  Credits lie between -CREDIT_LIMIT and CREDIT_LIMIT after accounting.
 * M3  A domain gets its share by weight, or what its vCPUs and its cap let it use if that is less; the rest is shared by
 *     weight among the others.
 * M4  A vCPU over its domain's cap is parked: it does not run until accounting has brought it to 0. Unparked it is not
 *     boosted.
 */
import { EINVAL, type Errno, type Ref } from '@bottomhalf/base'
import { maskWeight, onlineMask } from '@bottomhalf/cpu'
import { Domain, isIdleVcpu, Vcpu, VPF_PARKED } from '@bottomhalf/domain'
import { listAddTail, listDelInit, listEmpty, listForEach, listInit, listNext } from '@bottomhalf/list'
import {
  cpuArea, currentCpu, handler, ld, load, NO_CPU, nowNs, st, store, testAndClearBit, testAndSetBit,
} from '@bottomhalf/machine'
import { spinLock, spinLockInit, spinLockIrq, spinUnlock, spinUnlockIrq } from '@bottomhalf/spinlock'
import { initTimer, setTimer } from '@bottomhalf/timer'
import { burnLocked } from './burn.js'
import { lockVcpu, unlockVcpu } from './lock.js'
import { policyBestWaiting, policySetPriority } from './policyCredit.js'
import {
  areaOf, BOOST, Credit, creditLockClass, DOMAIN_SCHED, OVER, Sched, SchedDomain, SchedVcpu, UNDER, VCPU_SCHED,
} from './records.js'
import { raiseSchedule, sleepLocked, tell, tellIdler, wakeLocked } from './wake.js'

/** Three ticks make a slice. */
export const TICK_NS = 10e6
const ACCOUNT_NS = 30e6
const CREDITS_PER_CPU = 300
const CREDIT_LIMIT = 300
export const DEFAULT_WEIGHT = 256
const MAX_WEIGHT = 65535
const OPEN = -1

const CREDIT = VCPU_SCHED + SchedVcpu.credit
const PRIORITY = VCPU_SCHED + SchedVcpu.priority
const ACTIVE_NODE = VCPU_SCHED + SchedVcpu.activeNode
const IS_ACTIVE = VCPU_SCHED + SchedVcpu.isActive
const WEIGHT = DOMAIN_SCHED + SchedDomain.weight
const CAP = DOMAIN_SCHED + SchedDomain.cap
const SHARE = DOMAIN_SCHED + SchedDomain.share
const VCPUS = DOMAIN_SCHED + SchedDomain.activeVcpus
const COUNT = DOMAIN_SCHED + SchedDomain.activeCount
const DOMAIN_NODE = DOMAIN_SCHED + SchedDomain.activeNode

function lock(): Ref<'SpinLock'> {
  return Credit.base + Credit.lock
}

function domains(): Ref<'ListHead'> {
  return Credit.base + Credit.activeDomains
}

// ---- the tick

/** Every TICK_NS while guests run. Argument: the pCPU. */
export const tickHandler = handler('schedTick', tick)

function tick(cpu: number): void {
  // its pCPU has gone down, and another one serves what was left of its timers
  if (cpu !== currentCpu()) return
  const my = cpuArea(cpu, Sched)
  spinLockIrq(my + Sched.lock)
  const v = ld(my + Sched.current)
  if (!isIdleVcpu(v)) tickLocked(my, v)
  spinUnlockIrq(my + Sched.lock)
  tellIdler(my)
  if (isIdleVcpu(v)) return
  if (load(v + IS_ACTIVE) === 0) activate(v)                          // M1
  setTimer(my + Sched.tickTimer, nowNs() + TICK_NS)
}

function tickLocked(my: number, v: Ref<'Vcpu'>): void {
  burnLocked(v, nowNs())
  if (ld(v + PRIORITY) === BOOST) policySetPriority(my, v, UNDER)
  if (policyBestWaiting(my) < ld(v + PRIORITY)) raiseSchedule(currentCpu())
}

// ---- who is active

function activate(v: Ref<'Vcpu'>): void {
  spinLock(lock())
  activateLocked(v, ld(v + Vcpu.domain))
  spinUnlock(lock())
}

function activateLocked(v: Ref<'Vcpu'>, d: Ref<'Domain'>): void {
  store(v + IS_ACTIVE, 1)
  listAddTail(v + ACTIVE_NODE, d + VCPUS)
  st(d + COUNT, ld(d + COUNT) + 1)
  if (ld(d + COUNT) > 1) return
  if (listEmpty(domains())) setTimer(Credit.base + Credit.accountTimer, nowNs() + ACCOUNT_NS)
  listAddTail(d + DOMAIN_NODE, domains())
}

function deactivateLocked(v: Ref<'Vcpu'>, d: Ref<'Domain'>): void {
  store(v + IS_ACTIVE, 0)
  listDelInit(v + ACTIVE_NODE)
  st(d + COUNT, ld(d + COUNT) - 1)
  if (ld(d + COUNT) === 0) listDelInit(d + DOMAIN_NODE)
}

/** A vCPU that is destroyed gets no more credits. */
export function creditForget(v: Ref<'Vcpu'>): void {
  spinLock(lock())
  if (load(v + IS_ACTIVE) !== 0) deactivateLocked(v, ld(v + Vcpu.domain))
  spinUnlock(lock())
}

// ---- accounting

const accountHandler = handler('schedAccount', account)

function account(): void {
  spinLock(lock())
  shareOutLocked()
  listForEach(domains(), (node) => { payDomainLocked(node - DOMAIN_NODE) })
  if (!listEmpty(domains())) setTimer(Credit.base + Credit.accountTimer, nowNs() + ACCOUNT_NS)
  spinUnlock(lock())
}

/** Settle the share of each active domain (M3). */
function shareOutLocked(): void {
  let credits = CREDITS_PER_CPU * maskWeight(onlineMask())
  let weights = openAllLocked()
  for (let settled = true; settled;) {
    settled = false
    for (let node = listNext(domains(), domains()); node !== 0; node = listNext(node, domains())) {
      const d = node - DOMAIN_NODE
      const most = mostOf(d)
      if (ld(d + SHARE) !== OPEN || most * weights > credits * ld(d + WEIGHT)) continue
      st(d + SHARE, most)
      credits -= most
      weights -= ld(d + WEIGHT)
      settled = true
    }
  }
  shareRestLocked(credits, weights)
}

// Returns the sum of the weights.
function openAllLocked(): number {
  let weights = 0
  for (let node = listNext(domains(), domains()); node !== 0; node = listNext(node, domains())) {
    st(node - DOMAIN_NODE + SHARE, OPEN)
    weights += ld(node - DOMAIN_NODE + WEIGHT)
  }
  return weights
}

function shareRestLocked(credits: number, weights: number): void {
  for (let node = listNext(domains(), domains()); node !== 0; node = listNext(node, domains())) {
    const d = node - DOMAIN_NODE
    if (ld(d + SHARE) === OPEN) st(d + SHARE, Math.floor(credits * ld(d + WEIGHT) / weights))
  }
}

// What the active vCPUs of a domain could use, within its cap.
function mostOf(d: Ref<'Domain'>): number {
  const most = ld(d + COUNT) * CREDITS_PER_CPU
  return ld(d + CAP) === 0 ? most : Math.min(most, capCredits(d))
}

function capCredits(d: Ref<'Domain'>): number {
  return Math.ceil(ld(d + CAP) * CREDITS_PER_CPU / 100)
}

function payDomainLocked(d: Ref<'Domain'>): void {
  const count = ld(d + COUNT)
  const each = Math.floor(ld(d + SHARE) / count)
  const cap = ld(d + CAP) === 0 ? 0 : Math.ceil(capCredits(d) / count)
  listForEach(d + VCPUS, (node) => { payVcpuLocked(node - ACTIVE_NODE, d, each, cap) })
}

function payVcpuLocked(v: Ref<'Vcpu'>, d: Ref<'Domain'>, credits: number, cap: number): void {
  if (pay(v, credits, cap)) deactivateLocked(v, d)                    // M1
}

/** Give a vCPU its credits. Returns whether it has so many that it is no longer active. */
function pay(v: Ref<'Vcpu'>, credits: number, cap: number): boolean {
  const flags = lockVcpu(v)
  const area = areaOf(v)
  if (ld(area + Sched.current) === v) burnLocked(v, nowNs())
  const credit = ld(v + CREDIT) + credits
  if (credit < 0) owesLocked(v, area, credit, cap)
  const cpu = credit < 0 ? NO_CPU : hasLocked(v, area, credit)
  unlockVcpu(v, flags)
  tell(v, cpu)
  return credit > CREDIT_LIMIT
}

function owesLocked(v: Ref<'Vcpu'>, area: number, credit: number, cap: number): void {
  policySetPriority(area, v, OVER)
  st(v + CREDIT, Math.max(credit, -CREDIT_LIMIT))                     // M2
  if (cap === 0 || credit >= -cap || testAndSetBit(VPF_PARKED, v + Vcpu.pauseFlags) !== 0) return
  sleepLocked(v, area)                                                // M4
}

// Who leaves keeps half, so that it is not the first to leave again.
function hasLocked(v: Ref<'Vcpu'>, area: number, credit: number): number {
  if (ld(v + PRIORITY) === OVER) policySetPriority(area, v, UNDER)
  st(v + CREDIT, credit > CREDIT_LIMIT ? credit >> 1 : credit)        // M2
  if (testAndClearBit(VPF_PARKED, v + Vcpu.pauseFlags) === 0) return NO_CPU
  return wakeLocked(v, area, false)                                   // M4
}

// ---- domains

/**
 * Set what a domain is to have of the machine: `weight` 1..65535 against other domains, `cap` in % of a pCPU, 0 for none.
 * -EINVAL: out of range; nothing has changed.
 */
export function schedDomainSet(d: Ref<'Domain'>, weight: number, cap: number): Errno {
  if (!schedParametersAreValid(ld(d + Domain.vcpuCount), weight, cap)) return -EINVAL
  spinLock(lock())
  st(d + WEIGHT, weight)
  st(d + CAP, cap)
  spinUnlock(lock())
  return 0
}

/** Whether a domain of that many vCPUs can have them. */
export function schedParametersAreValid(vcpus: number, weight: number, cap: number): boolean {
  if (!Number.isInteger(weight) || weight < 1 || weight > MAX_WEIGHT) return false
  return Number.isInteger(cap) && cap >= 0 && cap <= 100 * vcpus
}

/** Write the weight and the cap of a domain to two words. */
export function schedDomainGet(d: Ref<'Domain'>, to: number): void {
  spinLock(lock())
  st(to, ld(d + WEIGHT))
  st(to + 1, ld(d + CAP))
  spinUnlock(lock())
}

/** A fresh domain: default weight, no cap, nobody active. */
export function creditInitDomain(d: Ref<'Domain'>): void {
  st(d + WEIGHT, DEFAULT_WEIGHT)
  listInit(d + VCPUS)
  listInit(d + DOMAIN_NODE)
}

/** A fresh vCPU: no credits, none owed. */
export function creditInitVcpu(v: Ref<'Vcpu'>): void {
  listInit(v + ACTIVE_NODE)
  st(v + PRIORITY, UNDER)
}

/** Boot. */
export function setupCredit(): void {
  spinLockInit(lock(), creditLockClass)
  listInit(domains())
  // CPU 0 never goes down
  initTimer(Credit.base + Credit.accountTimer, accountHandler, 0, 0)
}
