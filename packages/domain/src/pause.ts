// SPDX-License-Identifier: MIT
/**
 * Pausing of vCPUs and domains, and shutdown: a domain that has stopped itself, and why.
 *
 * @xen xen/common/domain.c (vcpu_pause, domain_pause, domain_shutdown, domain_resume)
 * Contexts  the nosync forms, unpause, domainShutdown, domainCrash: any. The forms that wait: control operations, IF = 1,
 *           no lock held (LK-5); not on the pCPU that runs the vCPU. All with a reference to the domain.
 * Locks     none here; the seam's functions take the schedule lock.
 *
 * Q1  Pauses are counted in the word that says whether a vCPU may run: it runs again when the last one is taken back.
 * Q2  A pause of a domain is one of each of its vCPUs, so pauses of both nest in any order.
 * Q3  Of all that shut a domain down one wins, and its reason stands. Only what has been stopped is resumed.
 */
import { assert, EBUSY, EINVAL, type Errno, type Ref } from '@bottomhalf/base'
import { cmpxchg, fetchAdd, ld, load, store } from '@bottomhalf/machine'
import { addUnless } from '@bottomhalf/atomics'
import { Domain, Vcpu, VPF_COUNT_SHIFT } from './records.js'
import { vcpuAwaitRest, vcpuSleep, vcpuWakeUp } from './seams.js'
import { vcpuOf } from './vcpu.js'

/** Reasons of a shutdown. */
export const SHUTDOWN_POWEROFF = 0
export const SHUTDOWN_REBOOT = 1
export const SHUTDOWN_SUSPEND = 2
export const SHUTDOWN_CRASH = 3
export const SHUTDOWN_WATCHDOG = 4

/** Pauses of one domain that control operations may hold. */
export const MAX_CONTROLLER_PAUSES = 255

const ONE_PAUSE = 1 << VPF_COUNT_SHIFT

// `Domain.shutdown`: 0, or the reason + 1, with STOPPED on from when all vCPUs were paused.
const STOPPED = 0x100

/** Keep a vCPU from running, from its next VM exit on (Q1). Does not wait. */
export function vcpuPauseNosync(v: Ref<'Vcpu'>): void {
  fetchAdd(v + Vcpu.pauseFlags, ONE_PAUSE)
  vcpuSleep(v)
}

/** Keep a vCPU from running; returns when it runs nowhere. */
export function vcpuPause(v: Ref<'Vcpu'>): void {
  vcpuPauseNosync(v)
  vcpuAwaitRest(v)
}

/** Take one pause back. A BUG if there is none. */
export function vcpuUnpause(v: Ref<'Vcpu'>): void {
  const before = fetchAdd(v + Vcpu.pauseFlags, -ONE_PAUSE)
  assert(pausesIn(before) > 0, 'a vCPU is unpaused that is not paused', 'DOM-3')
  if (pausesIn(before) === 1) vcpuWakeUp(v)                           // Q1
}

/** How often a vCPU is paused now. */
export function vcpuPauses(v: Ref<'Vcpu'>): number {
  return pausesIn(load(v + Vcpu.pauseFlags))
}

function pausesIn(flags: number): number {
  return flags >> VPF_COUNT_SHIFT
}

/** Keep all vCPUs of a domain from running (Q2). Does not wait. */
export function domainPauseNosync(d: Ref<'Domain'>): void {
  for (let n = 0; n < ld(d + Domain.vcpuCount); n++) vcpuPauseNosync(vcpuOf(d, n))
}

/** Keep all vCPUs of a domain from running; returns when none runs. */
export function domainPause(d: Ref<'Domain'>): void {
  domainPauseNosync(d)
  domainAwaitRest(d)
}

function domainAwaitRest(d: Ref<'Domain'>): void {
  for (let n = 0; n < ld(d + Domain.vcpuCount); n++) vcpuAwaitRest(vcpuOf(d, n))
}

/** Take one pause of a domain back. A BUG if there is none. */
export function domainUnpause(d: Ref<'Domain'>): void {
  for (let n = 0; n < ld(d + Domain.vcpuCount); n++) vcpuUnpause(vcpuOf(d, n))
}

/**
 * Pause on behalf of a control operation, which may take back no more than it asked for; returns when no vCPU runs.
 * -EBUSY: too many pauses; nothing has changed.
 */
export function domainPauseByController(d: Ref<'Domain'>): Errno {
  domainPauseNosync(d)
  // counted when it is there: whoever takes it back finds it at every vCPU
  if (!addUnless(d + Domain.controllerPauses, 1, MAX_CONTROLLER_PAUSES)) return refusePause(d)
  domainAwaitRest(d)
  return 0
}

function refusePause(d: Ref<'Domain'>): Errno {
  domainUnpause(d)
  return -EBUSY
}

/** Take a control operation's pause back. -EINVAL: there is none. */
export function domainUnpauseByController(d: Ref<'Domain'>): Errno {
  if (!addUnless(d + Domain.controllerPauses, -1, 0)) return -EINVAL
  domainUnpause(d)
  return 0
}

/** Stop a domain for good, or until it is resumed; does not wait. -EINVAL: no such reason. The first reason stands (Q3). */
export function domainShutdown(d: Ref<'Domain'>, reason: number): Errno {
  if (!Number.isInteger(reason) || reason < SHUTDOWN_POWEROFF || reason > SHUTDOWN_WATCHDOG) return -EINVAL
  if (cmpxchg(d + Domain.shutdown, 0, reason + 1) !== 0) return 0     // Q3
  domainPauseNosync(d)
  store(d + Domain.shutdown, (reason + 1) | STOPPED)
  return 0
}

/** Stop a domain that did what no domain may. Does not wait. */
export function domainCrash(d: Ref<'Domain'>): void {
  void domainShutdown(d, SHUTDOWN_CRASH)
}

/** Why a domain was shut down; -1 if it was not. */
export function domainShutdownReason(d: Ref<'Domain'>): number {
  return (load(d + Domain.shutdown) & ~STOPPED) - 1
}

/** Whether a domain was shut down and none of its vCPUs runs any more. */
export function domainIsShutDown(d: Ref<'Domain'>): boolean {
  if ((load(d + Domain.shutdown) & STOPPED) === 0) return false
  for (let n = 0; n < ld(d + Domain.vcpuCount); n++) {
    if (load(vcpuOf(d, n) + Vcpu.isRunning) !== 0) return false
  }
  return true
}

/** Let a domain go on that was shut down to be suspended. -EINVAL: it was not. */
export function domainResume(d: Ref<'Domain'>): Errno {
  const suspended = (SHUTDOWN_SUSPEND + 1) | STOPPED
  if (cmpxchg(d + Domain.shutdown, suspended, 0) !== suspended) return -EINVAL    // Q3
  domainUnpause(d)
  return 0
}
