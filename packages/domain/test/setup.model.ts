// SPDX-License-Identifier: MIT
/** Boot of the layers that domains stand on. The numbers are those of SQ-1. */
import type { SoftirqNr } from '@bottomhalf/base'
import { setupCpus } from '@bottomhalf/cpu'
import { setupRcu } from '@bottomhalf/rcu'
import { setupSoftirqs } from '@bottomhalf/softirq'
import { setupSpinlocks } from '@bottomhalf/spinlock'
import { setupDomains } from '../src/index.js'

export const SCHEDULE_SOFTIRQ = 1 as SoftirqNr
export const RCU_SOFTIRQ = 3 as SoftirqNr

export function setupMachine(cpus: number): void {
  setupSpinlocks({})
  setupCpus(cpus)
  setupSoftirqs(SCHEDULE_SOFTIRQ)
  setupRcu(RCU_SOFTIRQ)
  setupDomains()
}
