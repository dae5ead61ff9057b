// SPDX-License-Identifier: MIT
/**
 * CPUs come and go, one at a time.
 *
 * @xen xen/common/cpu.c
 * Contexts  cpuUp, cpuDown, stopMachine: IF = 1, outside interrupts, no lock held.  cpuPark: the foot of a CPU's stack.
 * Locks     the hotplug lock, tried only: whoever finds it taken answers -EBUSY.
 *
 * C8  A CPU that dies may still be anywhere in hypervisor code when DYING has ended. DEAD begins when it has parked.
 * C9  A parked CPU looks at its state with IF = 0 and then sleeps and enables in one step: it cannot miss cpuUp.
 *
 * CPU-4.
 */
import { EBUSY, EINVAL } from '@bottomhalf/base'
import {
  AWAIT_EQ, awaitWord, cpuArea, cpuCount, currentCpu, embed, global, handler, haltUntilInterrupt, irqDisable, irqEnable,
  load, st, stopRequested, store, thisCpu,
} from '@bottomhalf/machine'
import { lockClass, SpinLock, spinLockInit, spinTrylock, spinUnlock } from '@bottomhalf/spinlock'
import { sendEventCheck } from './ipi.js'
import { maskClear, maskSet } from './mask.js'
import {
  CPU_DEAD, CPU_DYING, CPU_ONLINE, CPU_STARTING, notifyComing, notifyDownPrepare, notifyGoing, notifyUpPrepare,
} from './notifiers.js'
import { CPU_GOING_DOWN, CPU_IS_ONLINE, CPU_OFFLINE, CPU_STARTING_UP, CpuState, cpuState, onlineMask } from './state.js'
import { stopMachineLocked } from './stopMachine.js'
import type { Errno } from '@bottomhalf/base'
import type { HandlerRef } from '@bottomhalf/machine'

/** The outermost lock of the machine (LK-4). */
export const hotplugLockClass = lockClass('hotplug')

const Hotplug = global('hotplug', { lock: embed(SpinLock) })

/** Keep CPUs from coming and going. False: one does just now; never waits. */
export function tryLockHotplug(): boolean {
  return spinTrylock(Hotplug.base + Hotplug.lock)
}

export function unlockHotplug(): void {
  spinUnlock(Hotplug.base + Hotplug.lock)
}

/**
 * Bring a parked CPU up. Returns when it is online and everybody knows.
 * -EINVAL: no such CPU, or not parked. -EBUSY: another CPU comes or goes. Else what a notifier refused with.
 */
export function cpuUp(cpu: number): Errno {
  if (cpu < 0 || cpu >= cpuCount()) return -EINVAL
  if (!tryLockHotplug()) return -EBUSY
  const result = cpuState(cpu) === CPU_OFFLINE ? cpuUpLocked(cpu) : -EINVAL
  unlockHotplug()
  return result
}

/**
 * Take a CPU down. Returns when it is parked and this CPU has taken over what it had.
 * -EINVAL: no such CPU, CPU 0, not online, or the one that asks. -EBUSY: another CPU comes or goes. Else what a notifier
 * refused with.
 */
export function cpuDown(cpu: number): Errno {
  if (cpu <= 0 || cpu >= cpuCount() || cpu === currentCpu()) return -EINVAL
  if (!tryLockHotplug()) return -EBUSY
  const result = cpuState(cpu) === CPU_IS_ONLINE ? cpuDownLocked(cpu) : -EINVAL
  unlockHotplug()
  return result
}

/**
 * Call `action(arg)` on an online CPU, IF = 0, while all others stand still; the action takes only locks that are taken
 * with IF = 0. Returns what the action returned; -EBUSY: a CPU comes or goes; -EINVAL: the CPU is not online.
 */
export function stopMachine(action: HandlerRef, arg: number, cpu: number): number {
  if (cpu < 0 || cpu >= cpuCount()) return -EINVAL
  if (!tryLockHotplug()) return -EBUSY
  const result = cpuState(cpu) === CPU_IS_ONLINE ? stopMachineLocked(action, arg, cpu) : -EINVAL
  unlockHotplug()
  return result
}

function cpuUpLocked(cpu: number): Errno {
  const result = notifyUpPrepare(cpu)
  if (result !== 0) return result
  store(stateOf(cpu), CPU_STARTING_UP)
  sendEventCheck(cpu)                                        // C9
  awaitWord(stateOf(cpu), AWAIT_EQ, CPU_IS_ONLINE)
  notifyComing(CPU_ONLINE, cpu)
  return 0
}

function cpuDownLocked(cpu: number): Errno {
  const result = notifyDownPrepare(cpu)
  if (result !== 0) return result
  stopMachineLocked(takeDownHandler, cpu, cpu)
  awaitWord(stateOf(cpu), AWAIT_EQ, CPU_OFFLINE)             // C8
  notifyGoing(CPU_DEAD, cpu)
  return 0
}

/** On the dying CPU, IF = 0, all others stopped. */
function takeDown(cpu: number): void {
  st(thisCpu(CpuState) + CpuState.online, 0)
  maskClear(onlineMask(), cpu)
  store(stateOf(cpu), CPU_GOING_DOWN)
  notifyGoing(CPU_DYING, cpu)
}

/**
 * Wait, asleep, until this CPU is brought up; a CPU that went down says here that it is at rest. Returns online with
 * IF = 1, or, if the machine stops, not online: ask `thisCpuOnline`. Foot of the stack, nothing in flight.
 */
export function cpuPark(): void {
  const state = stateOf(currentCpu())
  irqDisable()
  if (load(state) === CPU_GOING_DOWN) store(state, CPU_OFFLINE)   // C8
  while (load(state) === CPU_OFFLINE && !stopRequested()) {
    haltUntilInterrupt()                                     // C9
    irqDisable()
  }
  if (load(state) === CPU_STARTING_UP) startHere()
  irqEnable()
}

function startHere(): void {
  const cpu = currentCpu()
  notifyComing(CPU_STARTING, cpu)
  st(thisCpu(CpuState) + CpuState.online, 1)
  maskSet(onlineMask(), cpu)
  store(stateOf(cpu), CPU_IS_ONLINE)
}

function stateOf(cpu: number): number {
  return cpuArea(cpu, CpuState) + CpuState.state
}

const takeDownHandler = handler('cpuTakeDown', takeDown)

/** Boot: CPUs 0 to `online` - 1 are online from the beginning; the others park until `cpuUp`. */
export function setupHotplug(online: number): void {
  spinLockInit(Hotplug.base + Hotplug.lock, hotplugLockClass)
  for (let cpu = 0; cpu < online; cpu++) {
    st(cpuArea(cpu, CpuState) + CpuState.online, 1)
    maskSet(onlineMask(), cpu)
    store(stateOf(cpu), CPU_IS_ONLINE)
  }
}
