// SPDX-License-Identifier: MIT
/** Tasklets under many schedules: who is inside, and what was left behind. */
import { bug } from '@bottomhalf/base'
import type { SoftirqNr } from '@bottomhalf/base'
import { cpuDown, cpuPark, cpuUp, setupCpus, thisCpuOnline } from '@bottomhalf/cpu'
import {
  AWAIT_EQ, awaitWord, cpuArea, currentCpu, embed, fetchAdd, global, handler, irqEnable, ld, load, st, store, word,
  xchg,
} from '@bottomhalf/machine'
import {
  beginLooking, doSoftirq, openSoftirq, setupSoftirqs, sleepUnlessPending,
} from '@bottomhalf/softirq'
import { lockClass, SpinLock, spinLock, spinLockInit, spinUnlock } from '@bottomhalf/spinlock'
import {
  setupTasklets, softirqTaskletInit, Tasklet, taskletKill, taskletSchedule, taskletScheduleOnCpu,
} from '../src/index.js'
import { lockTasklet, unlockTasklet } from '../src/locks.js'
import { Tasklets } from '../src/state.js'

const SCHEDULE = 1 as SoftirqNr
export const TASKLET = 4 as SoftirqNr

export const World = global('taskletModel', {
  tasklet: embed(Tasklet), lock: embed(SpinLock),
  inside: word, left: word, done: word, runs: word, freed: word,
})

const testLock = lockClass('taskletModel')
const tasklet = (): number => World.base + World.tasklet

/** Takes all the work that is there; two CPUs inside, or a run after the free, is a BUG. */
function run(): void {
  if (load(World.base + World.freed) !== 0) bug('a tasklet runs after it was killed', 'TL-5')
  if (fetchAdd(World.base + World.inside, 1) !== 0) bug('two CPUs run one tasklet', 'T3')
  fetchAdd(World.base + World.runs, 1)
  const n = xchg(World.base + World.left, 0)
  fetchAdd(World.base + World.done, n)
  fetchAdd(World.base + World.inside, -1)
  if (load(World.base + World.freed) !== 0) bug('a tasklet runs after it was killed', 'TL-5')
}

function runWithLock(): void {
  spinLock(World.base + World.lock)
  spinUnlock(World.base + World.lock)
}

const runHandler = handler('taskletModel.run', run)
const runWithLockHandler = handler('taskletModel.runWithLock', runWithLock)
const scheduleHandler = handler('taskletModel.schedule', () => { /* no scheduler here */ })

export function boot(cpus: number, lock: number): void {
  setupCpus(cpus)
  setupSoftirqs(SCHEDULE)
  openSoftirq(SCHEDULE, scheduleHandler)
  setupTasklets({ softirqNr: TASKLET, scheduleNr: SCHEDULE, lock })
  softirqTaskletInit(tasklet(), runHandler, 0)
  spinLockInit(World.base + World.lock, testLock)
}

/** Hand `times` pieces of work to the tasklet, on this CPU or in turn on all. */
export function produce(cpus: number, times: number): void {
  for (let i = 0; i < times; i++) {
    fetchAdd(World.base + World.left, 1)
    taskletScheduleOnCpu(tasklet(), (currentCpu() + i) % cpus)
  }
}

export function idle(): void {
  irqEnable()
  beginLooking()
  for (;;) {
    doSoftirq()
    sleepUnlessPending()
  }
}

/** The foot of the stack of a CPU that comes and goes. */
export function comeAndGo(): void {
  irqEnable()
  beginLooking()
  for (;;) {
    if (!thisCpuOnline()) cpuPark()
    doSoftirq()
    sleepUnlessPending()
  }
}

/** Take CPU 1 down and up again, then be idle. */
export function hotplugThenIdle(): void {
  irqEnable()
  const result = cpuDown(1)
  if (result !== 0) bug('cpuDown failed')
  fetchAdd(World.base + World.left, 1)
  taskletScheduleOnCpu(tasklet(), 1)
  if (cpuUp(1) !== 0) bug('cpuUp failed')
  idle()
}

export function produceThenIdle(cpus: number, times: number): void {
  irqEnable()
  produce(cpus, times)
  idle()
}

/** Kill, then free: nothing may run any more. */
export function killThenIdle(): void {
  irqEnable()
  taskletKill(tasklet())
  store(World.base + World.freed, 1)
  idle()
}

/** Twin of TL-5: whoever only takes it off the list frees it under its run. */
export function killWithoutWait(): void {
  irqEnable()
  const flags = lockTasklet(tasklet())
  st(tasklet() + Tasklet.isDead, 1)
  unlockTasklet(tasklet(), flags)
  store(World.base + World.freed, 1)
  idle()
}

/** Twin of T3: the running CPU is not asked, so that a tasklet that runs is queued elsewhere at once. */
export function produceCarelessly(cpus: number, times: number): void {
  irqEnable()
  for (let i = 0; i < times; i++) {
    fetchAdd(World.base + World.left, 1)
    const flags = lockTasklet(tasklet())
    st(tasklet() + Tasklet.runningOn, -1)
    unlockTasklet(tasklet(), flags)
    taskletScheduleOnCpu(tasklet(), (currentCpu() + i) % cpus)
  }
  idle()
}

/** LK-5: the tasklet's function wants the lock that its killer holds. */
export function useLockInTasklet(): void {
  softirqTaskletInit(tasklet(), runWithLockHandler, 0)
}

export function holdLockAndKill(target: number): void {
  irqEnable()
  spinLock(World.base + World.lock)
  taskletScheduleOnCpu(tasklet(), target)
  while (ld(tasklet() + Tasklet.runningOn) !== target) awaitRun(target)
  taskletKill(tasklet())
  spinUnlock(World.base + World.lock)
}

/** Wait until the tasklet has been taken off the list of `target`. */
function awaitRun(target: number): void {
  const list = cpuArea(target, Tasklets) + Tasklets.softirqList
  awaitWord(list, AWAIT_EQ, list)
}

export function scheduleOne(): void {
  taskletSchedule(tasklet())
}

export function scheduleOneOn(cpu: number): void {
  taskletScheduleOnCpu(tasklet(), cpu)
}

export function serve(): void {
  doSoftirq()
}

export function irqsOn(): void {
  irqEnable()
}
