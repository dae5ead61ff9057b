// SPDX-License-Identifier: MIT
/** Boot, and CPUs that come and go (TM-4: a dead CPU's callbacks move). */
import { assert } from '@bottomhalf/base'
import {
  CPU_DEAD, CPU_STARTING, CpuEvent, maskClear, maskCopy, maskSet, onlineMask, registerCpuNotifier,
} from '@bottomhalf/cpu'
import { cpuArea, handler, irqRestore, irqSave, ld, st, store, thisCpu } from '@bottomhalf/machine'
import { openSoftirq, raiseSoftirq } from '@bottomhalf/softirq'
import { lockClass, spinLock, spinLockInit, spinUnlock } from '@bottomhalf/spinlock'
import { queueMove } from './queue.js'
import { leaveLocked, rcuAction, rcuInReadSection, softirqNr } from './rcu.js'
import { Rcu, RcuGlobals } from './state.js'
import type { SoftirqNr } from '@bottomhalf/base'
import type { CpuEventRef } from '@bottomhalf/cpu'

export const rcuLockClass = lockClass('rcu')

/** Wait no longer for a CPU that has parked for good, and take its callbacks over; they wait for a period anew. */
export function rcuCpuDead(cpu: number): void {
  assert(!rcuInReadSection(), 'a CPU is buried in a read section', 'TM-4')
  adoptCallbacks(cpuArea(cpu, Rcu), thisCpu(Rcu))
  spinLock(RcuGlobals.base + RcuGlobals.lock)
  maskClear(RcuGlobals.base + RcuGlobals.readers, cpu)
  maskClear(RcuGlobals.base + RcuGlobals.wanting, cpu)
  maskClear(RcuGlobals.base + RcuGlobals.audience, cpu)
  leaveLocked(cpu)
  spinUnlock(RcuGlobals.base + RcuGlobals.lock)
  raiseSoftirq(softirqNr())
}

function adoptCallbacks(theirs: number, mine: number): void {
  const flags = irqSave()
  queueMove(theirs + Rcu.ready, mine + Rcu.fresh)
  queueMove(theirs + Rcu.waiting, mine + Rcu.fresh)
  queueMove(theirs + Rcu.fresh, mine + Rcu.fresh)
  irqRestore(flags)
}

/** On the CPU itself, before it can read anything. */
function join(cpu: number): void {
  store(thisCpu(Rcu) + Rcu.idle, 0)
  maskSet(RcuGlobals.base + RcuGlobals.readers, cpu)
}

function cpuNotifier(event: CpuEventRef): number {
  const action = ld(event + CpuEvent.action)
  const cpu = ld(event + CpuEvent.cpu)
  if (action === CPU_STARTING) join(cpu)
  if (action === CPU_DEAD) rcuCpuDead(cpu)
  return 0
}

const notifier = handler('rcuCpuNotifier', cpuNotifier)
const action = handler('rcuAction', rcuAction)

/** Boot, after `setupSoftirqs`. */
export function setupRcu(nr: SoftirqNr): void {
  st(RcuGlobals.base + RcuGlobals.softirqNr, nr)
  spinLockInit(RcuGlobals.base + RcuGlobals.lock, rcuLockClass)
  maskCopy(RcuGlobals.base + RcuGlobals.readers, onlineMask())
  openSoftirq(nr, action)
  registerCpuNotifier(notifier, 0)
}
