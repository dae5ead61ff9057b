// SPDX-License-Identifier: MIT
/**
 * What a guest finds when it is entered, and how it is told that there is something.
 *
 * @xen xen/arch/x86/hvm/irq.c
 * Contexts  hvmPendingVector, hvmAcceptVector: the vCPU itself. hvmAssertEvtchnIrq: any.
 * Locks     none.
 *
 * Q1  The callback comes before the local APIC (GV-7).
 * Q2  With IF = 0 or in an interrupt a vCPU is told through its own tasklet (GV-1): waking it takes locks that the
 *     interrupted code may hold.
 */
import { EINVAL, type Errno, type Ref } from '@bottomhalf/base'
import { isHvmDomain, Vcpu } from '@bottomhalf/domain'
import { handler, inIrq, irqsEnabled, ld, load, store } from '@bottomhalf/machine'
import { vcpuKick } from '@bottomhalf/sched'
import { taskletSchedule } from '@bottomhalf/tasklet'
import { DOMAIN_HVM_STATE, HvmDomain, HvmVcpu, VCPU_HVM } from './records.js'
import { vlapicAccept, vlapicHighestDeliverable } from './vlapic.js'

/** Let the vCPUs of an HVM domain learn of events by `vector`, 16..255; 0 turns it off. -EINVAL otherwise. */
export function hvmSetCallbackVector(d: Ref<'Domain'>, vector: number): Errno {
  if (vector !== 0 && (vector < 16 || vector > 255)) return -EINVAL
  store(d + DOMAIN_HVM_STATE + HvmDomain.callbackVector, vector)
  return 0
}

/** The vector that is injected at the next entry of `v`, -1 if none. Nothing is acknowledged. */
export function hvmPendingVector(v: Ref<'Vcpu'>): number {
  const callback = pendingCallback(v)                                 // Q1
  return callback > 0 ? callback : vlapicHighestDeliverable(v)
}

/** Acknowledge what `hvmPendingVector` names. The callback stays until the guest has looked at its events. */
export function hvmAcceptVector(v: Ref<'Vcpu'>): number {
  const callback = pendingCallback(v)                                 // Q1
  return callback > 0 ? callback : vlapicAccept(v)
}

/** Whether `v` has a reason not to sleep. A PV guest has events only. */
export function hvmHasEvents(v: Ref<'Vcpu'>): boolean {
  if (isHvmDomain(ld(v + Vcpu.domain))) return hvmPendingVector(v) >= 0
  return load(v + VCPU_HVM + HvmVcpu.upcallPending) !== 0
}

/** Make `v` notice that it has events. Called by whoever turned `upcallPending` on. */
export function hvmAssertEvtchnIrq(v: Ref<'Vcpu'>): void {
  if (inIrq() || !irqsEnabled()) taskletSchedule(v + VCPU_HVM + HvmVcpu.assertEvtchnIrqTasklet)    // Q2
  else vcpuKick(v)
}

/** The vCPU's tasklet. Argument: the vCPU. */
export const assertEvtchnIrqHandler = handler('assertEvtchnIrq', hvmAssertEvtchnIrq)

function pendingCallback(v: Ref<'Vcpu'>): number {
  if (load(v + VCPU_HVM + HvmVcpu.upcallPending) === 0) return 0
  return load(ld(v + Vcpu.domain) + DOMAIN_HVM_STATE + HvmDomain.callbackVector)
}
