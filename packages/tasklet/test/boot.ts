// SPDX-License-Identifier: MIT
/** A machine with tasklets, for native tests: one thread is one CPU after the other. */
import type { SoftirqNr } from '@bottomhalf/base'
import { setupCpus } from '@bottomhalf/cpu'
import { formatMemory, handler, irqEnable, setCurrentCpu, xzalloc } from '@bottomhalf/machine'
import { openSoftirq, setupSoftirqs } from '@bottomhalf/softirq'
import { PROFILE_WAITS, setupSpinlocks } from '@bottomhalf/spinlock'
import { onEachCpu } from '@bottomhalf/testkit'
import { setupTasklets, Tasklet } from '../src/index.js'
import type { TaskletRef } from '../src/index.js'

export const SCHEDULE = 1 as SoftirqNr
export const TASKLET = 4 as SoftirqNr

const schedule = handler('taskletTest.schedule', () => { scheduled.times++ })
export const scheduled = { times: 0 }

/** All CPUs online with IF = 1, this thread is CPU 0. Lock profiles are on, lock checks too. */
export function boot(cpus: number, lock: number, debug = true): void {
  scheduled.times = 0
  formatMemory({ cpus, debug })
  setCurrentCpu(0)
  setupCpus(cpus)
  setCurrentCpu(0)
  setupSpinlocks({ profile: PROFILE_WAITS })
  setupSoftirqs(SCHEDULE)
  openSoftirq(SCHEDULE, schedule)
  setupTasklets({ softirqNr: TASKLET, scheduleNr: SCHEDULE, lock })
  onEachCpu(() => { irqEnable() })
}

export function newTasklet(): TaskletRef {
  return xzalloc(Tasklet.sizeWords, Tasklet.tag)
}
