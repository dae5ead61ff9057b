// SPDX-License-Identifier: MIT
/** Timers in virtual time: who was called where and when. */
import { bug } from '@bottomhalf/base'
import type { SoftirqNr } from '@bottomhalf/base'
import {
  CPU_DEAD, CPU_UP_PREPARE, cpuDown, CpuEvent, cpuPark, cpuUp, setupCpus, thisCpuOnline,
} from '@bottomhalf/cpu'
import {
  AWAIT_EQ, awaitWord, callHandler, cpuArea, currentCpu, embed, fetchAdd, global, handler, handlerIdOf, inIrq,
  irqEnable, irqsEnabled, load, nowNs, st, store, word, words,
} from '@bottomhalf/machine'
import {
  beginLooking, doSoftirq, openSoftirq, processPendingSoftirqs, raiseSoftirq, setupSoftirqs, sleepUnlessPending,
} from '@bottomhalf/softirq'
import { lockClass, SpinLock, spinLock, spinLockInit, spinUnlock } from '@bottomhalf/spinlock'
import {
  initTimer, killTimer, migrateTimer, setTimer, setupTimers, stopTimer, Timer, timerIsActive,
} from '../src/index.js'
import { lockTimer, unlockTimer } from '../src/locks.js'
import { Timers } from '../src/state.js'

export const TIMER = 0 as SoftirqNr
const SCHEDULE = 1 as SoftirqNr
const OTHER = 5 as SoftirqNr

const COUNT = 8
export const World = global('timerModel', {
  timers: words(COUNT * 32), lock: embed(SpinLock), event: embed(CpuEvent), calls: word, entered: word, leave: word,
  freed: word,
})
const testLock = lockClass('timerModel')

export const timerOf = (n: number): number => World.base + World.timers + n * 32

/** Each call: `timer @ cpu, time`. The tests clear it. */
export const calls: string[] = []
function called(n: number): void {
  if (inIrq() || !irqsEnabled()) bug('a timer is called in an interrupt or with IF = 0', 'TM-1')
  calls.push(`${n} @ ${currentCpu()}, ${nowNs()}`)
  fetchAdd(World.base + World.calls, 1)
}

/** Sets itself again, 1 ms later, up to five calls. */
function periodic(n: number): void {
  called(n)
  if (load(World.base + World.calls) < 5) setTimer(timerOf(n), nowNs() + 1_000_000)
}

function migrating(n: number): void {
  called(n)
  if (load(World.base + World.calls) > 3) return
  migrateTimer(timerOf(n), currentCpu() === 0 ? 1 : 0)
  setTimer(timerOf(n), nowNs() + 1_000_000)
}

function suicidal(n: number): void {
  called(n)
  killTimer(timerOf(n))
}

/** Stays inside until it is let go. */
function slow(n: number): void {
  if (load(World.base + World.freed) !== 0) bug('a timer is called after it was killed', 'TM-1')
  store(World.base + World.entered, 1)
  awaitWord(World.base + World.leave, AWAIT_EQ, 1)
  if (load(World.base + World.freed) !== 0) bug('a timer is called after it was killed', 'TM-1')
  called(n)
}

/** Serves softirqs, the timer softirq too, before it goes on inside. */
function serving(n: number): void {
  raiseSoftirq(TIMER)
  processPendingSoftirqs()
  slow(n)
}

/** Migrates to the other CPU, then stays inside. */
function migratingSlow(n: number): void {
  migrateTimer(timerOf(n), currentCpu() === 0 ? 1 : 0)
  slow(n)
}

function locking(): void {
  store(World.base + World.entered, 1)
  spinLock(World.base + World.lock)
  spinUnlock(World.base + World.lock)
}

export const kinds = {
  plain: handler('timerModel.called', called),
  periodic: handler('timerModel.periodic', periodic),
  migrating: handler('timerModel.migrating', migrating),
  suicidal: handler('timerModel.suicidal', suicidal),
  slow: handler('timerModel.slow', slow),
  serving: handler('timerModel.serving', serving),
  migratingSlow: handler('timerModel.migratingSlow', migratingSlow),
  locking: handler('timerModel.locking', locking),
}
const nothing = handler('timerModel.nothing', () => { /* no scheduler here */ })

