// SPDX-License-Identifier: MIT
/** The assist up to 2021: whatever is no message is taken for a line, a record without a binding too (R4, U8). */
import type { Ref } from '@bottomhalf/base'
import { Domain } from '@bottomhalf/domain'
import { vmsiDeliver } from '@bottomhalf/hvm'
import { pirqGuestEoi } from '@bottomhalf/irq'
import { ld, testAndClearBit } from '@bottomhalf/machine'
import {
  armTimeout, assertLines, DPCI_GUEST_MSI, DPCI_MASKED_BIT, DPCI_TRANSLATE, dpciDomain, HvmPirqDpci, pirqOf,
} from '@bottomhalf/passthrough-io/variant'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'

export function hvmDirqAssist(dpci: Ref<'HvmPirqDpci'>): void {
  const d = dpciDomain(dpci)
  spinLock(d + Domain.eventLock)
  if (testAndClearBit(DPCI_MASKED_BIT, dpci + HvmPirqDpci.state) !== 0) give(d, dpci)
  spinUnlock(d + Domain.eventLock)
}

function give(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): void {
  const flags = ld(dpci + HvmPirqDpci.flags)
  if ((flags & DPCI_GUEST_MSI) !== 0) void vmsiDeliver(d, ld(dpci + HvmPirqDpci.gvec), ld(dpci + HvmPirqDpci.gflags))
  else giveLines(d, dpci, flags)
}

function giveLines(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>, flags: number): void {
  assertLines(d, dpci)
  if ((flags & DPCI_TRANSLATE) !== 0) pirqGuestEoi(pirqOf(dpci))
  else armTimeout(dpci)                                                                         // R4, U8
}
