// SPDX-License-Identifier: MIT
/** Programs of the tests of calls between CPUs. */
import {
  currentCpu, embed, global, handler, haltUntilInterrupt, irqDisable, irqEnable, irqsEnabled, ld, st, store, word,
} from '@bottomhalf/machine'
import { lockClass, SpinLock, spinLock, spinLockInit, spinUnlock } from '@bottomhalf/spinlock'
import {
  CpuMask, maskSet, maskZero, onCpu, onlineMask, onSelectedCpus, sendEventCheck, setupCpus, stopMachine,
} from '../src/index.js'

export const Calls = global('callsTest', { lock: embed(SpinLock), mask: embed(CpuMask), flag: word, counter: word })
export const testLock = lockClass('callsTest')

/** What happened, in order. The tests clear it. */
export const events: string[] = []

export const say = handler('callsTest.say', (arg: number) => {
  events.push(`${currentCpu()} says ${arg}${irqsEnabled() ? ' with IF = 1' : ''}`)
})
export const takeLock = handler('callsTest.takeLock', () => {
  spinLock(Calls.base + Calls.lock)
  spinUnlock(Calls.base + Calls.lock)
})
export const callBack = handler('callsTest.callBack', (arg: number) => { onCpu(0, say, arg, true) })
/** Adds one in two steps: exact only if nobody else does so meanwhile. */
export const addOne = handler('callsTest.addOne', (arg: number) => {
  st(Calls.base + Calls.counter, ld(Calls.base + Calls.counter) + 1)
  return arg + 1
})

export function boot(cpus: number): void {
  setupCpus(cpus)
  spinLockInit(Calls.base + Calls.lock, testLock)
}

/** An idle CPU: takes interrupts for ever. */
export function idle(): void {
  for (;;) {
    irqDisable()
    haltUntilInterrupt()
  }
}

/** Busy with IF = 1, then idle. */
export function busy(steps: number): void {
  irqEnable()
  for (let i = 0; i < steps; i++) store(Calls.base + Calls.flag, i)
  idle()
}

export function callOne(target: number, arg: number, wait: boolean): void {
  irqEnable()
  onCpu(target, say, arg, wait)
  events.push(`${currentCpu()} goes on`)
}

export function callAll(arg: number): void {
  irqEnable()
  onSelectedCpus(onlineMask(), say, arg, true)
  events.push(`${currentCpu()} goes on`)
}

/** Call each other and be idle. */
export function callThenIdle(target: number, arg: number): void {
  callOne(target, arg, true)
  idle()
}

export function callWithIrqsOff(): void {
  irqDisable()
  onCpu(1, say, 1, true)
}

export function callWithLock(): void {
  irqEnable()
  spinLock(Calls.base + Calls.lock)
  onCpu(1, takeLock, 0, true)
}

export function callAndAnswer(): void {
  irqEnable()
  onCpu(1, callBack, 7, true)
}

export function callMasked(first: number, second: number): void {
  irqEnable()
  maskZero(Calls.base + Calls.mask)
  maskSet(Calls.base + Calls.mask, first)
  maskSet(Calls.base + Calls.mask, second)
  onSelectedCpus(Calls.base + Calls.mask, say, 5, false)
}

export function stopAndAdd(target: number): number {
  irqEnable()
  return stopMachine(addOne, 41, target)
}

/** The same without stopping anybody. */
export function callAndAdd(target: number): void {
  irqEnable()
  onCpu(target, addOne, 41, true)
}

/** What a stopped machine must not see: an increment in two steps, with IF = 1. */
export function addForever(): void {
  irqEnable()
  for (let i = 0; i < 3; i++) {
    irqDisable()
    st(Calls.base + Calls.counter, ld(Calls.base + Calls.counter) + 1)
    irqEnable()
  }
  idle()
}

export function eventCheck(target: number): void {
  sendEventCheck(target)
}
