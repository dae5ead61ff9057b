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
import { cpuRelax, currentCpu, handler, irqDisable, irqEnable, ld, load } from '@bottomhalf/machine'
import { currentVcpu, hypervisorEnter, hypervisorLeave, vcpuBlock } from '@bottomhalf/sched'
import { beginLooking, endLooking, softirqPending } from '@bottomhalf/softirq'
import { migrateTimer, setTimer, stopTimer, Timer } from '@bottomhalf/timer'
import { hvmLowerCallback } from './callback.js'
import { sendGuestVcpuVirq } from './eventChannel.js'
import { hvmAcceptVector, hvmEndVector, hvmHasEvents } from './irq.js'
import { HvmVcpu, VCPU_HVM, VIRQ_TIMER } from './records.js'
import { vioapicRead, vioapicWrite } from './vioapic.js'
import { vlapicEoi } from './vlapic.js'
import { vpicRead, vpicWrite } from './vpic.js'

// ---- entry and exit

/**
 * Enter `v`, the current vCPU, and run its program until its VM exit. False if softirqs are pending, which come first
 * (W1): then nothing was run.
 */
export function runGuest(v: Ref<'Vcpu'>): boolean {
  if (v !== currentVcpu()) bug('a vCPU is entered that is not current', 'SCH-4')
  if (!vmEntry()) return false
  callGuestProgram(ld(v + Vcpu.domain), v)
  vmExit(v)
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

function vmExit(v: Ref<'Vcpu'>): void {
  hypervisorEnter()
  beginLooking()
  hvmLowerCallback(v)
}

// A trap is a VM exit of its own; the pCPU is in the hypervisor until `hypervisorLeave`.
function trap(v: Ref<'Vcpu'>): void {
  hypervisorEnter()
  hvmLowerCallback(v)
}

// ---- the guest's side

/** Whether the guest is interrupted: its program returns. Takes the pCPU's pending interrupts. */
export function guestMustExit(): boolean {
  cpuRelax()
  return softirqPending(currentCpu()) !== 0
}

/** Take the interrupt that the guest sees next: its vector, -1 if there is none (GV-7). */
export function guestTakeInterrupt(v: Ref<'Vcpu'>): number {
  return hvmAcceptVector(v)
}

/** End the local APIC's interrupt in service; others learn of it (GV-4). A trap. Nothing, if none is in service. */
export function guestEoi(v: Ref<'Vcpu'>): void {
  trap(v)
  const vector = vlapicEoi(v)
  if (vector >= 0) hvmEndVector(v, vector)
  hypervisorLeave()
}

/** Write the IO-APIC of the guest, at an offset of its page. A trap. */
export function guestIoapicWrite(v: Ref<'Vcpu'>, offset: number, value: number): void {
  trap(v)
  vioapicWrite(ld(v + Vcpu.domain), offset, value)
  hypervisorLeave()
}

/** Read the IO-APIC of the guest, at an offset of its page. A trap. */
export function guestIoapicRead(v: Ref<'Vcpu'>, offset: number): number {
  trap(v)
  const value = vioapicRead(ld(v + Vcpu.domain), offset)
  hypervisorLeave()
  return value
}

/** Write an IO port: only the PIC is there. A trap. */
export function guestPortWrite(v: Ref<'Vcpu'>, port: number, value: number): void {
  trap(v)
  vpicWrite(ld(v + Vcpu.domain), port, value)
  hypervisorLeave()
}

/** Read an IO port: only the PIC is there, others read 0xff. A trap. */
export function guestPortRead(v: Ref<'Vcpu'>, port: number): number {
  trap(v)
  const value = vpicRead(ld(v + Vcpu.domain), port)
  hypervisorLeave()
  return value
}

/** Sleep until there is an event. A trap: with true the program returns now. False: there is one already (W2). */
export function guestHalt(): boolean {
  trap(currentVcpu())
  const sleeps = vcpuBlock(hvmHasEvents)
  hypervisorLeave()
  return sleeps
}

/** Raise VIRQ_TIMER of `v` once at `expiresNs`; 0 takes it back (SCH-5). A trap. The last call stands. */
export function guestSetTimer(v: Ref<'Vcpu'>, expiresNs: number): void {
  const timer = v + VCPU_HVM + HvmVcpu.singleshotTimer
  trap(v)
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
