// SPDX-License-Identifier: MIT
/**
 * Who may bind, and how a bind waits for a run of the binding before (DP-10).
 *
 * @xen xen/drivers/passthrough/io.c (the head of pt_irq_create_bind)
 * Contexts  control operations, no lock below pcidevs held.
 * Locks     eventLock.
 *
 * BR1  A fresh bind starts from a record at rest: no run of an earlier binding is wanted, under way or linked (U1, U2). It
 *      does not wait for that in place, where it could wait for this very CPU (U4): it answers -ERESTART with every lock
 *      dropped. A live binding needs no rest.
 * BR2  A dying domain gets no binding: its teardown could have looked already (U9).
 */
import { EINVAL, ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import { Domain, isDomainDying } from '@bottomhalf/domain'
import { ld, type Susp } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { dpciActive } from '#protocol'
import type { DpciBindRules } from './form.js'
import { HvmPirqDpci } from './records.js'

export function whyNotBind(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): Errno {
  if (isDomainDying(d)) return -EINVAL                                                       // BR2
  const isFresh = ld(dpci + HvmPirqDpci.flags) === 0
  return isFresh && dpciActive(dpci) ? -ERESTART : 0                                         // BR1
}

export function bindUnderLock(d: Ref<'Domain'>, attempt: Susp<() => Errno>): Errno {
  spinLock(d + Domain.eventLock)
  const result = attempt()
  spinUnlock(d + Domain.eventLock)
  return result                                                                              // BR1
}

export const bindRules: DpciBindRules = { whyNotBind, bindUnderLock }
