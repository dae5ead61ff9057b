// SPDX-License-Identifier: MIT
/**
 * Hypervisor time (SCH-3): what interrupts, softirqs and waits for locks eat from the slice of the vCPU that is current.
 *
 * A pCPU is in the hypervisor (depth > 0) or in a guest (depth 0). It starts in the hypervisor; VM entry leaves it; an
 * interrupt or trap that comes from the guest enters it again. Interrupts nest.
 *
 * @xen none: the original does not tell eaten time from running time.
 * Contexts  on the pCPU itself; the pair of an interrupt runs inside an interrupt of that pCPU.
 * Locks     none: owned by the pCPU. `chargeHypervisorLocked`: schedule lock.
 *
 * T2  Every nanosecond that a pCPU is in the hypervisor is charged to exactly one vCPU: the one current when it passed.
 */
import { bug, type Ref } from '@bottomhalf/base'
import { irqRestore, irqSave, ld, ldTime, nowNs, st, stTime, thisCpu } from '@bottomhalf/machine'
import { Sched } from './records.js'
import { runstateEatLocked } from './runstate.js'

/** The pCPU enters the hypervisor: from a guest, or (nested) from the hypervisor itself. */
export function hypervisorEnter(): void {
  const my = thisCpu(Sched)
  const depth = ld(my + Sched.hypervisorDepth)
  // an interrupt here nests completely: it leaves the depth as it found it
  if (depth === 0) stTime(my + Sched.hypervisorSinceNs, nowNs())
  st(my + Sched.hypervisorDepth, depth + 1)
}

/** Undo one `hypervisorEnter`: the outermost one goes to the guest. */
export function hypervisorLeave(): void {
  const my = thisCpu(Sched)
  const depth = ld(my + Sched.hypervisorDepth)
  if (depth === 0) bug('hypervisorLeave without hypervisorEnter', 'SCH-3')
  if (depth === 1) leaveToGuest(my)
  else st(my + Sched.hypervisorDepth, depth - 1)
}

// An interrupt between the look at the clock and the new depth would be charged to nobody (T2): interrupts off.
function leaveToGuest(my: number): void {
  const flags = irqSave()
  stTime(my + Sched.eatenNs, eatenUntil(my, nowNs()))
  st(my + Sched.hypervisorDepth, 0)
  irqRestore(flags)
}

/** Whether this pCPU is in the hypervisor, not in a guest. */
export function inHypervisor(): boolean {
  return ld(thisCpu(Sched) + Sched.hypervisorDepth) !== 0
}

/** Charge what was eaten on this pCPU until now to `v`, the vCPU that was current. Context: schedule lock held. */
export function chargeHypervisorLocked(my: number, v: Ref<'Vcpu'>, atNs: number): void {
  const inside = ld(my + Sched.hypervisorDepth) !== 0
  runstateEatLocked(v, inside ? eatenUntil(my, atNs) : ldTime(my + Sched.eatenNs))    // T2
  stTime(my + Sched.eatenNs, 0)
  if (inside) stTime(my + Sched.hypervisorSinceNs, atNs)
}

function eatenUntil(my: number, atNs: number): number {
  return ldTime(my + Sched.eatenNs) + atNs - ldTime(my + Sched.hypervisorSinceNs)
}
