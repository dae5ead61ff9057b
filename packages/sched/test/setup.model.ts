// SPDX-License-Identifier: MIT
/** Boot of the layers that the scheduler stands on. The numbers are those of SQ-1. */
import type { DomId, SoftirqNr } from '@bottomhalf/base'
import { setupCpus } from '@bottomhalf/cpu'
import { DOMAIN_HVM, domainCreate, setupDomains, vcpuOf } from '@bottomhalf/domain'
import { handler } from '@bottomhalf/machine'
import { setupRcu } from '@bottomhalf/rcu'
import { setupSoftirqs } from '@bottomhalf/softirq'
import { setupSpinlocks } from '@bottomhalf/spinlock'
import { setupTasklets, TASKLET_LOCK_GLOBAL } from '@bottomhalf/tasklet'
import { setupTimers } from '@bottomhalf/timer'
import { setupSched, setupSchedCpu, vcpuPin, vcpuUp } from '../src/index.js'

export const TIMER = 0 as SoftirqNr
export const SCHEDULE = 1 as SoftirqNr
export const RCU = 3 as SoftirqNr
export const TASKLET = 4 as SoftirqNr
export const VCPU_KICK = 7 as SoftirqNr

const program = handler('program', () => 0)

/** `nodes`: the memory node of each pCPU, 0 where none is named. */
export function setupMachine(cpus: number, nodes: readonly number[] = []): void {
  setupSpinlocks({})
  setupCpus(cpus)
  setupSoftirqs(SCHEDULE)
  setupTasklets({ softirqNr: TASKLET, scheduleNr: SCHEDULE, lock: TASKLET_LOCK_GLOBAL })
  setupTimers(TIMER)
  setupRcu(RCU)
  setupDomains()
  setupSched({ scheduleNr: SCHEDULE, vcpuKickNr: VCPU_KICK })
  for (let cpu = 0; cpu < cpus; cpu++) setupSchedCpu(cpu, nodes[cpu] ?? 0)
}

/** A domain whose vCPUs are pinned to `pins`, by number. They are down. */
export function makeDomain(domId: number, pins: readonly number[]): number {
  const d = domainCreate({
    domId: domId as DomId, kind: DOMAIN_HVM, vcpus: pins.length, nrPirqs: 1, guestProgram: program,
  })
  for (let n = 0; n < pins.length; n++) void vcpuPin(vcpuOf(d, n), pins[n] as number)
  return d
}

/** Bring up the first `count` vCPUs of a domain. */
export function bringUp(d: number, count: number): void {
  for (let n = 0; n < count; n++) void vcpuUp(vcpuOf(d, n))
}
