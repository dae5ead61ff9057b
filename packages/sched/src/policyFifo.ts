// SPDX-License-Identifier: MIT
/**
 * Which vCPU runs next: first in, first out on each pCPU, slices of 30 ms, no vCPU leaves its pCPU.
 *
 * These functions are the whole of the policy: another one takes their place as a file with the same names.
 *
 * Contexts  schedule lock of the pCPU `area` held; `policyPick` and `policyPutBack` on that pCPU.
 *
 * F1  A vCPU is in the queue if and only if it is runnable and not current, from the release of the schedule lock on
 *     by whoever made it so.
 */
import type { Ref } from '@bottomhalf/base'
import { isIdleVcpu, vcpuRunnable } from '@bottomhalf/domain'
import { listAdd, listAddTail, listDelInit, listIsQueued, listPop } from '@bottomhalf/list'
import { ld, ldTime, stTime } from '@bottomhalf/machine'
import { Sched, SchedVcpu, VCPU_SCHED } from './records.js'

/** Longest time that a vCPU runs while another one waits. */
export const SLICE_NS = 30e6

const NODE = VCPU_SCHED + SchedVcpu.queueNode

/** A runnable vCPU that is not current begins to wait. Returns whether its pCPU has nothing better to do. */
export function policyWake(area: number, v: Ref<'Vcpu'>): boolean {
  if (listIsQueued(v + NODE)) return false
  listAddTail(v + NODE, area + Sched.queue)                           // F1
  return isIdleVcpu(ld(area + Sched.current))
}

/** A vCPU that is no longer runnable stops waiting. */
export function policySleep(v: Ref<'Vcpu'>): void {
  if (listIsQueued(v + NODE)) listDelInit(v + NODE)                   // F1
}

/** Whether a vCPU waits in the queue. */
export function policyIsQueued(v: Ref<'Vcpu'>): boolean {
  return listIsQueued(v + NODE)
}

/** The vCPU to run after `prev`: it stays while its slice lasts, then the longest waiting, then the idle vCPU. */
export function policyPick(area: number, prev: Ref<'Vcpu'>, atNs: number): Ref<'Vcpu'> {
  const stays = !isIdleVcpu(prev) && vcpuRunnable(prev)
  if (stays && atNs < ldTime(area + Sched.sliceEndNs)) return prev
  if (stays) listAddTail(prev + NODE, area + Sched.queue)             // F1
  const first = listPop(area + Sched.queue)
  if (first === 0) return area + Sched.idle
  stTime(area + Sched.sliceEndNs, atNs + SLICE_NS)
  return first - NODE
}

/** The idle vCPU runs before the guests (TL-7): `prev` waits at the head. */
export function policyPutBack(area: number, prev: Ref<'Vcpu'>): void {
  if (!isIdleVcpu(prev) && vcpuRunnable(prev)) listAdd(prev + NODE, area + Sched.queue)    // F1
}
