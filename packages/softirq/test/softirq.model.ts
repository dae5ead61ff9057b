// SPDX-License-Identifier: MIT
/** Work that is handed to another CPU by softirq: what was added must be taken. */
import type { SoftirqNr } from '@bottomhalf/base'
import { cpuDown, cpuPark, setupCpus, thisCpuOnline } from '@bottomhalf/cpu'
import {
  callHandler, cpuArea, fetchAdd, global, handler, haltUntilInterrupt, irqDisable, irqEnable, ld, load, store,
  testAndClearBit, testAndSetBit, thisCpu, word, xchg,
} from '@bottomhalf/machine'
import {
  beginLooking, cpuRaiseSoftirq, doSoftirq, endLooking, openSoftirq, raiseSoftirq, setupSoftirqs, sleepUnlessPending,
} from '../src/index.js'
import { Softirq, SoftirqTable } from '../src/state.js'

export const WORK = 3 as SoftirqNr
const SCHEDULE = 1 as SoftirqNr

export const Work = global('softirqWork', { added: word, left: word, done: word })

/** Takes all that is there. */
function takeWork(): void {
  const n = xchg(Work.base + Work.left, 0)
  if (n > 0) fetchAdd(Work.base + Work.done, n)
}

const takeWorkHandler = handler('softirqWork.take', takeWork)

export function boot(cpus: number): void {
  setupCpus(cpus)
  setupSoftirqs(SCHEDULE)
  openSoftirq(WORK, takeWorkHandler)
}

function addWork(): void {
  fetchAdd(Work.base + Work.added, 1)
  fetchAdd(Work.base + Work.left, 1)
}

/** Hand `times` pieces of work to `cpu`. */
export function produce(cpu: number, times: number): void {
  for (let i = 0; i < times; i++) {
    addWork()
    cpuRaiseSoftirq(cpu, WORK)
  }
}

/** The idle loop. */
export function idle(): void {
  irqEnable()
  beginLooking()
  for (;;) {
    doSoftirq()
    sleepUnlessPending()
  }
}

/** The foot of the stack of a CPU that may be taken down. */
export function idleOrPark(): void {
  irqEnable()
  beginLooking()
  for (;;) {
    if (!thisCpuOnline()) cpuPark()
    doSoftirq()
    sleepUnlessPending()
  }
}

/** Twin of S6: the last look is at pending softirqs only. */
export function idleOrParkLookingOnce(): void {
  const mine = thisCpu(Softirq)
  irqEnable()
  for (;;) {
    if (!thisCpuOnline()) cpuPark()
    doSoftirq()
    irqDisable()
    if (load(mine + Softirq.pending) !== 0) irqEnable()
    else haltUntilInterrupt()
  }
}

export function takeDown(cpu: number): number {
  irqEnable()
  return cpuDown(cpu)
}

/** Twin of S5: the flag goes down after the last look. */
export function idleThatLooksTooEarly(): void {
  const mine = thisCpu(Softirq)
  irqEnable()
  beginLooking()
  for (;;) {
    doSoftirq()
    irqDisable()
    const pending = load(mine + Softirq.pending)
    store(mine + Softirq.looking, 0)
    if (pending !== 0) irqEnable()
    else haltUntilInterrupt()
    beginLooking()
  }
}

/** Twin of CPU-3: the last look is with IF = 1, so that the interrupt may come between look and sleep. */
export function idleWithIrqsOn(): void {
  irqEnable()
  beginLooking()
  for (;;) {
    doSoftirq()
    if (!endLooking()) {
      irqDisable()
      haltUntilInterrupt()
    }
    beginLooking()
  }
}

/** Twin of SQ-2: the raiser reads `looking` before it sets the bit. */
export function produceLookingFirst(cpu: number, times: number): void {
  const theirs = cpuArea(cpu, Softirq)
  for (let i = 0; i < times; i++) {
    addWork()
    const looks = load(theirs + Softirq.looking) !== 0
    if (looks) testAndSetBit(WORK, theirs + Softirq.pending)
    else cpuRaiseSoftirq(cpu, WORK)
  }
}

/** Twin of S1: the handler runs before its bit is cleared. */
export function idleThatClearsLate(): void {
  const mine = thisCpu(Softirq)
  irqEnable()
  beginLooking()
  for (;;) {
    while (load(mine + Softirq.pending) !== 0) {
      callHandler(ld(SoftirqTable.base + SoftirqTable.handlers + WORK), WORK)
      testAndClearBit(WORK, mine + Softirq.pending)
    }
    sleepUnlessPending()
  }
}

export function raiseOne(): void {
  raiseSoftirq(WORK)
}

export function raiseRemote(cpu: number): void {
  cpuRaiseSoftirq(cpu, WORK)
}

export function serve(): void {
  doSoftirq()
}

export function irqsOn(): void {
  irqEnable()
}
