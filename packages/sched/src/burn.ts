// SPDX-License-Identifier: MIT
/**
 * Credits that a running vCPU uses up: one for each CREDIT_NS.
 *
 * @xen xen/common/sched_credit.c (burn_credits)
 * Locks     the schedule lock of the vCPU's processor.
 *
 * B1  Time is charged once: what is less than a credit stays for the next time.
 */
import type { Ref } from '@bottomhalf/base'
import { isIdleVcpu } from '@bottomhalf/domain'
import { ld, ldTime, st, stTime } from '@bottomhalf/machine'
import { SchedVcpu, VCPU_SCHED } from './records.js'

/** Time that a credit buys: a slice costs 300. */
export const CREDIT_NS = 1e5

// Far below what accounting leaves, so that the word never wraps.
const FLOOR = -1_000_000

const CREDIT = VCPU_SCHED + SchedVcpu.credit
const BURNED_UNTIL = VCPU_SCHED + SchedVcpu.burnedUntilNs

/** A vCPU begins to run. */
export function burnFrom(v: Ref<'Vcpu'>, atNs: number): void {
  stTime(v + BURNED_UNTIL, atNs)
}

/** Charge a vCPU that runs, until now. */
export function burnLocked(v: Ref<'Vcpu'>, atNs: number): void {
  if (isIdleVcpu(v)) return
  const spent = Math.floor((atNs - ldTime(v + BURNED_UNTIL)) / CREDIT_NS)
  if (spent <= 0) return
  st(v + CREDIT, Math.max(ld(v + CREDIT) - spent, FLOOR))
  stTime(v + BURNED_UNTIL, ldTime(v + BURNED_UNTIL) + spent * CREDIT_NS)    // B1
}
