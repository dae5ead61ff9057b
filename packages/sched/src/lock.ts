// SPDX-License-Identifier: MIT
/**
 * The schedule lock of a vCPU: that of its processor, which may change until the lock is held.
 *
 * @xen xen/common/schedule.c (vcpu_schedule_lock)
 */
import type { Ref } from '@bottomhalf/base'
import { cpuArea, load } from '@bottomhalf/machine'
import { Vcpu } from '@bottomhalf/domain'
import { spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { areaOf, Sched } from './records.js'

/** Take the schedule lock of `v`, interrupts off; `processor` is stable until `unlockVcpu`. Returns the flags for it. */
export function lockVcpu(v: Ref<'Vcpu'>): number {
  for (;;) {
    const cpu = load(v + Vcpu.processor)
    const lock = cpuArea(cpu, Sched) + Sched.lock
    const flags = spinLockIrqsave(lock)
    if (load(v + Vcpu.processor) === cpu) return flags
    // the vCPU was moved while we waited: its lock is another one now
    spinUnlockIrqrestore(lock, flags)
  }
}

/** Drop the schedule lock of `v`. */
export function unlockVcpu(v: Ref<'Vcpu'>, flags: number): void {
  spinUnlockIrqrestore(areaOf(v) + Sched.lock, flags)
}
