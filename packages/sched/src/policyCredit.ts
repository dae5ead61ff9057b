// SPDX-License-Identifier: MIT
/**
 * Which vCPU runs next (SCH-2): per pCPU a queue for each priority, first in, first out. Who has credits left is UNDER, who
 * has none OVER; who wakes while UNDER is BOOST for a moment, so that what it waited for is served at once.
 *
 *     BOOST   woke while UNDER; until its first tick
 *     UNDER   has credits
 *     OVER    has used more than it was given
 *     IDLE    the idle vCPU: in no queue
 *
 * These functions are the whole of the choice: another policy takes their place as a file with the same names.
 *
 * @xen xen/common/sched_credit.c
 * Contexts  schedule lock of the pCPU `area` held; `policyPick` and `policyPutBack` on that pCPU.
 * Locks     another pCPU's schedule lock is only tried, so that no order is needed between two that steal.
 *
 * F1  A vCPU is in a queue if and only if it is runnable and not current, from the release of the schedule lock on by
 *     whoever made it so.
 * F2  `waiting` counts the vCPUs in the queues.
 * F3  A pCPU is in `idlers` before it looks for work to steal and tries a lock; who leaves work waiting looks for idlers
 *     when it has dropped that lock: one of the two sees the other. A try that failed because of somebody else's hold is
 *     made up for at the next tick of the pCPU with work.
 */
import { cpuOnline, maskClear, maskEmpty, maskFirst, maskNext, maskSet, maskTest, maskTestAndClear } from '@bottomhalf/cpu'
import type { CpuMaskRef } from '@bottomhalf/cpu'
import type { Ref } from '@bottomhalf/base'
import { isIdleVcpu, Vcpu, vcpuRunnable } from '@bottomhalf/domain'
import {
  listAdd, listAddTail, listDelInit, listEmpty, ListHead, listInit, listIsQueued, listNext, listPop,
} from '@bottomhalf/list'
import { cpuArea, cpuCount, currentCpu, fetchAdd, ld, ldTime, load, NO_CPU, st, store, stTime } from '@bottomhalf/machine'
import { spinTrylock, spinUnlock } from '@bottomhalf/spinlock'
import { burnFrom, burnLocked } from './burn.js'
import { BOOST, Credit, IDLE, OVER, Sched, SchedVcpu, UNDER, VCPU_SCHED } from './records.js'

/** Longest time that a vCPU runs while another one of its priority waits. */
export const SLICE_NS = 30e6
/** Shortest time that a vCPU runs before a better one takes its place. */
export const RATE_LIMIT_NS = 1e6

/** No CPU: one that idles is to be found. */
export const FIND_IDLER = -2

const NODE = VCPU_SCHED + SchedVcpu.queueNode
const PRIORITY = VCPU_SCHED + SchedVcpu.priority
const AFFINITY = VCPU_SCHED + SchedVcpu.affinity

function idlers(): CpuMaskRef {
  return Credit.base + Credit.idlers
}

// ---- waiting

/**
 * A runnable vCPU that is not current begins to wait; `boost`: it slept and has an event. Returns the pCPU that is to
 * decide anew, FIND_IDLER for `policyIdlerFor` when the lock is dropped (F3), or NO_CPU.
 */
export function policyWake(area: number, v: Ref<'Vcpu'>, boost: boolean): number {
  if (listIsQueued(v + NODE)) return NO_CPU
  if (boost && ld(v + PRIORITY) === UNDER) st(v + PRIORITY, BOOST)
  enqueue(area, v)
  return ld(v + PRIORITY) < ld(ld(area + Sched.current) + PRIORITY) ? load(v + Vcpu.processor) : FIND_IDLER
}

/** A vCPU that is no longer runnable, or goes to another pCPU, stops waiting. */
export function policySleep(area: number, v: Ref<'Vcpu'>): void {
  if (listIsQueued(v + NODE)) dequeue(area, v)
}

/** Whether a vCPU waits in a queue. */
export function policyIsQueued(v: Ref<'Vcpu'>): boolean {
  return listIsQueued(v + NODE)
}

/** Give a vCPU another priority; one that waits goes to the tail of its new queue. */
export function policySetPriority(area: number, v: Ref<'Vcpu'>, priority: number): void {
  if (ld(v + PRIORITY) === priority) return
  st(v + PRIORITY, priority)
  if (!listIsQueued(v + NODE)) return
  dequeue(area, v)
  enqueue(area, v)
}

function enqueue(area: number, v: Ref<'Vcpu'>): void {
  listAddTail(v + NODE, queueOf(area, ld(v + PRIORITY)))              // F1
  fetchAdd(area + Sched.waiting, 1)                                   // F2, F3
}

