// SPDX-License-Identifier: MIT
/** The release of form E2: as E1, and an unbind frees the record again (U7). */
import { ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import {
  clearBinding, dpciActive, freePassthroughState, ptPirqIterate, type DpciRelease,
} from '@bottomhalf/passthrough-io/variant'
import { tearDown, unbindAndFree } from './teardown.js'

type Record = Ref<'HvmPirqDpci'>

export function endBinding(d: Ref<'Domain'>, dpci: Record): void {
  unbindAndFree(d, dpci)
}

export function releaseBindings(d: Ref<'Domain'>): Errno {
  const result = ptPirqIterate(d, (dpci) => {
    tearDown(dpci)
    clearBinding(d, dpci)                                                                       // U6
    return dpciActive(dpci) ? -ERESTART : 0
  })
  if (result === 0) freePassthroughState(d)
  return result
}

export const release: DpciRelease = { endBinding, releaseBindings }
