// SPDX-License-Identifier: MIT
/**
 * What a guest finds when it is entered, and how it is told that there is something.
 *
 * @xen xen/arch/x86/hvm/irq.c
 * Contexts  hvmPendingVector, hvmAcceptVector, hvmEndVector: the vCPU itself, no lock held. hvmAssertEvtchnIrq: any.
 * Locks     none.
 *
 * Q1  The order at entry: NMI, callback, PIC, local APIC (GV-7).
 * Q2  With IF = 0 or in an interrupt a vCPU is told through its own tasklet (GV-1): waking it takes locks that the
 *     interrupted code may hold.
 */
import type { Ref } from '@bottomhalf/base'
import { isHvmDomain, Vcpu } from '@bottomhalf/domain'
import { handler, inIrq, irqsEnabled, ld, load, testAndClearBit } from '@bottomhalf/machine'
import { taskletSchedule } from '@bottomhalf/tasklet'
import { hvmTellEvents } from './callback.js'
import { endVector } from './eoi.js'
import { DOMAIN_HVM_STATE, HvmDomain, HvmVcpu, VCPU_HVM, WIRE_NMI, WIRE_PIC } from './records.js'
import { vioapicUpdateEoi } from './vioapic.js'
import { vlapicAccept, vlapicAcceptsPic, vlapicHighestDeliverable, vlapicIsLevel } from './vlapic.js'
import { vpicAcknowledge, vpicPending } from './vpic.js'

/** The vector of an NMI. */
export const NMI_VECTOR = 2

const WIRES = VCPU_HVM + HvmVcpu.wires

/** The vector that is injected at the next entry of `v`, -1 if none. Nothing is acknowledged. */
export function hvmPendingVector(v: Ref<'Vcpu'>): number {
  const wires = load(v + WIRES)
  if (hasNmi(wires)) return NMI_VECTOR                                // Q1, as the order of all that follows
  const callback = pendingCallback(v)
  if (callback > 0) return callback
  const vector = hasPic(v, wires) ? vpicPending(ld(v + Vcpu.domain)) : -1
  return vector >= 0 ? vector : vlapicHighestDeliverable(v)
}

/** Acknowledge what `hvmPendingVector` names. The callback stays until the guest has looked at its events. */
export function hvmAcceptVector(v: Ref<'Vcpu'>): number {
  const wires = load(v + WIRES)
  if (hasNmi(wires)) return takeNmi(v)                                // Q1, as the order of all that follows
  const callback = pendingCallback(v)
  if (callback > 0) return callback
  const vector = hasPic(v, wires) ? vpicAcknowledge(ld(v + Vcpu.domain)) : -1
  return vector >= 0 ? vector : vlapicAccept(v)
}

/** Whether `v` has a reason not to sleep. A PV guest has events only. */
export function hvmHasEvents(v: Ref<'Vcpu'>): boolean {
  if (!isHvmDomain(ld(v + Vcpu.domain))) return load(v + VCPU_HVM + HvmVcpu.upcallPending) !== 0
  const wires = load(v + WIRES)
  return hasNmi(wires) || pendingCallback(v) > 0 || hasPic(v, wires) || vlapicHighestDeliverable(v) >= 0
}

/** What the end of `vector`, which was in service at `v`'s local APIC, means to others (GV-4). A trap. */
export function hvmEndVector(v: Ref<'Vcpu'>, vector: number): void {
  if (vlapicIsLevel(v, vector)) vioapicUpdateEoi(ld(v + Vcpu.domain), vector)
  endVector(vector)
}

/** Make `v` notice that it has events. Called by whoever turned `upcallPending` on. */
export function hvmAssertEvtchnIrq(v: Ref<'Vcpu'>): void {
  if (inIrq() || !irqsEnabled()) taskletSchedule(v + VCPU_HVM + HvmVcpu.assertEvtchnIrqTasklet)    // Q2
  else hvmTellEvents(v)
}

/** The vCPU's tasklet. Argument: the vCPU. */
export const assertEvtchnIrqHandler = handler('assertEvtchnIrq', hvmAssertEvtchnIrq)

function hasNmi(wires: number): boolean {
  return (wires >>> WIRE_NMI & 1) !== 0
}

function takeNmi(v: Ref<'Vcpu'>): number {
  testAndClearBit(WIRE_NMI, v + WIRES)
  return NMI_VECTOR
}

function hasPic(v: Ref<'Vcpu'>, wires: number): boolean {
  return (wires >>> WIRE_PIC & 1) !== 0 && vlapicAcceptsPic(v)
}

function pendingCallback(v: Ref<'Vcpu'>): number {
  if (load(v + VCPU_HVM + HvmVcpu.upcallPending) === 0) return 0
  return load(ld(v + Vcpu.domain) + DOMAIN_HVM_STATE + HvmDomain.callbackVector)
}
