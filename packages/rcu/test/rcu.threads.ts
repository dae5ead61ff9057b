// SPDX-License-Identifier: MIT
/** What the threads of the stress test run: objects that are replaced and freed while others read them. */
import { bug } from '@bottomhalf/base'
import { sendEventCheck } from '@bottomhalf/cpu'
import {
  embed, fetchAdd, global, handler, irqEnable, ld, load, nowNs, setDeadline, st, struct, word, xchg, xfree, xmalloc,
} from '@bottomhalf/machine'
import { beginLooking, doSoftirq, sleepUnlessPending } from '@bottomhalf/softirq'
import {
  callRcu, rcuBarrier, RcuHead, rcuIdleEnter, rcuIdleExit, rcuReadLock, rcuReadUnlock,
} from '../src/index.js'

// the whole package, so that the threads know every handler
export * from '../src/index.js'

const WHOLE = 0x600d
export const Thing = struct('RcuStressThing', { rcu: embed(RcuHead), canary: word, more: word })
export const Stress = global('rcuStress', { current: word, freed: word, made: word, finished: word })

export const freeThing = handler('rcuStress.free', (thing: number) => {
  st(thing + Thing.canary, 0)
  st(thing + Thing.more, 0)
  xfree(thing)
  fetchAdd(Stress.base + Stress.freed, 1)
})

/** Every thread reads, replaces now and then, sleeps now and then, and serves until all have finished. */
export function readAndReplace(index: number, cpus: number, rounds: number): number {
  irqEnable()
  beginLooking()
  for (let i = 0; i < rounds; i++) {
    read()
    if (i % 8 === index % 8) replaceThing()
    doSoftirq()
    if (i % 64 === 0) napShortly()
  }
  fetchAdd(Stress.base + Stress.finished, 1)
  for (let cpu = 0; cpu < cpus; cpu++) sendEventCheck(cpu)
  while (load(Stress.base + Stress.finished) < cpus) {
    doSoftirq()
    if (load(Stress.base + Stress.finished) < cpus) nap()
  }
  return index === 0 ? finish(cpus) : serveUntilEnd(cpus)
}

function read(): void {
  rcuReadLock()
  const thing = load(Stress.base + Stress.current)
  for (let i = 0; thing !== 0 && i < 16; i++) {
    if (ld(thing + Thing.canary) !== WHOLE || ld(thing + Thing.more) !== WHOLE) bug('a reader sees a freed object', 'I6')
  }
  rcuReadUnlock()
}

function replaceThing(): void {
  const thing = xmalloc(Thing.sizeWords, Thing.tag)
  if (thing === 0) bug('out of memory')
  st(thing + Thing.canary, WHOLE)
  st(thing + Thing.more, WHOLE)
  fetchAdd(Stress.base + Stress.made, 1)
  const old = xchg(Stress.base + Stress.current, thing)
  if (old !== 0) callRcu(old + Thing.rcu, freeThing)
}

/** Asleep until somebody wants something, 20 us at most: nobody else need be awake. */
function napShortly(): void {
  setDeadline(nowNs() + 20_000)
  nap()
}

function nap(): void {
  rcuIdleEnter()
  sleepUnlessPending()
  rcuIdleExit()
}

/** Wait for all callbacks; then tell the others that it is over. */
function finish(cpus: number): number {
  if (rcuBarrier() !== 0) bug('the barrier was refused')
  const freed = load(Stress.base + Stress.freed)
  fetchAdd(Stress.base + Stress.finished, 1)
  for (let cpu = 1; cpu < cpus; cpu++) sendEventCheck(cpu)
  return freed
}

function serveUntilEnd(cpus: number): number {
  while (load(Stress.base + Stress.finished) <= cpus) {
    doSoftirq()
    if (load(Stress.base + Stress.finished) <= cpus) nap()
  }
  return 0
}
