// SPDX-License-Identifier: MIT
/**
 * The loop of a pCPU: serve softirqs, then enter the guest that the scheduler chose, or do idle work, or sleep.
 *
 *     +--> take interrupts, serve softirqs --> guest current? --> enter it ----+
 *     |                                  \--> idle: tasklet work, or sleep ---+
 *     +------------------------------------------------------------------------+
 *
 * @xen xen/arch/x86/domain.c (idle_loop, reset_stack_and_jump), xen/arch/x86/hvm (vmentry, vmexit)
 * Contexts  the foot of a CPU's stack.
 * Locks     none.
 *
 * L1  The last look for softirqs before a sleep or a guest entry is made with IF = 0, and what comes after it
 *     interrupts the sleep or makes the guest exit (CPU-3, SCH-4).
 * L2  An interrupt that comes while a guest runs is hypervisor time of that guest's slice (SCH-3).
 * L3  A vCPU that was last entered elsewhere has its messages moved near before it is entered (DP-10).
 */
import type { Ref } from '@bottomhalf/base'
import { cpuPark, dispatchVector, thisCpuOnline } from '@bottomhalf/cpu'
import { isIdleVcpu, Vcpu } from '@bottomhalf/domain'
import { runGuest } from '@bottomhalf/hvm'
import { currentCpu, handler, irqDisable, irqEnable, ld, setInterruptEntry, st, stopRequested } from '@bottomhalf/machine'
import { hvmMigratePirqs } from '@bottomhalf/passthrough-io'
import { rcuIdleEnter, rcuIdleExit } from '@bottomhalf/rcu'
import { currentVcpu, hypervisorEnter, hypervisorLeave } from '@bottomhalf/sched'
import { beginLooking, doSoftirq, sleepUnlessPending } from '@bottomhalf/softirq'
import { doTaskletWork, taskletWorkToDo } from '@bottomhalf/tasklet'

/** Run this CPU until the machine stops. The CPU is set up; IF = 0 on entry and return. */
export function pcpuLoop(): void {
  beginLooking()
  while (!stopRequested()) {
    if (thisCpuOnline()) turn()
    else cpuPark()
  }
  irqDisable()
}

function turn(): void {
  irqEnable()
  doSoftirq()
  const v = currentVcpu()
  if (isIdleVcpu(v)) idle()
  else enter(v)
}

function enter(v: Ref<'Vcpu'>): void {
  const here = currentCpu() + 1
  if (ld(v + Vcpu.enteredOn) !== here) {
    st(v + Vcpu.enteredOn, here)
    hvmMigratePirqs(v)                                                // L3
  }
  runGuest(v)                                                         // L1
}

function idle(): void {
  if (taskletWorkToDo(currentCpu())) return doTaskletWork()
  rcuIdleEnter()
  sleepUnlessPending()                                                // L1
  rcuIdleExit()
}

/** Every interrupt of the machine: one that comes while a guest runs is a VM exit first. */
function interrupt(vector: number): void {
  hypervisorEnter()                                                   // L2
  dispatchVector(vector)
  hypervisorLeave()
}

const interruptHandler = handler('interrupt', interrupt)

/** Boot: after the vectors were set up. */
export function setupPcpus(): void {
  setInterruptEntry(interruptHandler)
}
