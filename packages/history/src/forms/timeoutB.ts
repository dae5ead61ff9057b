// SPDX-License-Identifier: MIT
/** The time-out of form B sets the state to 0, whether the record is linked or not (H1). */
import type { Ref } from '@bottomhalf/base'
import { handler, store } from '@bottomhalf/machine'
import { HvmPirqDpci, type DpciTimeout } from '@bottomhalf/passthrough-io/variant'
import { armTimeout, endTimeout, makeTimer, stopTimeout, timeOut } from './recordTimer.js'

type Record = Ref<'HvmPirqDpci'>

export function initTimeout(dpci: Record): void {
  makeTimer(dpci, timeOutHandler)
}

const timeOutHandler = handler('dpciTimeOut', (dpci: number): void => { timeOut(dpci, forget) })

function forget(dpci: Record): void {
  store(dpci + HvmPirqDpci.state, 0)                                                        // H1
}

export { armTimeout, endTimeout, stopTimeout }

export const timeout: DpciTimeout = { initTimeout, armTimeout, stopTimeout, endTimeout }
