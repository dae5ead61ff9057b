// SPDX-License-Identifier: MIT
/**
 * The order of locks, outer to inner (LK-4), for the whole machine. Debug checks hold every acquisition against it.
 */
import { hotplugLockClass } from '@bottomhalf/cpu'
import { domainListLockClass, eventLockClass, pageLockClass } from '@bottomhalf/domain'
import { hvmIrqLockClass, virqLockClass } from '@bottomhalf/hvm'
import { irqDescLockClass, rateLimitLockClass, vectorLockClass } from '@bottomhalf/irq'
import { msixTableLockClass, pcidevsLockClass } from '@bottomhalf/passthrough-pci'
import { rcuLockClass } from '@bottomhalf/rcu'
import { creditLockClass, scheduleLockClass } from '@bottomhalf/sched'
import { declareLockOrder } from '@bottomhalf/spinlock'
import { taskletLockClass } from '@bottomhalf/tasklet'
import { timersLockClass } from '@bottomhalf/timer'

/** Boot: tell the checks. */
export function setupLockOrder(): void {
  declareLockOrder([
    hotplugLockClass,
    rcuLockClass,          // held with IF = 1: whatever an interrupt takes comes inside
    pcidevsLockClass,
    eventLockClass,
    domainListLockClass,   // a put under pcidevs or eventLock may be the last (DP-5)
    pageLockClass,
    creditLockClass,       // the last one that is held with IF = 1
    virqLockClass,
    hvmIrqLockClass,       // held with IF = 1: an interrupt may take irqDesc.lock inside; the other way round is a BUG (LK-4)
    irqDescLockClass,
    vectorLockClass,
    rateLimitLockClass,
    msixTableLockClass,
    scheduleLockClass,
    timersLockClass,
    taskletLockClass,
  ])
}