function enqueueFirst(area: number, v: Ref<'Vcpu'>): void {
  listAdd(v + NODE, queueOf(area, ld(v + PRIORITY)))                  // F1
  fetchAdd(area + Sched.waiting, 1)                                   // F2, F3
}

function dequeue(area: number, v: Ref<'Vcpu'>): void {
  listDelInit(v + NODE)                                               // F1
  fetchAdd(area + Sched.waiting, -1)                                  // F2
}

/** The priority of the best vCPU that waits, IDLE if none does. */
export function policyBestWaiting(area: number): number {
  for (let priority = BOOST; priority <= OVER; priority++) {
    if (!listEmpty(queueOf(area, priority))) return priority
  }
  return IDLE
}

function queueOf(area: number, priority: number): number {
  return area + Sched.queues + priority * ListHead.sizeWords
}

// ---- the choice

/**
 * The vCPU to run after `prev`. It stays for the rate limit, and while its slice lasts and none better waits; then the
 * longest waiting of the best priority; a better one of another pCPU if that is OVER or none; else the idle vCPU.
 * `Sched.decideNs` is when to decide again.
 */
export function policyPick(area: number, prev: Ref<'Vcpu'>, atNs: number): Ref<'Vcpu'> {
  burnLocked(prev, atNs)
  const stays = mayStay(prev)
  if (stays && isNew(area, atNs)) return prev
  const own = stays ? ld(prev + PRIORITY) : IDLE
  const best = policyBestWaiting(area)
  const keeps = stays && (own < best || own === best && atNs < ldTime(area + Sched.sliceEndNs))
  const stolen = steal(area, Math.min(own, best))
  if (keeps && stolen === 0) return goOn(area, prev, atNs)
  if (stays) putAside(area, prev, atNs)
  return begin(area, stolen !== 0 ? stolen : popFirst(area), atNs)
}

function mayStay(prev: Ref<'Vcpu'>): boolean {
  return !isIdleVcpu(prev) && vcpuRunnable(prev) && policyMayRunOn(prev, currentCpu())
}

// A vCPU that has only begun goes on, and a decision comes when the rate limit ends.
function isNew(area: number, atNs: number): boolean {
  const endNs = ldTime(area + Sched.ranSinceNs) + RATE_LIMIT_NS
  if (atNs >= endNs) return false
  stTime(area + Sched.decideNs, endNs)
  return true
}

function goOn(area: number, prev: Ref<'Vcpu'>, atNs: number): Ref<'Vcpu'> {
  if (atNs >= ldTime(area + Sched.sliceEndNs)) stTime(area + Sched.sliceEndNs, atNs + SLICE_NS)
  stTime(area + Sched.decideNs, ldTime(area + Sched.sliceEndNs))
  return prev
}

// Whose slice lasts was displaced, and comes before those of its priority that have waited.
function putAside(area: number, prev: Ref<'Vcpu'>, atNs: number): void {
  if (atNs < ldTime(area + Sched.sliceEndNs)) enqueueFirst(area, prev)
  else enqueue(area, prev)
}

function begin(area: number, next: Ref<'Vcpu'>, atNs: number): Ref<'Vcpu'> {
  if (next === 0) return area + Sched.idle
  maskClear(idlers(), currentCpu())
  burnFrom(next, atNs)
  stTime(area + Sched.ranSinceNs, atNs)
  stTime(area + Sched.sliceEndNs, atNs + SLICE_NS)
  stTime(area + Sched.decideNs, atNs + SLICE_NS)
  return next
}

function popFirst(area: number): Ref<'Vcpu'> {
  const best = policyBestWaiting(area)
  if (best === IDLE) return 0
  const v = listPop(queueOf(area, best)) - NODE
  fetchAdd(area + Sched.waiting, -1)                                  // F2
  return v
}

/** The idle vCPU runs before the guests (TL-7): `prev` waits at the head of its queue. */
export function policyPutBack(area: number, prev: Ref<'Vcpu'>, atNs: number): void {
  burnLocked(prev, atNs)
  if (mayStay(prev)) enqueueFirst(area, prev)
}

// ---- other pCPUs

/** A waiting vCPU of another pCPU that is better than `mine`, which is OVER or IDLE; 0 if there is none. Own node first. */
function steal(area: number, mine: number): Ref<'Vcpu'> {
  if (mine < OVER) return 0
  if (mine === IDLE) maskSet(idlers(), currentCpu())                    // F3
  const near = stealFromNode(area, mine, true)
  return near !== 0 ? near : stealFromNode(area, mine, false)
}

