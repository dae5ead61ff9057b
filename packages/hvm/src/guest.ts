// SPDX-License-Identifier: MIT
/**
 * VM entry and exit, and what a guest's program may call between them.
 *
 * A guest program is a registered handler that the pCPU enters with its vCPU. It runs as the guest: it takes interrupts,
 * ends them, does its work, asks `guestMustExit` wherever real code could be interrupted, and returns when that says so
 * or when it halts.
 *
 * @xen xen/arch/x86/hvm/vmx/entry.S, hvm.c
 * Contexts  runGuest: the pCPU loop, IF = 1, no lock held. guest*: the program that runs on `v`, IF = 1.
 * Locks     none held at entry and exit.
 *
 * W1  Before an entry softirqs are served; with IF = 0 the pCPU stops being certain to look, then looks for the last time
 *     (SCH-4): what is raised after that sends an IPI, and the guest must exit.
 * W2  A halt looks for events after the vCPU is marked blocked (V1 of sched): no wake-up is lost.
 */
import { bug, type Ref } from '@bottomhalf/base'
import { callGuestProgram, Vcpu } from '@bottomhalf/domain'
import { callHandler, cpuRelax, currentCpu, handler, irqDisable, irqEnable, ld, load, st } from '@bottomhalf/machine'
import { currentVcpu, hypervisorEnter, hypervisorLeave, vcpuBlock } from '@bottomhalf/sched'
import { beginLooking, endLooking, softirqPending } from '@bottomhalf/softirq'
import { migrateTimer, setTimer, stopTimer, Timer } from '@bottomhalf/timer'
import { sendGuestVcpuVirq } from './eventChannel.js'
import { hvmAcceptVector, hvmHasEvents } from './irq.js'
import { EoiOperations, HvmVcpu, VCPU_HVM, VIRQ_TIMER } from './records.js'
import { vlapicEoi } from './vlapic.js'
import type { HandlerRef } from '@bottomhalf/machine'

// ---- entry and exit

/**
 * Enter `v`, the current vCPU, and run its program until its VM exit. False if softirqs are pending, which come first
 * (W1): then nothing was run.
 */
export function runGuest(v: Ref<'Vcpu'>): boolean {
  if (v !== currentVcpu()) bug('a vCPU is entered that is not current', 'SCH-4')
  if (!vmEntry()) return false
  callGuestProgram(ld(v + Vcpu.domain), v)
  vmExit()
  return true
}

function vmEntry(): boolean {
  irqDisable()
  const mustServe = endLooking()                                      // W1
  if (mustServe) beginLooking()
  else hypervisorLeave()
  irqEnable()
  return !mustServe
}

function vmExit(): void {
  hypervisorEnter()
  beginLooking()
}

// ---- the guest's side

/** Whether the guest is interrupted: its program returns. Takes the pCPU's pending interrupts. */
export function guestMustExit(): boolean {
  cpuRelax()
  return softirqPending(currentCpu()) !== 0
}

/** Take the interrupt that the guest sees next: the callback vector, or the local APIC's. -1 if there is none. */
export function guestTakeInterrupt(v: Ref<'Vcpu'>): number {
  return hvmAcceptVector(v)
}

/** End the local APIC's interrupt in service; dpci learns of it (GV-4). A trap. Nothing, if none is in service. */
export function guestEoi(v: Ref<'Vcpu'>): void {
  hypervisorEnter()
  const vector = vlapicEoi(v)
  const msiEoi = ld(EoiOperations.base + EoiOperations.msiEoi)
  if (vector >= 0 && msiEoi !== 0) callHandler(msiEoi, vector)
  hypervisorLeave()
}

/** Sleep until there is an event. A trap: with true the program returns now. False: there is one already (W2). */
export function guestHalt(): boolean {
  hypervisorEnter()
  const sleeps = vcpuBlock(hvmHasEvents)
  hypervisorLeave()
  return sleeps
}

/** Raise VIRQ_TIMER of `v` once at `expiresNs`; 0 takes it back (SCH-5). A trap. The last call stands. */
export function guestSetTimer(v: Ref<'Vcpu'>, expiresNs: number): void {
  const timer = v + VCPU_HVM + HvmVcpu.singleshotTimer
  hypervisorEnter()
  if (expiresNs === 0) stopTimer(timer)
  else setTimerHere(timer, expiresNs)
  hypervisorLeave()
}

function setTimerHere(timer: Ref<'Timer'>, expiresNs: number): void {
  // the vCPU may have been on another pCPU when it set the timer last
  if (load(timer + Timer.cpu) !== currentCpu()) migrateTimer(timer, currentCpu())
  setTimer(timer, expiresNs)
}

/** The function of a vCPU's one-shot timer, in TIMER softirq. Argument: the vCPU. */
export const singleshotHandler = handler('vcpuSingleshot', singleshot)

function singleshot(v: Ref<'Vcpu'>): void {
  sendGuestVcpuVirq(v, VIRQ_TIMER)
}

// ---- seam

/** What layers above do at a guest's EOI. `msiEoi`: argument is the vector; the vCPU is the current one. */
export interface EoiHandlers { readonly msiEoi: HandlerRef }

/** Join the seam to passthrough. Context: boot. */
export function setEoiOperations(operations: EoiHandlers): void {
  st(EoiOperations.base + EoiOperations.msiEoi, operations.msiEoi.id)
}
