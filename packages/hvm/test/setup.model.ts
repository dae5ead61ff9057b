// SPDX-License-Identifier: MIT
/** Boot of the layers that delivery stands on, with a passthrough layer that does nothing. Numbers are those of SQ-1. */
import type { DomId, Ref, SoftirqNr } from '@bottomhalf/base'
import { setupCpus } from '@bottomhalf/cpu'
import { DOMAIN_HVM, domainCreate, setupDomains, vcpuOf } from '@bottomhalf/domain'
import { setPirqOperations, setupIrqs } from '@bottomhalf/irq'
import { handler } from '@bottomhalf/machine'
import type { HandlerRef } from '@bottomhalf/machine'
import { setupRcu } from '@bottomhalf/rcu'
import { setupSched, setupSchedCpu, vcpuPin, vcpuUp } from '@bottomhalf/sched'
import { setupSoftirqs } from '@bottomhalf/softirq'
import { setupSpinlocks } from '@bottomhalf/spinlock'
import { setupTasklets, TASKLET_LOCK_GLOBAL } from '@bottomhalf/tasklet'
import { setupTimers } from '@bottomhalf/timer'
import { sendGuestPirqHandler, setupHvm } from '../src/index.js'

export const TIMER = 0 as SoftirqNr
export const SCHEDULE = 1 as SoftirqNr
export const RCU = 3 as SoftirqNr
export const TASKLET = 4 as SoftirqNr
export const VCPU_KICK = 7 as SoftirqNr

const nothing = handler('testNothing', () => 0)
const clean = handler('testClean', () => 1)

export function setupMachine(cpus: number): void {
  setupSpinlocks({})
  setupCpus(cpus)
  setupSoftirqs(SCHEDULE)
  setupTasklets({ softirqNr: TASKLET, scheduleNr: SCHEDULE, lock: TASKLET_LOCK_GLOBAL })
  setupTimers(TIMER)
  setupRcu(RCU)
  setupDomains()
  void setupIrqs(4)
  setPirqOperations({ deliver: nothing, init: nothing, clean, sendEvent: sendGuestPirqHandler })
  setupSched({ scheduleNr: SCHEDULE, vcpuKickNr: VCPU_KICK })
  for (let cpu = 0; cpu < cpus; cpu++) setupSchedCpu(cpu)
  setupHvm()
}

/** What a test's guest is. */
export interface GuestOptions {
  /** pCPU of each vCPU. */
  readonly pins: readonly number[]
  readonly kind?: number
  readonly program?: HandlerRef
}

/** A domain with its vCPUs pinned and down. */
export function makeGuest(domId: number, options: GuestOptions): Ref<'Domain'> {
  const { pins, kind, program } = options
  const d = domainCreate({
    domId: domId as DomId, kind: kind === undefined ? DOMAIN_HVM : kind, vcpus: pins.length, nrPirqs: 64,
    guestProgram: program === undefined ? nothing : program,
  })
  for (let n = 0; n < pins.length; n++) void vcpuPin(vcpuOf(d, n), pins[n] as number)
  return d
}

/** Bring up all vCPUs of a domain. */
export function bringUp(d: Ref<'Domain'>, count: number): void {
  for (let n = 0; n < count; n++) void vcpuUp(vcpuOf(d, n))
}
