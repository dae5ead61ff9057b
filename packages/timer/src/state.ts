// SPDX-License-Identifier: MIT
/** The words of timers: the record and each CPU's heap. */
import { embed, global, handlerId, lineBreak, perCpu, ref, struct, time, word } from '@bottomhalf/machine'
import { SpinLock } from '@bottomhalf/spinlock'
import type { Ref } from '@bottomhalf/base'

export const Timer = struct('Timer', {
  // timers lock of `cpu`:
  expiresNs: time, status: word,
  // timers lock of `cpu`, while in its heap: see `heap.ts`
  child: ref('Timer'), sibling: ref('Timer'), previous: ref('Timer'),
  // written at init, constant after:
  handler: handlerId, data: word,
  // atomic: read without the lock to find the lock
  cpu: word,
})

export type TimerRef = Ref<'Timer'>

/** Values of `status`. Odd numbers, so that memory that was never initialised is hardly one of them. */
export const TIMER_INACTIVE = 0x54490001
export const TIMER_ACTIVE = 0x54490002
export const TIMER_KILLED = 0x54490003

export const Timers = perCpu('timers', {
  // the CPU's timers lock:
  lock: embed(SpinLock), root: ref('Timer'),
  /** 0 while the CPU is not there: what is set on it goes elsewhere. */
  accepting: word,
  line: lineBreak,
  // atomic: the timer whose function this CPU runs; killTimer waits for it
  running: ref('Timer'),
})

export const TimerGlobals = global('timer', {
  // constant after boot:
  softirqNr: word,
})
