// SPDX-License-Identifier: MIT
/** The words of RCU: the record, each CPU's callbacks, the grace period. */
import { embed, global, handlerId, lineBreak, perCpu, ref, struct, word } from '@bottomhalf/machine'
import { CpuMask } from '@bottomhalf/cpu'
import { SpinLock } from '@bottomhalf/spinlock'
import type { Ref } from '@bottomhalf/base'

export const RcuHead = struct('RcuHead', {
  // the CPU whose queue it is on:
  next: ref('RcuHead'), fn: handlerId,
})

export type RcuHeadRef = Ref<'RcuHead'>

/** A queue of callbacks, first in first out. */
export const RcuQueue = struct('RcuQueue', { first: ref('RcuHead'), last: ref('RcuHead') })

export const Rcu = perCpu('rcu', {
  // owned by the CPU:
  readDepth: word,
  /** A batch of callbacks is being called. */
  calling: word,
  /** The softirq came up inside a read section and is to come again at its end. */
  deferred: word,
  // owned by the CPU, IF = 0: callbacks that no grace period was asked for yet
  fresh: embed(RcuQueue),
  // owned by the CPU, softirq context: callbacks that wait for grace period `awaited`; callbacks to be called
  waiting: embed(RcuQueue), awaited: word, ready: embed(RcuQueue),
  // for rcuBarrier
  barrierHead: embed(RcuHead),
  line: lineBreak,
  // atomic: 1 while the CPU sleeps and reads nothing
  idle: word,
})

export const RcuGlobals = global('rcu', {
  lock: embed(SpinLock),
  // rcu lock: the grace period that runs, or ran last
  started: word,
  // atomic, written under the rcu lock: the latest that has ended
  completed: word,
  // atomic, written under the rcu lock: CPUs that the running period waits for; CPUs that wait for it; CPUs that wait
  // for the next
  holdouts: embed(CpuMask), audience: embed(CpuMask), wanting: embed(CpuMask),
  // atomic: CPUs that may read; from STARTING to DEAD, so that a CPU is waited for until it has parked
  readers: embed(CpuMask),
  line: lineBreak,
  // atomic: callbacks of rcuBarrier that have not been called; the CPU that waits for them
  barrierLeft: word, barrierCpu: word,
  // constant after boot:
  softirqNr: word,
})