function stealFromNode(area: number, mine: number, near: boolean): Ref<'Vcpu'> {
  const me = currentCpu()
  for (let n = 1; n < cpuCount(); n++) {
    const cpu = (me + n) % cpuCount()
    const peer = cpuArea(cpu, Sched)
    if (load(peer + Sched.waiting) === 0 || (ld(peer + Sched.node) === ld(area + Sched.node)) !== near) continue
    const v = stealFrom(peer, mine)
    if (v !== 0) return v
  }
  return 0
}

function stealFrom(peer: number, mine: number): Ref<'Vcpu'> {
  if (!spinTrylock(peer + Sched.lock)) return 0
  const v = firstBetter(peer, mine)
  if (v !== 0) takeAway(peer, v)
  spinUnlock(peer + Sched.lock)
  return v
}

function takeAway(peer: number, v: Ref<'Vcpu'>): void {
  dequeue(peer, v)
  // both schedule locks are held: whoever waits for the old one looks at `processor` again
  store(v + Vcpu.processor, currentCpu())
}

function firstBetter(peer: number, mine: number): Ref<'Vcpu'> {
  const cpu = currentCpu()
  for (let priority = BOOST; priority < mine; priority++) {
    const queue = queueOf(peer, priority)
    for (let node = listNext(queue, queue); node !== 0; node = listNext(node, queue)) {
      if (policyMayRunOn(node - NODE, cpu)) return node - NODE
    }
  }
  return 0
}

/** A pCPU that has nothing to run and may run `v`, its own node first; NO_CPU if there is none. It is told once. */
export function policyIdlerFor(v: Ref<'Vcpu'>): number {
  if (maskEmpty(idlers())) return NO_CPU
  const node = nodeOf(load(v + Vcpu.processor))
  let far = NO_CPU
  for (let cpu = maskFirst(idlers()); cpu >= 0; cpu = maskNext(idlers(), cpu)) {
    if (!policyMayRunOn(v, cpu)) continue
    if (nodeOf(cpu) === node) return claimIdler(cpu)
    far = cpu
  }
  return far === NO_CPU ? NO_CPU : claimIdler(far)
}

function claimIdler(cpu: number): number {
  return maskTestAndClear(idlers(), cpu) ? cpu : NO_CPU
}

/** Whether something waits here and some pCPU idles. Context: any (F3). */
export function policyMayHelp(area: number): boolean {
  return load(area + Sched.waiting) !== 0 && !maskEmpty(idlers())
}

/** An idle pCPU that may run one of those that wait here; NO_CPU if there is none. */
export function policyIdlerForWaiting(area: number): number {
  for (let priority = BOOST; priority <= OVER; priority++) {
    const queue = queueOf(area, priority)
    for (let node = listNext(queue, queue); node !== 0; node = listNext(node, queue)) {
      const cpu = policyIdlerFor(node - NODE)
      if (cpu !== NO_CPU) return cpu
    }
  }
  return NO_CPU
}

/** Whether a vCPU may run on a pCPU. Context: any of its schedule lock, or the answer may be old. */
export function policyMayRunOn(v: Ref<'Vcpu'>, cpu: number): boolean {
  return cpuOnline(cpu) && maskTest(v + AFFINITY, cpu)
}

/** The pCPU where a vCPU waits shortest, the one it is on if that will do; NO_CPU if it may run nowhere. */
export function policyPlace(v: Ref<'Vcpu'>): number {
  const here = load(v + Vcpu.processor)
  let best = policyMayRunOn(v, here) ? here : NO_CPU
  for (let cpu = 0; cpu < cpuCount(); cpu++) {
    if (!policyMayRunOn(v, cpu)) continue
    if (best === NO_CPU || load(waitingOn(cpu)) < load(waitingOn(best))) best = cpu
  }
  return best
}

function waitingOn(cpu: number): number {
  return cpuArea(cpu, Sched) + Sched.waiting
}

function nodeOf(cpu: number): number {
  return ld(cpuArea(cpu, Sched) + Sched.node)
}

/** A pCPU has nothing to run and looks for work, or is gone. */
export function policySetIdle(cpu: number, idle: boolean): void {
  if (idle) maskSet(idlers(), cpu)
  else maskClear(idlers(), cpu)
}

/** Make the empty queues of a pCPU. Boot. */
export function policyInitCpu(area: number, node: number): void {
  for (let priority = BOOST; priority <= OVER; priority++) listInit(queueOf(area, priority))
  store(area + Sched.waiting, 0)
  st(area + Sched.node, node)
  st(area + Sched.idle + PRIORITY, IDLE)
}
