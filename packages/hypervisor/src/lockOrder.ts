// SPDX-License-Identifier: MIT
/**
 * The order of locks, outer to inner (LK-4), for the whole machine. Debug checks hold every acquisition against it.
 */
import { hotplugLockClass } from '@bottomhalf/cpu'
import { domainListLockClass, eventLockClass } from '@bottomhalf/domain'
import { hvmIrqLockClass, virqLockClass } from '@bottomhalf/hvm'
import { irqDescLockClass, vectorLockClass } from '@bottomhalf/irq'
import { scheduleLockClass } from '@bottomhalf/sched'
import { declareLockOrder } from '@bottomhalf/spinlock'
import { taskletLockClass } from '@bottomhalf/tasklet'
import { timersLockClass } from '@bottomhalf/timer'

/** Boot: tell the checks. */
export function setupLockOrder(): void {
  declareLockOrder([
    hotplugLockClass,
    eventLockClass,
    domainListLockClass,   // a put under eventLock may be the last (DP-5)
    virqLockClass,
    [hvmIrqLockClass, irqDescLockClass],   // never each other
    vectorLockClass,
    scheduleLockClass,
    timersLockClass,
    taskletLockClass,
  ])
}
