// SPDX-License-Identifier: MIT
/**
 * What a record is bound as: the step of every fresh binding at which interrupts begin to come, and the way back.
 *
 * Locks     eventLock, held by the caller; irqDesc.lock inside.
 *
 * IO1  A record's flags change only while its interrupt is not bound to the guest: before the bind, after the unbind. Both
 *      take irqDesc.lock, under which a delivery reads them.
 */
import type { Errno, Ref } from '@bottomhalf/base'
import { Domain } from '@bottomhalf/domain'
import { pirqGuestBind } from '@bottomhalf/irq'
import { fetchAdd, ld, st } from '@bottomhalf/machine'
import { HvmPirqDpci, pirqOf } from './records.js'

/** Give a record its flags and bind its interrupt near `v`. Answers as `pirqGuestBind`; a failure clears the record. */
export function bindGuest(
  v: Ref<'Vcpu'>, d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, flags: number, willShare: boolean,
): Errno {
  st(dpci + HvmPirqDpci.flags, flags)                                                        // IO1
  const result = pirqGuestBind(v, pirqOf(dpci), willShare)
  if (result !== 0) clearBinding(d, dpci)
  return result
}

/** Make the record one that is bound to nothing. It has no lines, and no interrupt comes for it (IO1). */
export function clearBinding(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): void {
  if (ld(dpci + HvmPirqDpci.needsEoi) !== 0) fetchAdd(d + Domain.dpciEoiMsis, -1)
  st(dpci + HvmPirqDpci.flags, 0)
  st(dpci + HvmPirqDpci.gvec, 0)
  st(dpci + HvmPirqDpci.gflags, 0)
  st(dpci + HvmPirqDpci.destVcpuId, 0)
  st(dpci + HvmPirqDpci.needsEoi, 0)
}
