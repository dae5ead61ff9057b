// SPDX-License-Identifier: MIT
/** Rejected idea R3: a bind that finds the record active serves softirqs in place, whatever its caller holds. */
import { ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import { Domain } from '@bottomhalf/domain'
import type { Susp } from '@bottomhalf/machine'
import type { DpciBindRules } from '@bottomhalf/passthrough-io/variant'
import { processPendingSoftirqs } from '@bottomhalf/softirq'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { whyNotBind as whyNot } from './bindInPlace.js'

export function whyNotBind(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): Errno {
  return whyNot(d, dpci)
}

export function bindUnderLock(d: Ref<'Domain'>, attempt: Susp<() => Errno>): Errno {
  for (;;) {
    spinLock(d + Domain.eventLock)
    const result = attempt()
    spinUnlock(d + Domain.eventLock)
    if (result !== -ERESTART) return result
    processPendingSoftirqs()                                                                    // R3
  }
}

export const bindRules: DpciBindRules = { whyNotBind, bindUnderLock }
