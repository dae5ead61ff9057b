// SPDX-License-Identifier: MIT
/** The time-out of forms A, C and D clears `masked`, of an edge source too (H7). */
import type { Ref } from '@bottomhalf/base'
import { fetchAnd, handler } from '@bottomhalf/machine'
import { DPCI_MASKED, HvmPirqDpci, type DpciTimeout } from '@bottomhalf/passthrough-io/variant'
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
  fetchAnd(dpci + HvmPirqDpci.state, ~DPCI_MASKED)                                         // H7
}

export const timeout: DpciTimeout = { initTimeout, armTimeout, stopTimeout, endTimeout }
