// SPDX-License-Identifier: MIT
/** @bottomhalf/cpu: sets of CPUs, vectors, interrupts between CPUs, CPUs that come and go. */
export {
  CpuMask, maskAnd, maskAndNot, maskClear, maskCopy, maskEmpty, maskFirst, maskNext, maskOr, maskSet, maskTest,
  maskTestAndClear, maskTestAndSet, maskWeight, maskZero,
} from './mask.js'
export type { CpuMaskRef } from './mask.js'
export {
  CPU_GOING_DOWN, CPU_IS_ONLINE, CPU_OFFLINE, CPU_STARTING_UP, cpuOnline, CpuState, cpuState, ipisSent, onlineMask,
  thisCpuOnline,
} from './state.js'
export {
  CALL_FUNCTION_VECTOR, dispatchVector, EVENT_CHECK_VECTOR, FIRST_DEVICE_VECTOR, IRQ_EOI_VECTOR,
  IRQ_MOVE_CLEANUP_VECTOR, LAST_DEVICE_VECTOR, setVector, takeRequest, TRACE_UNMAPPED_VECTOR,
} from './vectors.js'
export { calledClass, onCpu, onSelectedCpus, sendEventCheck } from './ipi.js'
export {
  CPU_DEAD, CPU_DOWN_FAILED, CPU_DOWN_PREPARE, CPU_DYING, CPU_ONLINE, CPU_STARTING, CPU_UP_CANCELED, CPU_UP_PREPARE,
  CpuEvent, registerCpuNotifier,
} from './notifiers.js'
export type { CpuEventRef } from './notifiers.js'
export { cpuDown, cpuPark, cpuUp, hotplugLockClass, stopMachine, tryLockHotplug, unlockHotplug } from './hotplug.js'
export { setupCpus } from './setup.js'
