// SPDX-License-Identifier: MIT
import { ipisSent } from '@bottomhalf/cpu'
import { CPU_DEAD, CPU_UP_CANCELED, CPU_UP_PREPARE, CpuEvent, CpuState, setVector } from '@bottomhalf/cpu'
import {
  callHandler, cpuArea, currentCpu, embed, global, handler, handlerIdOf, inIrq, irqsEnabled, raiseVector, st,
} from '@bottomhalf/machine'
import { doSoftirq, softirqPending, softirqRuns } from '@bottomhalf/softirq'
import { lockClass, locksHeld, SpinLock, spinLock, spinLockInit, spinLockProfile, spinUnlock } from '@bottomhalf/spinlock'
import type { CpuId } from '@bottomhalf/base'
import { onCpu } from '@bottomhalf/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  doTaskletWork, scheduleTaskletWork, softirqTaskletInit, TASKLET_LOCK_GLOBAL, TASKLET_LOCK_PER_CPU, taskletInit,
  taskletIsActive, taskletKill, taskletSchedule, taskletScheduleOnCpu, taskletWorkToDo,
} from '../src/index.js'
import type { TaskletRef } from '../src/index.js'
import { TaskletGlobals, Tasklets } from '../src/state.js'
import { boot, newTasklet, SCHEDULE, scheduled, TASKLET } from './boot.js'

const T = global('taskletTest', { lock: embed(SpinLock), event: embed(CpuEvent) })
const testLock = lockClass('taskletTest')

const ran: string[] = []
let inside: (data: number) => void = () => { /* nothing */ }
const run = handler('taskletTest.run', (data: number) => {
  ran.push(`${data} @ ${currentCpu()}`)
  inside(data)
})
const scheduleFromIrq = handler('taskletTest.fromIrq', () => { taskletSchedule(tasklets[0] as TaskletRef) })
const killFromIrq = handler('taskletTest.killFromIrq', () => { taskletKill(tasklets[0] as TaskletRef) })

const tasklets: TaskletRef[] = []

/** Tasklet `n`, in softirq context. */
function softirqTasklet(n: number): TaskletRef {
  const t = newTasklet()
  softirqTaskletInit(t, run, n)
  tasklets[n] = t
  return t
}

function idleTasklet(n: number): TaskletRef {
  const t = newTasklet()
  taskletInit(t, run, n)
  return t
}

const serve = (cpu: number): void => { onCpu(cpu, () => { doSoftirq() }) }

function tell(action: number, cpu: number): void {
  st(T.base + T.event + CpuEvent.action, action)
  st(T.base + T.event + CpuEvent.cpu, cpu)
  callHandler(handlerIdOf('taskletCpuNotifier'), T.base + T.event)
}

/** How often the lock of a CPU's lists was taken. */
const acquisitions = (lock: number, cpu: number): number => spinLockProfile(
  lock === TASKLET_LOCK_GLOBAL ? TaskletGlobals.base + TaskletGlobals.lock : cpuArea(cpu, Tasklets) + Tasklets.lock,
).acquisitions

