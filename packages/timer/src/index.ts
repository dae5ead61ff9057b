// SPDX-License-Identifier: MIT
/** @bottomhalf/timer: functions called at a time, from a heap of deadlines per CPU. */
export {
  initTimer, killTimer, migrateTimer, setTimer, stopTimer, TIMER_SLOP_NS, timerIsActive,
} from './timer.js'
export { timersSetOn } from './atRest.js'
export { timerRunClass, timersLockClass } from './locks.js'
export { setupTimers, timerCpuDead } from './setup.js'
export { Timer } from './state.js'
export type { TimerRef } from './state.js'
