// SPDX-License-Identifier: MIT
/** The release of forms B to D: after a -ERESTART everything is unbound once more (H5); records stay until the domain's end. */
import { ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import {
  dpciActive, freePassthroughState, ptPirqIterate, type DpciRelease,
} from '@bottomhalf/passthrough-io/variant'
import { tearDown, unbindRecord as endBinding } from './teardown.js'

export function releaseBindings(d: Ref<'Domain'>): Errno {
  const result = ptPirqIterate(d, (dpci) => {
    tearDown(dpci)
    return dpciActive(dpci) ? -ERESTART : 0
  })
  if (result === 0) freePassthroughState(d)
  return result
}

export { endBinding }

export const release: DpciRelease = { endBinding, releaseBindings }
