// SPDX-License-Identifier: MIT
/** Boot, the scheduler's part of every domain, and CPUs that come and go (CPU-4). */
import { assert, type Errno, type Ref, type SoftirqNr } from '@bottomhalf/base'
import {
  CPU_DEAD, CPU_DYING, CPU_STARTING, CPU_UP_CANCELED, CPU_UP_PREPARE, CpuEvent, cpuOnline, registerCpuNotifier,
} from '@bottomhalf/cpu'
import type { CpuEventRef } from '@bottomhalf/cpu'
import {
  Domain, forEachDomain, isIdleVcpu, registerDomainPart, setVcpuOperations, Vcpu, vcpuInit, vcpuOf,
} from '@bottomhalf/domain'
import { listInit } from '@bottomhalf/list'
import { cpuArea, handler, ld, load, nowNs, st, store } from '@bottomhalf/machine'
import { rcuReadLock, rcuReadUnlock } from '@bottomhalf/rcu'
import { openSoftirq } from '@bottomhalf/softirq'
import { spinLockInit, spinLockIrqsave, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { initTimer, migrateTimer, stopTimer } from '@bottomhalf/timer'
import { affinityInit, vcpuMove } from './affinity.js'
import { creditForget, creditInitDomain, creditInitVcpu, setupCredit, tickHandler } from './credit.js'
import { burnLocked } from './burn.js'
import { periodicDestroy, periodicInit } from './periodic.js'
import { policyInitCpu, policyIsQueued, policySetIdle } from './policyCredit.js'
import {
  checkRoom, RUNSTATE_OFFLINE, RUNSTATE_RUNNING, Sched, scheduleLockClass, SchedNumbers, SchedVcpu, VCPU_SCHED,
} from './records.js'
import { runstateInit } from './runstate.js'
import {
  currentVcpuHandler, scheduleHandler, sliceOverHandler, switchLocked, vcpuAwaitStoppedHandler, vcpuKickHandler,
  vcpuSleepHandler, vcpuWakeHandler,
} from './schedule.js'
import { raiseSchedule } from './wake.js'

// ---- parts of a domain

const schedDomainInitHandler = handler('schedDomainInit', schedDomainInit)
const schedVcpuInitHandler = handler('schedVcpuInit', schedVcpuInit)
const schedVcpuDestroyHandler = handler('schedVcpuDestroy', schedVcpuDestroy)

function schedDomainInit(d: Ref<'Domain'>): Errno {
  creditInitDomain(d)
  return 0
}

function schedVcpuInit(v: Ref<'Vcpu'>): Errno {
  listInit(v + VCPU_SCHED + SchedVcpu.queueNode)
  runstateInit(v, RUNSTATE_OFFLINE, nowNs())
  creditInitVcpu(v)
  affinityInit(v)
  periodicInit(v)
  store(v + Vcpu.processor, 0)
  return 0
}

function schedVcpuDestroy(v: Ref<'Vcpu'>): void {
  assert(load(v + Vcpu.isRunning) === 0, 'a vCPU is destroyed while it runs', 'DOM-2')
  assert(!policyIsQueued(v), 'a vCPU is destroyed while it waits to run', 'DOM-2')
  creditForget(v)
  periodicDestroy(v)
}

// ---- CPUs that come and go

const cpuNotifierHandler = handler('schedCpuNotifier', cpuNotifier)

function cpuNotifier(event: CpuEventRef): Errno {
  const action = ld(event + CpuEvent.action)
  const cpu = ld(event + CpuEvent.cpu)
  if (action === CPU_UP_PREPARE) takeTimersBack(cpu)
  if (action === CPU_STARTING) raiseSchedule(cpu)
  // the guest that it runs leaves: nothing else would make it, once the pCPU is offline
  if (action === CPU_DYING) raiseSchedule(cpu)
  if (action === CPU_DEAD || action === CPU_UP_CANCELED) cpuDead(cpu)
  return 0
}

function takeTimersBack(cpu: number): void {
  const area = cpuArea(cpu, Sched)
  migrateTimer(area + Sched.sliceTimer, cpu)
  migrateTimer(area + Sched.tickTimer, cpu)
}

/** A pCPU has parked: what it ran stops, what waited there goes elsewhere, running or not. */
function cpuDead(cpu: number): void {
  const area = cpuArea(cpu, Sched)
  policySetIdle(cpu, false)
  evict(area)
  stopTimer(area + Sched.sliceTimer)
  stopTimer(area + Sched.tickTimer)
  rcuReadLock()
  forEachDomain((d) => moveAllFrom(d, cpu))
  rcuReadUnlock()
}

function evict(area: number): void {
  const flags = spinLockIrqsave(area + Sched.lock)
  const prev = ld(area + Sched.current)
  if (!isIdleVcpu(prev)) {
    burnLocked(prev, nowNs())
    switchLocked(area, prev, area + Sched.idle, nowNs())
  }
  spinUnlockIrqrestore(area + Sched.lock, flags)
}

function moveAllFrom(d: Ref<'Domain'>, cpu: number): boolean {
  for (let n = 0; n < ld(d + Domain.vcpuCount); n++) {
    if (load(vcpuOf(d, n) + Vcpu.processor) === cpu) vcpuMove(vcpuOf(d, n))
  }
  return false
}

// ---- boot

/** Softirqs of the scheduler. */
export interface SchedConfig { readonly scheduleNr: SoftirqNr, readonly vcpuKickNr: SoftirqNr }

/** Called once by the boot CPU, after domains and timers. */
export function setupSched(config: SchedConfig): void {
  checkRoom()
  st(SchedNumbers.base + SchedNumbers.scheduleSoftirq, config.scheduleNr)
  st(SchedNumbers.base + SchedNumbers.vcpuKickSoftirq, config.vcpuKickNr)
  openSoftirq(config.scheduleNr, scheduleHandler)
  openSoftirq(config.vcpuKickNr, vcpuKickHandler)
  setupCredit()
  registerDomainPart({
    domainInit: schedDomainInitHandler, vcpuInit: schedVcpuInitHandler, vcpuDestroy: schedVcpuDestroyHandler,
  })
  setVcpuOperations({
    sleep: vcpuSleepHandler, wake: vcpuWakeHandler, awaitStopped: vcpuAwaitStoppedHandler, current: currentVcpuHandler,
  })
  // after the timers going up, before them going down
  registerCpuNotifier(cpuNotifierHandler, -1)
}

/** Called once for each pCPU before it goes online: its idle vCPU runs, in the hypervisor. `node`: its memory node. */
export function setupSchedCpu(cpu: number, node = 0): void {
  const area = cpuArea(cpu, Sched)
  const idle = area + Sched.idle
  spinLockInit(area + Sched.lock, scheduleLockClass)
  policyInitCpu(area, node)
  policySetIdle(cpu, cpuOnline(cpu))
  initTimer(area + Sched.sliceTimer, sliceOverHandler, 0, cpu)
  initTimer(area + Sched.tickTimer, tickHandler, cpu, cpu)
  vcpuInit(idle, 0, cpu, 0)
  runstateInit(idle, RUNSTATE_RUNNING, nowNs())
  store(idle + Vcpu.processor, cpu)
  store(idle + Vcpu.isRunning, 1)
  st(area + Sched.current, idle)
  st(area + Sched.hypervisorDepth, 1)
}
