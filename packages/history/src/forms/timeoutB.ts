// SPDX-License-Identifier: MIT
/** The time-out of form B sets the state to 0, whether the record is linked or not (H1). */
import type { Ref } from '@bottomhalf/base'
import { handler, store } from '@bottomhalf/machine'
import { HvmPirqDpci, type DpciTimeout } from '@bottomhalf/passthrough-io/variant'
import { armTimer, killRecordTimer, makeTimer, stopRecordTimer, timeOut } from './recordTimer.js'

type Record = Ref<'HvmPirqDpci'>

export function initTimeout(dpci: Record): void {
  makeTimer(dpci, timeOutHandler)
}

export function armTimeout(dpci: Record): void {
  armTimer(dpci)
}

export function stopTimeout(dpci: Record): void {
  stopRecordTimer(dpci)
}

export function endTimeout(dpci: Record): void {
  killRecordTimer(dpci)
}

const timeOutHandler = handler('dpciTimeOut', (dpci: number): void => { timeOut(dpci, forget) })

function forget(dpci: Record): void {
  store(dpci + HvmPirqDpci.state, 0)                                                        // H1
}

export const timeout: DpciTimeout = { initTimeout, armTimeout, stopTimeout, endTimeout }
