// SPDX-License-Identifier: MIT
/** The time-out of forms A, C and D clears `masked`, of an edge source too (H7). */
import type { Ref } from '@bottomhalf/base'
import { fetchAnd, handler } from '@bottomhalf/machine'
import { DPCI_MASKED, HvmPirqDpci, type DpciTimeout } from '@bottomhalf/passthrough-io/variant'
import { armTimeout, endTimeout, makeTimer, stopTimeout, timeOut } from './recordTimer.js'

type Record = Ref<'HvmPirqDpci'>

export function initTimeout(dpci: Record): void {
  makeTimer(dpci, timeOutHandler)
}

const timeOutHandler = handler('dpciTimeOut', (dpci: number): void => { timeOut(dpci, forget) })

function forget(dpci: Record): void {
  fetchAnd(dpci + HvmPirqDpci.state, ~DPCI_MASKED)                                         // H7
}

export { armTimeout, endTimeout, stopTimeout }

export const timeout: DpciTimeout = { initTimeout, armTimeout, stopTimeout, endTimeout }
