// SPDX-License-Identifier: MIT
/** The release of forms B to D: after a -ERESTART everything is unbound once more (H5); records stay until the domain's end. */
import { ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import {
  dpciActive, freePassthroughState, ptPirqIterate, type DpciRelease,
} from '@bottomhalf/passthrough-io/variant'
import { tearDown, unbindRecord } from './teardown.js'

type Record = Ref<'HvmPirqDpci'>

export function endBinding(d: Ref<'Domain'>, dpci: Record): void {
  unbindRecord(d, dpci)
}

export function releaseBindings(d: Ref<'Domain'>): Errno {
  const result = ptPirqIterate(d, (dpci) => {
    tearDown(dpci)
    return dpciActive(dpci) ? -ERESTART : 0
  })
  if (result === 0) freePassthroughState(d)
  return result
}

export const release: DpciRelease = { endBinding, releaseBindings }
