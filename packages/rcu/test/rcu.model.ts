// SPDX-License-Identifier: MIT
/** Readers that must never see a freed object, updaters that replace and free objects, CPUs asleep between. */
import { bug } from '@bottomhalf/base'
import type { SoftirqNr } from '@bottomhalf/base'
import { cpuDown, cpuPark, cpuUp, setupCpus, setVector, thisCpuOnline } from '@bottomhalf/cpu'
import {
  currentCpu, cpuArea, embed, fetchAdd, global, handler, inIrq, irqEnable, irqsEnabled, ld, load, raiseVector, st,
  store, thisCpu, word, words, xchg,
} from '@bottomhalf/machine'
import {
  beginLooking, doSoftirq, openSoftirq, processPendingSoftirqs, raiseSoftirq, setupSoftirqs, sleepUnlessPending,
} from '@bottomhalf/softirq'
import { lockClass, SpinLock, spinLock, spinLockInit, spinUnlock } from '@bottomhalf/spinlock'
import {
  callRcu, rcuBarrier, RcuHead, rcuIdleEnter, rcuIdleExit, rcuReadLock, rcuReadUnlock, setupRcu,
} from '../src/index.js'
import { Rcu } from '../src/state.js'

const SCHEDULE = 1 as SoftirqNr
export const RCU = 3 as SoftirqNr

const OBJECTS = 40
const HEAD = RcuHead.sizeWords
export const World = global('rcuModel', {
  current: word, next: word, freed: words(OBJECTS), heads: words(OBJECTS * HEAD), lock: embed(SpinLock), other: word,
})
const testLock = lockClass('rcuModel')

/** Objects in the order in which they were freed: `object @ cpu`. The tests clear it. */
export const frees: string[] = []
/** Those that the barrier of `replaceAndWait` waited for, and others before it. */
export const freesAtReturn: string[] = []

const headOf = (object: number): number => World.base + World.heads + object * HEAD
const objectOf = (head: number): number => (head - World.base - World.heads) / HEAD
const isFreed = (object: number): boolean => load(World.base + World.freed + object) !== 0

function free(head: number): void {
  if (inIrq() || !irqsEnabled()) bug('a callback is called in an interrupt or with IF = 0', 'TM-4')
  frees.push(`${objectOf(head)} @ ${currentCpu()}`)
  store(World.base + World.freed + objectOf(head), 1)
}

/** A callback that serves softirqs, with the RCU softirq among them, before it frees. */
function freeSlowly(head: number): void {
  raiseSoftirq(RCU)
  processPendingSoftirqs()
  free(head)
}

function freeUnderLock(head: number): void {
  spinLock(World.base + World.lock)
  spinUnlock(World.base + World.lock)
  free(head)
}

const freeHandler = handler('rcuModel.free', free)
const freeSlowlyHandler = handler('rcuModel.freeSlowly', freeSlowly)
const freeUnderLockHandler = handler('rcuModel.freeUnderLock', freeUnderLock)
const nothing = handler('rcuModel.nothing', () => { /* no scheduler here */ })
const readInIrq = handler('rcuModel.readInIrq', () => { readOnce() })
const readInIrqForgetful = handler('rcuModel.readInIrqForgetful', () => { readWithoutLeavingIdle() })
const freeInIrq = handler('rcuModel.freeInIrq', () => { replace() })

export const READ = 0x70
export const READ_FORGETFUL = 0x71
export const FREE = 0x72

export function boot(online: number): void {
  setupCpus(online)
  setupSoftirqs(SCHEDULE)
  openSoftirq(SCHEDULE, nothing)
  setupRcu(RCU)
  setVector(READ, readInIrq)
  setVector(READ_FORGETFUL, readInIrqForgetful)
  setVector(FREE, freeInIrq)
  spinLockInit(World.base + World.lock, testLock)
}

// ---- reading

/** Whatever is found inside a section stays until its end. */
function look(steps: number): void {
  const object = load(World.base + World.current)
  for (let i = 0; i < steps; i++) {
    if (isFreed(object)) bug('a reader sees a freed object', 'I6')
  }
}

export function readOnce(): void {
  rcuReadLock()
  look(4)
  rcuReadUnlock()
}

/** Serves softirqs inside the section. */
export function readServing(): void {
  rcuReadLock()
  const object = load(World.base + World.current)
  processPendingSoftirqs()
  if (isFreed(object)) bug('a reader sees a freed object', 'I6')
  rcuReadUnlock()
}

/** Twin of R3: a section in an interrupt that leaves the CPU marked asleep. */
function readWithoutLeavingIdle(): void {
  const mine = thisCpu(Rcu)
  st(mine + Rcu.readDepth, ld(mine + Rcu.readDepth) + 1)
  look(8)
  rcuReadUnlock()
}

