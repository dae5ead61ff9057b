// SPDX-License-Identifier: MIT
/** @bottomhalf/tasklet: a function run soon, on one CPU at a time, under one lock for the whole machine. */
export { softirqTaskletInit, taskletInit, taskletIsActive, taskletKill, taskletSchedule, taskletScheduleOnCpu } from './schedule.js'
export { doTaskletWork, scheduleTaskletWork, taskletWorkToDo } from './run.js'
export { TASKLET_LOCK_GLOBAL, TASKLET_LOCK_PER_CPU, taskletLockClass, softirqRunClass, idleRunClass } from './locks.js'
export { setupTasklets, taskletCpuDead } from './setup.js'
export type { TaskletOptions } from './setup.js'
export { Tasklet } from './state.js'
export type { TaskletRef } from './state.js'
