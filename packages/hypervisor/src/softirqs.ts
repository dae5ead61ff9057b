// SPDX-License-Identifier: MIT
/**
 * The numbers of the softirqs, low ones first served (SQ-1). The one place that knows them all.
 *
 * @xen xen/include/xen/softirq.h, asm-x86/softirq.h
 */
import type { SoftirqNr } from '@bottomhalf/base'

export const TIMER_SOFTIRQ = 0 as SoftirqNr
export const SCHEDULE_SOFTIRQ = 1 as SoftirqNr
export const RCU_SOFTIRQ = 3 as SoftirqNr
export const TASKLET_SOFTIRQ = 4 as SoftirqNr
export const VCPU_KICK_SOFTIRQ = 7 as SoftirqNr
export const HVM_DPCI_SOFTIRQ = 10 as SoftirqNr

/** Names for reports, in order of number. The numbers between are the original's and have no user here. */
export const softirqNames: readonly (readonly [string, SoftirqNr])[] = Object.freeze([
  ['timer', TIMER_SOFTIRQ], ['schedule', SCHEDULE_SOFTIRQ], ['rcu', RCU_SOFTIRQ],
  ['tasklet', TASKLET_SOFTIRQ], ['vcpuKick', VCPU_KICK_SOFTIRQ], ['hvmDpci', HVM_DPCI_SOFTIRQ],
] as const)
