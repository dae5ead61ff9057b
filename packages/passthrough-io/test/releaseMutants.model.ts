// SPDX-License-Identifier: MIT
/** Twins of `#release`: production, but for what `chooseLineMutant` takes away. */
import type { Errno, Ref } from '@bottomhalf/base'
import { cleanUpPirq, pirqGuestUnbind } from '@bottomhalf/irq'
import { dpciReset } from '#protocol'
import { clearBinding } from '../src/bindGuest.js'
import type { DpciRelease } from '../src/form.js'
import { removeLines } from '../src/lines.js'
import { pirqOf } from '../src/records.js'
import { FORGETS_LINES, isMutant } from './pendingMutants.model.js'

function endBinding(d: Ref<'Domain'>, dpci: Ref<'HvmPirqDpci'>): void {
  void pirqGuestUnbind(pirqOf(dpci))
  if (!isMutant(FORGETS_LINES)) removeLines(d, dpci)
  clearBinding(d, dpci)
  dpciReset(dpci)
  cleanUpPirq(pirqOf(dpci))
}

function releaseBindings(_d: Ref<'Domain'>): Errno {
  return 0                                                  // no domain dies here
}

export const release: DpciRelease = { endBinding, releaseBindings }

export { endBinding, releaseBindings }
