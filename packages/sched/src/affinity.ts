// SPDX-License-Identifier: MIT
/**
 * On which pCPUs a vCPU may run, and moving it there.
 *
 * @xen xen/common/schedule.c (vcpu_set_affinity, vcpu_migrate)
 * Contexts  control operations; vcpuMove also: SCHEDULE softirq, no lock held.
 * Locks     the schedule locks of two pCPUs, in order of address.
 *
 * X1  `processor` changes under the schedule locks of both pCPUs, while the vCPU is not current: nobody runs it twice.
 * X2  A vCPU that is current where it may not run is moved by that pCPU when it has stopped running it.
 */
import { EINVAL, type Errno, type Ref } from '@bottomhalf/base'
import { cpuOnline, maskCopy, maskFirst, maskNext, maskSet, maskZero } from '@bottomhalf/cpu'
import type { CpuMaskRef } from '@bottomhalf/cpu'
import { Vcpu, vcpuRunnable } from '@bottomhalf/domain'
import { cpuArea, cpuCount, ld, load, NO_CPU, store } from '@bottomhalf/machine'
import { spinLock, spinLockIrqsave, spinUnlock, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { lockVcpu, unlockVcpu } from './lock.js'
import { policyMayRunOn, policyPlace, policySleep } from './policyCredit.js'
import { areaOf, Sched, SchedVcpu, VCPU_SCHED } from './records.js'
import { tell, wakeLocked } from './wake.js'

const AFFINITY = VCPU_SCHED + SchedVcpu.affinity

// Neither a CPU nor NO_CPU nor FIND_IDLER.
const AGAIN = -3

/** Let a vCPU run on the pCPUs of `mask` only. It moves at once, or when it stops. -EINVAL: none of them is online. */
export function vcpuSetAffinity(v: Ref<'Vcpu'>, mask: CpuMaskRef): Errno {
  if (!hasOnline(mask)) return -EINVAL
  const flags = lockVcpu(v)
  maskCopy(v + AFFINITY, mask)
  unlockVcpu(v, flags)
  vcpuMove(v)
  return 0
}

/** Tie a vCPU to one pCPU. -EINVAL: it is not online. */
export function vcpuPin(v: Ref<'Vcpu'>, cpu: number): Errno {
  if (cpu < 0 || cpu >= cpuCount() || !cpuOnline(cpu)) return -EINVAL
  const flags = lockVcpu(v)
  maskZero(v + AFFINITY)
  maskSet(v + AFFINITY, cpu)
  unlockVcpu(v, flags)
  vcpuMove(v)
  return 0
}

/** Copy the pCPUs on which a vCPU may run. */
export function vcpuGetAffinity(v: Ref<'Vcpu'>, to: CpuMaskRef): void {
  const flags = lockVcpu(v)
  maskCopy(to, v + AFFINITY)
  unlockVcpu(v, flags)
}

/** Let a fresh vCPU run everywhere. */
export function affinityInit(v: Ref<'Vcpu'>): void {
  maskZero(v + AFFINITY)
  for (let cpu = 0; cpu < cpuCount(); cpu++) maskSet(v + AFFINITY, cpu)
}

/** Move a vCPU to a pCPU where it may run, if it is not on one (X2). */
export function vcpuMove(v: Ref<'Vcpu'>): void {
  for (let who = AGAIN; who === AGAIN;) {
    const from = load(v + Vcpu.processor)
    if (policyMayRunOn(v, from)) return
    const to = policyPlace(v)
    if (to === NO_CPU) return affinityBreak(v)
    const flags = lockPair(from, to)
    who = moveLocked(v, from, to)
    unlockPair(from, to, flags)
    if (who !== AGAIN) tell(v, who)
  }
}

// Its last pCPU has gone down: rather anywhere than nowhere.
function affinityBreak(v: Ref<'Vcpu'>): void {
  const flags = lockVcpu(v)
  affinityInit(v)
  unlockVcpu(v, flags)
  vcpuMove(v)
}

// Returns who is to decide anew, as `wakeLocked`, or AGAIN: it was moved, or may no longer run there, since the choice.
function moveLocked(v: Ref<'Vcpu'>, from: number, to: number): number {
  if (load(v + Vcpu.processor) !== from || !policyMayRunOn(v, to)) return AGAIN
  const old = cpuArea(from, Sched)
  return ld(old + Sched.current) === v ? from : settleLocked(v, old, to)    // X2
}

function settleLocked(v: Ref<'Vcpu'>, old: number, to: number): number {
  policySleep(old, v)
  store(v + Vcpu.processor, to)                                       // X1
  return vcpuRunnable(v) ? wakeLocked(v, areaOf(v), false) : NO_CPU
}

// Areas of pCPUs lie in the order of their numbers.
function lockPair(a: number, b: number): number {
  const flags = spinLockIrqsave(cpuArea(Math.min(a, b), Sched) + Sched.lock)
  spinLock(cpuArea(Math.max(a, b), Sched) + Sched.lock)
  return flags
}

function unlockPair(a: number, b: number, flags: number): void {
  spinUnlock(cpuArea(Math.max(a, b), Sched) + Sched.lock)
  spinUnlockIrqrestore(cpuArea(Math.min(a, b), Sched) + Sched.lock, flags)
}

function hasOnline(mask: CpuMaskRef): boolean {
  for (let cpu = maskFirst(mask); cpu >= 0; cpu = maskNext(mask, cpu)) if (cpuOnline(cpu)) return true
  return false
}
