// SPDX-License-Identifier: MIT
/**
 * What this layer asks of those above it: of the scheduler, that a vCPU stops or goes on; of whoever keeps event channels
 * and devices, that it lets go of what a dying domain has.
 *
 * Contexts  registering: boot. Calling: as each function says.
 * Locks     none: the table is written at boot, before the first domain.
 */
import type { Errno, Ref } from '@bottomhalf/base'
import { callHandler, global, handlerId, ld, st, type HandlerRef } from '@bottomhalf/machine'

const Seams = global('domainSeams', {
  // constant after boot; 0 where nobody registered
  sleep: handlerId, wake: handlerId, awaitStopped: handlerId, current: handlerId,
  eventChannels: handlerId, devices: handlerId,
})

/** The scheduler's side. The argument of the first three is a vCPU. */
export interface VcpuOperations {
  /** `pauseFlags` is no longer 0: see that the vCPU stops. Does not wait. */
  readonly sleep: HandlerRef
  /** `pauseFlags` may be 0 again: see that the vCPU runs when its turn comes. */
  readonly wake: HandlerRef
  /** Return when the vCPU runs nowhere. No lock is held. */
  readonly awaitStopped: HandlerRef
  /** Answer the vCPU that this pCPU runs. */
  readonly current: HandlerRef
}

/** Join the seam to the scheduler. Context: boot. */
export function setVcpuOperations(operations: VcpuOperations): void {
  st(Seams.base + Seams.sleep, operations.sleep.id)
  st(Seams.base + Seams.wake, operations.wake.id)
  st(Seams.base + Seams.awaitStopped, operations.awaitStopped.id)
  st(Seams.base + Seams.current, operations.current.id)
}

/**
 * What a dying domain gives back first (DOM-5). Argument: the domain; it is paused and dying, no lock is held. Answers 0
 * when all of it is gone, and is not called again; -ERESTART to be called again after this CPU has served its interrupts
 * and softirqs; another errno to be called again when the domain is killed again.
 */
export interface RelinquishOperations {
  readonly eventChannels?: HandlerRef
  /** Called when the event channels are gone. */
  readonly devices?: HandlerRef
}

/** Join the seams of relinquishing. What is not given stays as it was: two layers may call it. Context: boot. */
export function setRelinquishOperations(operations: RelinquishOperations): void {
  if (operations.eventChannels !== undefined) st(Seams.base + Seams.eventChannels, operations.eventChannels.id)
  if (operations.devices !== undefined) st(Seams.base + Seams.devices, operations.devices.id)
}

export function vcpuSleep(v: Ref<'Vcpu'>): void {
  callIfSet(Seams.sleep, v)
}

export function vcpuWakeUp(v: Ref<'Vcpu'>): void {
  callIfSet(Seams.wake, v)
}

export function vcpuAwaitRest(v: Ref<'Vcpu'>): void {
  callIfSet(Seams.awaitStopped, v)
}

/** The vCPU that this pCPU runs; 0 while there is no scheduler. */
export function vcpuOfThisCpu(): Ref<'Vcpu'> {
  return callIfSet(Seams.current, 0)
}

export function relinquishEventChannels(d: Ref<'Domain'>): Errno {
  return callIfSet(Seams.eventChannels, d)
}

export function relinquishDevices(d: Ref<'Domain'>): Errno {
  return callIfSet(Seams.devices, d)
}

function callIfSet(seam: number, arg: number): number {
  const fn = ld(Seams.base + seam)
  return fn === 0 ? 0 : callHandler(fn, arg)
}
