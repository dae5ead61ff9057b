// SPDX-License-Identifier: MIT
/**
 * Do something on one CPU while all others stand still with IF = 0.
 *
 *     caller                         others, in the interrupt of the call
 *     call all others                arrived + 1
 *     IF = 0, wait: all arrived
 *     phase ACT                      the CPU concerned acts, then phase DONE
 *     phase LEAVE                    arrived - 1
 *     wait: none there               back to what they did
 *
 * @xen xen/common/stop_machine.c
 * Contexts  IF = 1, outside interrupts, hotplug lock held, no other lock.
 * Locks     the hotplug lock guards everything here; `phase` and `arrived` are atomic.
 *
 * C7  Whatever a stopped CPU was doing, it had IF = 1: it holds no lock that is taken with IF = 0. The action takes no
 *     other locks.
 */
import {
  AWAIT_EQ, AWAIT_NE, awaitWord, callHandler, currentCpu, embed, fetchAdd, global, handler, irqDisable, irqEnable, ld,
  st, store, word,
} from '@bottomhalf/machine'
import { onSelectedCpus } from './ipi.js'
import { CpuMask, maskClear, maskCopy, maskWeight } from './mask.js'
import { onlineMask } from './state.js'
import type { HandlerRef } from '@bottomhalf/machine'

const GATHER = 0
const ACT = 1
const DONE = 2
const LEAVE = 3

const Stopped = global('stopMachine', {
  // atomic
  phase: word, arrived: word,
  // hotplug lock; read by those that it stops:
  others: embed(CpuMask), action: word, arg: word, cpu: word, result: word,
})

/** Call `action(arg)` on `cpu`, which is online, with all CPUs stopped; returns what it returned. */
export function stopMachineLocked(action: HandlerRef, arg: number, cpu: number): number {
  const others = Stopped.base + Stopped.others
  maskCopy(others, onlineMask())
  maskClear(others, currentCpu())
  st(Stopped.base + Stopped.action, action.id)
  st(Stopped.base + Stopped.arg, arg)
  st(Stopped.base + Stopped.cpu, cpu)
  store(Stopped.base + Stopped.phase, GATHER)
  onSelectedCpus(others, stopHereHandler, 0, false)
  irqDisable()
  awaitWord(Stopped.base + Stopped.arrived, AWAIT_EQ, maskWeight(others))
  if (cpu === currentCpu()) actHere()
  else actThere()
  store(Stopped.base + Stopped.phase, LEAVE)
  awaitWord(Stopped.base + Stopped.arrived, AWAIT_EQ, 0)     // the next call finds nobody of this one
  irqEnable()
  return ld(Stopped.base + Stopped.result)
}

function actThere(): void {
  store(Stopped.base + Stopped.phase, ACT)
  awaitWord(Stopped.base + Stopped.phase, AWAIT_EQ, DONE)
}

function actHere(): void {
  st(Stopped.base + Stopped.result, callHandler(ld(Stopped.base + Stopped.action), ld(Stopped.base + Stopped.arg)))
}

/** In the interrupt of the call, IF = 0: stand still until it is over. */
function stopHere(): void {
  const concerned = ld(Stopped.base + Stopped.cpu) === currentCpu()
  fetchAdd(Stopped.base + Stopped.arrived, 1)
  if (concerned) {
    awaitWord(Stopped.base + Stopped.phase, AWAIT_NE, GATHER)
    actHere()
    store(Stopped.base + Stopped.phase, DONE)
  }
  awaitWord(Stopped.base + Stopped.phase, AWAIT_EQ, LEAVE)
  fetchAdd(Stopped.base + Stopped.arrived, -1)
}

const stopHereHandler = handler('stopHere', stopHere)