/** Twin of R4: the softirq takes the CPU for quiescent inside a section. */
export function readServingForgetful(): void {
  const mine = thisCpu(Rcu)
  const object = load(World.base + World.current)
  rcuReadLock()
  st(mine + Rcu.readDepth, 0)
  processPendingSoftirqs()
  st(mine + Rcu.readDepth, 1)
  if (isFreed(object)) bug('a reader sees a freed object', 'I6')
  rcuReadUnlock()
}

// ---- replacing

/** Publish a new object and give the old one to RCU. */
export function replace(): void {
  const fresh = fetchAdd(World.base + World.next, 1) + 1
  callRcu(headOf(xchg(World.base + World.current, fresh)), freeHandler)
}

/** Twin of TM-4: the old object is freed at once. */
export function replaceAtOnce(): void {
  irqEnable()
  const fresh = fetchAdd(World.base + World.next, 1) + 1
  free(headOf(xchg(World.base + World.current, fresh)))
}

export function replaceMany(times: number, slowly = false): void {
  for (let i = 0; i < times; i++) {
    const fresh = fetchAdd(World.base + World.next, 1) + 1
    callRcu(headOf(xchg(World.base + World.current, fresh)), slowly ? freeSlowlyHandler : freeHandler)
  }
}

// ---- CPUs

export function idle(): void {
  irqEnable()
  beginLooking()
  for (;;) {
    if (!thisCpuOnline()) cpuPark()
    doSoftirq()
    rcuIdleEnter()
    sleepUnlessPending()
    rcuIdleExit()
  }
}

/** Twin of R3's other half: nobody is ever taken for asleep. */
export function idleAwake(): void {
  irqEnable()
  beginLooking()
  for (;;) {
    doSoftirq()
    sleepUnlessPending()
  }
}

export function readThenIdle(times: number): void {
  irqEnable()
  for (let i = 0; i < times; i++) {
    readOnce()
    doSoftirq()
  }
  idle()
}

export function readServingThenIdle(times: number): void {
  irqEnable()
  for (let i = 0; i < times; i++) readServing()
  idle()
}

export function readServingForgetfulThenIdle(times: number): void {
  irqEnable()
  for (let i = 0; i < times; i++) readServingForgetful()
  idle()
}

export function replaceThenIdle(times: number): void {
  irqEnable()
  for (let i = 0; i < times; i++) {
    replace()
    doSoftirq()
  }
  idle()
}

/** Ask a CPU to read in an interrupt, then replace. */
export function disturbAndReplace(cpu: number, vector: number): void {
  irqEnable()
  raiseVector(cpu, vector)
  replace()
  idle()
}

/** A long read section, which the CPU may be taken down in the middle of. */
export function readLongThenIdle(): void {
  irqEnable()
  rcuReadLock()
  look(40)
  rcuReadUnlock()
  idle()
}

export function takeDown(cpu: number): number {
  irqEnable()
  return cpuDown(cpu)
}

export function downUpThenIdle(cpu: number): void {
  irqEnable()
  if (cpuDown(cpu) !== 0) bug('cpuDown failed')
  if (cpuUp(cpu) !== 0) bug('cpuUp failed')
  idle()
}

// ---- one thing at a time, for call()

export function serve(): void {
  irqEnable()
  doSoftirq()
}

export function sleepNow(): void {
  rcuIdleEnter()
}

export function markAwake(cpu: number): void {
  store(cpuArea(cpu, Rcu) + Rcu.idle, 0)
}

export function lockRead(): void {
  rcuReadLock()
}

export function unlockRead(): void {
  rcuReadUnlock()
}

export function barrier(): number {
  irqEnable()
  return rcuBarrier()
}

/** Give ten objects to RCU on this CPU, then wait for all that anybody gave. Returns the errno. */
export function replaceAndWait(times: number): number {
  irqEnable()
  replaceMany(times)
  const result = rcuBarrier()
  freesAtReturn.splice(0, Infinity, ...frees)
  return result
}

export function barrierInSection(): void {
  irqEnable()
  rcuReadLock()
  if (rcuBarrier() !== 0) bug('not reached')
}

export function barrierWithLock(): void {
  irqEnable()
  const fresh = fetchAdd(World.base + World.next, 1) + 1
  callRcu(headOf(xchg(World.base + World.current, fresh)), freeUnderLockHandler)
  spinLock(World.base + World.lock)
  if (rcuBarrier() !== 0) bug('the barrier was refused')
  spinUnlock(World.base + World.lock)
}
