// SPDX-License-Identifier: MIT
/**
 * Wait until all callbacks that were given to RCU before have been called.
 *
 * @xen xen/common/rcupdate.c
 * Contexts  IF = 1, outside interrupts and read sections, no lock held that a callback takes.
 * Locks     the hotplug lock (tried), so that no CPU's callbacks move meanwhile.
 *
 * R5  (`rcu.ts`) makes one callback per CPU, queued last, enough.
 */
import { bug, EBUSY } from '@bottomhalf/base'
import { currentCpu, fetchAdd, handler, load, store, thisCpu } from '@bottomhalf/machine'
import { maskWeight, onlineMask, onSelectedCpus, tryLockHotplug, unlockHotplug } from '@bottomhalf/cpu'
import { awaitSoftirqs, cpuRaiseSoftirq, processPendingSoftirqs } from '@bottomhalf/softirq'
import { mightWaitFor } from '@bottomhalf/spinlock'
import { callRcu, rcuCallbackClass, rcuInReadSection, rcuReaderClass, softirqNr } from './rcu.js'
import { Rcu, RcuGlobals } from './state.js'
import type { Errno } from '@bottomhalf/base'

/**
 * Return when every callback that any CPU was given before this call has been called. Serves softirqs meanwhile.
 * -EBUSY: a CPU comes or goes, or another barrier waits.
 */
export function rcuBarrier(): Errno {
  if (rcuInReadSection()) bug('an RCU barrier inside a read section', 'LK-5')
  mightWaitFor(rcuReaderClass, rcuCallbackClass)
  if (!tryLockHotplug()) return -EBUSY
  store(RcuGlobals.base + RcuGlobals.barrierLeft, maskWeight(onlineMask()))
  store(RcuGlobals.base + RcuGlobals.barrierCpu, currentCpu())
  onSelectedCpus(onlineMask(), queueBarrierHandler, 0, true)
  awaitBarrier()
  unlockHotplug()
  return 0
}

function awaitBarrier(): void {
  for (;;) {
    processPendingSoftirqs()
    if (load(RcuGlobals.base + RcuGlobals.barrierLeft) === 0) return
    awaitSoftirqs()                                          // the last callback raises one here
  }
}

function queueBarrier(): void {
  callRcu(thisCpu(Rcu) + Rcu.barrierHead, barrierDoneHandler)
}

function barrierDone(): void {
  if (fetchAdd(RcuGlobals.base + RcuGlobals.barrierLeft, -1) !== 1) return
  cpuRaiseSoftirq(load(RcuGlobals.base + RcuGlobals.barrierCpu), softirqNr())
}

const queueBarrierHandler = handler('rcuQueueBarrier', queueBarrier)
const barrierDoneHandler = handler('rcuBarrierDone', barrierDone)
