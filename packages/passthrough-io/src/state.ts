// SPDX-License-Identifier: MIT
/**
 * The passthrough state of a domain: made by its first binding, freed when nothing of passthrough is left in it.
 *
 * @xen xen/drivers/passthrough/io.c (the allocation in pt_irq_create_bind), free_hvm_irq_dpci
 * Locks     eventLock, held by the caller; or nobody else can reach the domain.
 */
import { ENOMEM, type Ref } from '@bottomhalf/base'
import { Domain } from '@bottomhalf/domain'
import { listInit } from '@bottomhalf/list'
import { ld, store, xfree, xzalloc } from '@bottomhalf/machine'
import { FIRST_GIRQ, girqsOf, HvmIrqDpci, LAST_GIRQ } from './records.js'

/** Make the state if there is none. Returns whether it did, as 1 or 0; or -ENOMEM. */
export function ensurePassthroughState(d: Ref<'Domain'>): number {
  if (ld(d + Domain.hvmIrqDpci) !== 0) return 0
  const state = xzalloc(HvmIrqDpci.sizeWords, HvmIrqDpci.tag)
  if (state === 0) return -ENOMEM
  for (let gsi = FIRST_GIRQ; gsi <= LAST_GIRQ; gsi++) listInit(girqsOf(state, gsi))
  store(d + Domain.hvmIrqDpci, state)
  return 1
}

/** Free the state: no record of the domain has a line. */
export function freePassthroughState(d: Ref<'Domain'>): void {
  const state = ld(d + Domain.hvmIrqDpci)
  store(d + Domain.hvmIrqDpci, 0)
  if (state !== 0) xfree(state)
}
