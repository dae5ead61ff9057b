// SPDX-License-Identifier: MIT
/**
 * Boot: what the boot CPU sets up, in the order in which one thing stands on the other, and what each CPU then runs.
 *
 * @xen xen/arch/x86/setup.c (__start_xen)
 * Contexts  bootMachine: CPU 0, IF = 0, before any other CPU runs.  pcpuMain: each CPU.
 * Locks     none.
 */
import { bug, type Ref } from '@bottomhalf/base'
import { setupCpus } from '@bottomhalf/cpu'
import { setRelinquishOperations, setupDomains } from '@bottomhalf/domain'
import { relinquishPortsHandler, sendGuestVcpuVirq, setupHvm, VIRQ_TIMER } from '@bottomhalf/hvm'
import { setupIrqs, type IrqOptions } from '@bottomhalf/irq'
import { cpuCount, debugChecks, handler, type HandlerRef } from '@bottomhalf/machine'
import { setupPassthroughIo } from '@bottomhalf/passthrough-io'
import { setupPci } from '@bottomhalf/passthrough-pci'
import { setupRcu } from '@bottomhalf/rcu'
import { setPeriodicTick, setupSched, setupSchedCpu } from '@bottomhalf/sched'
import { setupSoftirqs } from '@bottomhalf/softirq'
import { setupSpinlocks, type LockKind, type ProfileLevel } from '@bottomhalf/spinlock'
import { setupTasklets } from '@bottomhalf/tasklet'
import { setupTimers } from '@bottomhalf/timer'
import { setupControl } from './control.js'
import { setupDomainOperations } from './domainOperations.js'
import { setupGuestPrograms } from './guestPrograms.js'
import { setupInterruptOperations } from './interruptOperations.js'
import { setupLockOrder } from './lockOrder.js'
import { setupMachineOperations } from './machineOperations.js'
import { pcpuLoop, setupPcpus } from './pcpu.js'
import { relinquishDevicesHandler } from './pirqs.js'
import { HVM_DPCI_SOFTIRQ, RCU_SOFTIRQ, SCHEDULE_SOFTIRQ, TASKLET_SOFTIRQ, TIMER_SOFTIRQ, VCPU_KICK_SOFTIRQ } from './softirqs.js'

/** What is chosen at boot. */
export interface BootOptions {
  /** LOCK_TAS or LOCK_TICKET. */
  readonly lockKind: LockKind
  /** PROFILE_OFF, PROFILE_WAITS or PROFILE_HOLDS. */
  readonly lockProfile: ProfileLevel
  /** TASKLET_LOCK_GLOBAL or TASKLET_LOCK_PER_CPU. */
  readonly taskletLock: number
  /** Machine interrupts that can exist at once. */
  readonly irqs: number
  /** Lines of the machine, rate limit, time-outs: what is left out is as `IrqOptions` says. */
  readonly irqOptions?: IrqOptions
  /** CPUs from 0 on that are online from the beginning; the others park until `cpuUp`. Default: all. */
  readonly onlineCpus?: number
  /** What a domain's vCPUs may run. */
  readonly guestPrograms: readonly HandlerRef[]
}

/** Set the machine up. */
export function bootMachine(options: BootOptions): void {
  setupSpinlocks({ kind: options.lockKind, profile: options.lockProfile })
  if (debugChecks()) setupLockOrder()
  setupCpus(options.onlineCpus ?? cpuCount())
  setupPcpus()
  setupSoftirqs(SCHEDULE_SOFTIRQ)
  setupTimers(TIMER_SOFTIRQ)
  setupRcu(RCU_SOFTIRQ)
  setupTasklets({ softirqNr: TASKLET_SOFTIRQ, scheduleNr: SCHEDULE_SOFTIRQ, lock: options.taskletLock })
  setupDomains()
  if (setupIrqs(options.irqs, options.irqOptions) !== 0) bug('no memory for the interrupt descriptors')
  setupSched({ scheduleNr: SCHEDULE_SOFTIRQ, vcpuKickNr: VCPU_KICK_SOFTIRQ })
  for (let cpu = 0; cpu < cpuCount(); cpu++) setupSchedCpu(cpu)
  setupHvm()
  setupPassthroughIo(HVM_DPCI_SOFTIRQ)
  setupPci()
  joinSeams()
  setupGuestPrograms(options.guestPrograms)
  setupControl()
  setupDomainOperations()
  setupInterruptOperations()
  setupMachineOperations()
}

/** What a layer asks of those above it, where only the top knows both. */
function joinSeams(): void {
  setPeriodicTick(periodicTickHandler)
  setRelinquishOperations({ eventChannels: relinquishPortsHandler, devices: relinquishDevicesHandler })
}

/** A tick of a vCPU's periodic timer (SCH-5). */
function periodicTick(v: Ref<'Vcpu'>): void {
  sendGuestVcpuVirq(v, VIRQ_TIMER)
}

const periodicTickHandler = handler('vcpuPeriodicTick', periodicTick)

/** What each CPU runs until the machine stops. The engine calls it by name. */
export const pcpuMain = handler('pcpuMain', pcpuLoop)
