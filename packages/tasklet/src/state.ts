// SPDX-License-Identifier: MIT
/** The words of tasklets: the record, each CPU's lists, and what was chosen at boot. */
import { embed, global, handlerId, ld, lineBreak, perCpu, struct, word } from '@bottomhalf/machine'
import { ListHead } from '@bottomhalf/list'
import { SpinLock } from '@bottomhalf/spinlock'
import type { Ref, SoftirqNr } from '@bottomhalf/base'

export const Tasklet = struct('Tasklet', {
  // the lock that guards the tasklet (locks.ts):
  node: embed(ListHead),
  /** The CPU that is to run it, NO_CPU if none: queued there, or, while it runs, queued there when the run ends. */
  scheduledOn: word,
  /** The CPU that runs it, NO_CPU if none. Set when it is detached, cleared when its function has returned. */
  runningOn: word,
  isDead: word,
  // written at init, constant after:
  isSoftirq: word, handler: handlerId, data: word,
  // atomic: read without the lock to find the lock; one lock per CPU only
  guardian: word,
  // atomic: set once, when it is dead and runs nowhere; taskletKill waits for it
  atRest: word,
})

export type TaskletRef = Ref<'Tasklet'>

/** Work flags of a CPU (TL-7): its idle list has something / the scheduler runs the idle vCPU for it. */
export const WORK_ENQUEUED = 0
export const WORK_SCHEDULED = 1
export const WORK_BOTH = (1 << WORK_ENQUEUED) | (1 << WORK_SCHEDULED)

export const Tasklets = perCpu('tasklets', {
  // one lock per CPU only; then it guards the lists below and the tasklets whose guardian the CPU is
  lock: embed(SpinLock),
  // the one lock, or the CPU's:
  softirqList: embed(ListHead), idleList: embed(ListHead),
  /** 0 once the CPU is dead and its lists have moved: what is scheduled there goes elsewhere. */
  accepting: word,
  line: lineBreak,
  // atomic: work flags
  work: word,
})

export const TaskletGlobals = global('tasklet', {
  lock: embed(SpinLock),
  line: lineBreak,
  // constant after boot:
  lockKind: word, softirqNr: word, scheduleNr: word,
})

export function taskletSoftirqNr(): SoftirqNr {
  return ld(TaskletGlobals.base + TaskletGlobals.softirqNr) as SoftirqNr
}

export function scheduleNr(): SoftirqNr {
  return ld(TaskletGlobals.base + TaskletGlobals.scheduleNr) as SoftirqNr
}