export function boot(cpus: number, online: number): void {
  setupCpus(online)
  setupSoftirqs(SCHEDULE)
  openSoftirq(SCHEDULE, nothing)
  openSoftirq(OTHER, nothing)
  setupTimers(TIMER)
  spinLockInit(World.base + World.lock, testLock)
  for (let n = 0; n < COUNT; n++) initTimer(timerOf(n), kinds.plain, n, n % cpus)
}

export function make(n: number, kind: keyof typeof kinds, cpu: number): void {
  initTimer(timerOf(n), kinds[kind], n, cpu)
}

export function set(n: number, expiresNs: number): void {
  setTimer(timerOf(n), expiresNs)
}

export function stop(n: number): void {
  stopTimer(timerOf(n))
}

export function kill(n: number): void {
  killTimer(timerOf(n))
}

export function migrate(n: number, cpu: number): void {
  migrateTimer(timerOf(n), cpu)
}

export function active(n: number): boolean {
  return timerIsActive(timerOf(n))
}

export function setForgotten(): void {
  setTimer(World.base + World.event, 1)
}

export function serve(): void {
  irqEnable()
  doSoftirq()
}

/** The foot of a CPU's stack. */
export function idle(): void {
  irqEnable()
  beginLooking()
  for (;;) {
    if (!thisCpuOnline()) cpuPark()
    doSoftirq()
    sleepUnlessPending()
  }
}

export function tell(action: 'dead' | 'up', cpu: number): void {
  st(World.base + World.event + CpuEvent.action, action === 'dead' ? CPU_DEAD : CPU_UP_PREPARE)
  st(World.base + World.event + CpuEvent.cpu, cpu)
  callHandler(handlerIdOf('timerCpuNotifier'), World.base + World.event)
}

/** Take CPU 1 down, set a timer that belongs to it, bring it up, and be idle. */
export function hotplugThenIdle(n: number, expiresNs: number): void {
  irqEnable()
  if (cpuDown(1) !== 0) bug('cpuDown failed')
  setTimer(timerOf(n), expiresNs)
  if (cpuUp(1) !== 0) bug('cpuUp failed')
  idle()
}

/** Kill a timer that runs elsewhere, then free it. */
export function killAndFree(n: number): void {
  irqEnable()
  awaitWord(World.base + World.entered, AWAIT_EQ, 1)
  killTimer(timerOf(n))
  store(World.base + World.freed, 1)
}

/** Twin: only the timer's own CPU is waited for. */
export function killLookingAtItsCpu(n: number): void {
  irqEnable()
  awaitWord(World.base + World.entered, AWAIT_EQ, 1)
  stopTimer(timerOf(n))
  const flags = lockTimer(timerOf(n))
  const cpu = load(timerOf(n) + Timer.cpu)
  unlockTimer(timerOf(n), flags)
  if (load(cpuArea(cpu, Timers) + Timers.running) === timerOf(n)) bug('this twin looks at the right CPU')
  store(World.base + World.freed, 1)
}

/** Some time after the function was entered. */
export function letGo(): void {
  awaitWord(World.base + World.entered, AWAIT_EQ, 1)
  for (let i = 0; i < 20; i++) store(World.base + World.leave, 0)
  store(World.base + World.leave, 1)
}

export function holdLockAndKill(n: number): void {
  irqEnable()
  spinLock(World.base + World.lock)
  awaitWord(World.base + World.entered, AWAIT_EQ, 1)
  killTimer(timerOf(n))
  spinUnlock(World.base + World.lock)
}

/** Set, stop and set again, and serve, against what other CPUs do to the same timer. */
export function fiddle(n: number, cpus: number, times: number): void {
  irqEnable()
  for (let i = 0; i < times; i++) {
    setTimer(timerOf(n), nowNs() + i * 1000)
    migrateTimer(timerOf(n), (currentCpu() + i) % cpus)
    if (i % 2 === 0) stopTimer(timerOf(n))
    doSoftirq()
  }
  setTimer(timerOf(n), nowNs() + 1000)
  idle()
}
