// SPDX-License-Identifier: MIT
/** The release of form E1: flags go on the first pass, and hide the record from the next (U6). */
import { ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import {
  clearBinding, dpciActive, freePassthroughState, ptPirqIterate, type DpciRelease,
} from '@bottomhalf/passthrough-io/variant'
import { tearDown, unbindRecord as endBinding } from './teardown.js'

export function releaseBindings(d: Ref<'Domain'>): Errno {
  const result = ptPirqIterate(d, (dpci) => {
    tearDown(dpci)
    clearBinding(d, dpci)                                                                       // U6
    return dpciActive(dpci) ? -ERESTART : 0
  })
  if (result === 0) freePassthroughState(d)
  return result
}

export { endBinding }

export const release: DpciRelease = { endBinding, releaseBindings }