describe.each([['one lock', TASKLET_LOCK_GLOBAL], ['a lock per CPU', TASKLET_LOCK_PER_CPU]])('with %s', (_, lock) => {
  beforeEach(() => {
    boot(4, lock)
    ran.length = 0
    tasklets.length = 0
    inside = () => { /* nothing */ }
    setVector(0x80, scheduleFromIrq)
    setVector(0x81, killFromIrq)
    spinLockInit(T.base + T.lock, testLock)
  })

  test('TL-1, TL-3: a scheduled softirq tasklet runs once, on the CPU that scheduled it', () => {
    const t = softirqTasklet(1)
    onCpu(2, () => { taskletSchedule(t) })
    expect([taskletIsActive(t), ran.length]).toEqual([true, 0])
    serve(0)
    expect(ran).toEqual([])
    serve(2)
    serve(2)
    expect(ran).toEqual(['1 @ 2'])
    expect(taskletIsActive(t)).toBe(false)
  })

  test('TL-2: what scheduling and running cost in locks: one to schedule, two to run', () => {
    const t = softirqTasklet(1)
    const before = [0, 1, 2, 3].map((cpu) => acquisitions(lock, cpu))
    taskletSchedule(t)
    expect(acquisitions(lock, 0) - (before[0] ?? 0)).toBe(1)
    serve(0)
    expect(acquisitions(lock, 0) - (before[0] ?? 0)).toBe(3)
    const others = lock === TASKLET_LOCK_GLOBAL ? 3 : 0
    expect(acquisitions(lock, 1) - (before[1] ?? 0)).toBe(others)
  })

  test('TL-3: schedules before the run ask for one run; the last says where', () => {
    const t = softirqTasklet(1)
    taskletSchedule(t)
    taskletScheduleOnCpu(t, 3)
    taskletScheduleOnCpu(t, 1)
    for (const cpu of [0, 1, 2, 3]) serve(cpu)
    expect(ran).toEqual(['1 @ 1'])
  })

  test('TL-3: scheduled while it runs, it runs again when the run has ended', () => {
    const t = softirqTasklet(1)
    inside = () => {
      if (ran.length > 1) return
      taskletSchedule(t)
      taskletSchedule(t)
      doSoftirq()
      expect(ran).toHaveLength(1)
    }
    taskletSchedule(t)
    serve(0)
    expect(ran).toEqual(['1 @ 0', '1 @ 0'])
  })

  test.each([3, 0])('TL-3: scheduled while it runs on CPU 1 it goes to CPU %i, the CPU asked for last', (target) => {
    const t = softirqTasklet(1)
    inside = () => {
      if (ran.length > 1) return
      taskletScheduleOnCpu(t, 2)
      onCpu(2, () => { taskletScheduleOnCpu(t, target) })
    }
    onCpu(1, () => { taskletSchedule(t) })
    for (const cpu of [1, 1, 2, target]) serve(cpu)
    expect(ran).toEqual(['1 @ 1', `1 @ ${target}`])
    taskletScheduleOnCpu(t, 2)
    serve(2)
    expect(ran.at(-1)).toBe('1 @ 2')
  })

  test('TL-3: a run on one CPU keeps all others out', () => {
    const t = softirqTasklet(1)
    inside = () => {
      if (ran.length > 1) return
      for (const cpu of [1, 2]) onCpu(cpu, () => { taskletSchedule(t) })
      for (const cpu of [1, 2, 3]) serve(cpu)
      expect(ran).toHaveLength(1)
    }
    taskletSchedule(t)
    serve(0)
    for (const cpu of [1, 2, 3]) serve(cpu)
    expect(ran).toEqual(['1 @ 0', '1 @ 2'])
  })

  test('TL-3: a tasklet may be scheduled from an interrupt', () => {
    softirqTasklet(0)
    raiseVector(0, 0x80)
    expect(ran).toEqual([])
    serve(0)
    expect(ran).toEqual(['0 @ 0'])
  })

  test('TL-3: a tasklet scheduled on no CPU is a BUG', () => {
    const t = softirqTasklet(1)
    expect(() => { taskletScheduleOnCpu(t, -1) }).toThrow('TL-3')
  })

  test('TL-4: each turn of the softirq detaches one, in order, and raises again if more are queued', () => {
    for (const n of [1, 2, 3]) taskletSchedule(softirqTasklet(n))
    serve(0)
    expect(ran).toEqual(['1 @ 0', '2 @ 0', '3 @ 0'])
    expect(softirqRuns(0, TASKLET)).toBe(3)
  })

  test('TL-4: the function runs with no lock held and IF = 1', () => {
    const t = softirqTasklet(1)
    inside = () => { expect([locksHeld(0 as CpuId), irqsEnabled(), inIrq()]).toEqual([0, true, false]) }
    taskletSchedule(t)
    serve(0)
    expect(ran).toHaveLength(1)
  })

  test('TL-5: a killed tasklet that was queued never runs, and is scheduled no more', () => {
    const [a, b] = [softirqTasklet(1), softirqTasklet(2)]
    taskletSchedule(a)
    taskletSchedule(b)
    taskletKill(a)
    taskletSchedule(a)
    taskletScheduleOnCpu(a, 2)
    for (const cpu of [0, 2]) serve(cpu)
    expect(ran).toEqual(['2 @ 0'])
    expect(taskletIsActive(a)).toBe(false)
    taskletKill(a)
  })

  test('TL-8: killing oneself, or in an interrupt, is a BUG', () => {
    const t = softirqTasklet(0)
    inside = () => { taskletKill(t) }
    taskletSchedule(t)
    expect(() => { serve(0) }).toThrow(/TL-8|LK-5/)
    expect(() => { raiseVector(0, 0x81) }).toThrow('LK-5')
  })

  test('LK-5: killing with a lock held that a tasklet takes is a BUG, also when nothing runs just then', () => {
    const t = softirqTasklet(1)
    inside = () => {
      spinLock(T.base + T.lock)
      spinUnlock(T.base + T.lock)
    }
    taskletSchedule(t)
    serve(0)
    spinLock(T.base + T.lock)
    expect(() => { taskletKill(t) }).toThrow(/LK-2|LK-5/)
  })

  test('TL-6: the CPU that buries another runs its tasklets, of both kinds; none is lost', () => {
    const queued = [softirqTasklet(1), softirqTasklet(2)]
    for (const t of queued) taskletScheduleOnCpu(t, 2)
    taskletScheduleOnCpu(idleTasklet(3), 2)
    tell(CPU_DEAD, 2)
    serve(0)
    expect(ran).toEqual(['1 @ 0', '2 @ 0'])
    scheduleTaskletWork()
    doTaskletWork()
    expect(ran.at(-1)).toBe('3 @ 0')
    expect(taskletWorkToDo(2)).toBe(false)
  })

  test('TL-6: scheduled on a dead CPU, or for it while running, a tasklet runs here', () => {
    const [a, b] = [softirqTasklet(1), softirqTasklet(2)]
    inside = (n) => { if (n === 2 && ran.length === 2) taskletScheduleOnCpu(b, 3) }
    tell(CPU_DEAD, 3)
    taskletScheduleOnCpu(a, 3)
    onCpu(1, () => { taskletSchedule(b) })
    serve(0)
    serve(1)
    expect(ran).toEqual(['1 @ 0', '2 @ 1', '2 @ 1'])
  })

  test('TL-6: a CPU that comes back takes tasklets again; one whose start was canceled does not', () => {
    const t = softirqTasklet(1)
    tell(CPU_DEAD, 3)
    tell(CPU_UP_PREPARE, 3)
    taskletScheduleOnCpu(t, 3)
    tell(CPU_UP_CANCELED, 3)
    serve(0)
    expect(ran).toEqual(['1 @ 0'])
    tell(CPU_UP_PREPARE, 3)
    taskletScheduleOnCpu(t, 3)
    serve(3)
    expect(ran).toEqual(['1 @ 0', '1 @ 3'])
  })

  test('TL-7: enqueue asks the scheduler once; work runs only with both flags on; the end asks again', () => {
    const [a, b] = [idleTasklet(1), idleTasklet(2)]
    taskletSchedule(a)
    taskletSchedule(b)
    doTaskletWork()
    expect([ran.length, taskletWorkToDo(0)]).toEqual([0, false])
    serve(0)
    expect(scheduled.times).toBe(1)
    expect([scheduleTaskletWork(), taskletWorkToDo(0)]).toEqual([true, true])
    doTaskletWork()
    expect([ran, taskletWorkToDo(0), softirqPending(0)]).toEqual([['1 @ 0'], true, 0])
    doTaskletWork()
    expect([ran.at(-1), taskletWorkToDo(0), softirqPending(0)]).toEqual(['2 @ 0', false, 1 << SCHEDULE])
    expect(scheduleTaskletWork()).toBe(false)
    taskletSchedule(a)
    expect(taskletWorkToDo(0)).toBe(false)
  })

  test('TL-7: work for another CPU sends it one IPI', () => {
    taskletScheduleOnCpu(idleTasklet(1), 2)
    taskletScheduleOnCpu(idleTasklet(2), 2)
    expect([ipisSent(0), softirqPending(2)]).toEqual([1, 1 << SCHEDULE])
  })

  test('TL-8: only the first of a list raises: one IPI for three tasklets', () => {
    for (const n of [1, 2, 3]) taskletScheduleOnCpu(softirqTasklet(n), 2)
    expect([ipisSent(0), softirqPending(2)]).toEqual([1, 1 << TASKLET])
    serve(2)
    expect(ran).toHaveLength(3)
  })

  test('TL-8: an offline CPU detaches nothing', () => {
    taskletScheduleOnCpu(softirqTasklet(1), 2)
    st(cpuArea(2, CpuState) + CpuState.online, 0)
    onCpu(2, () => { callHandler(handlerIdOf('taskletAction'), TASKLET) })
    expect(ran).toEqual([])
    tell(CPU_DEAD, 2)
    serve(0)
    expect(ran).toEqual(['1 @ 0'])
  })
})
