// SPDX-License-Identifier: MIT
/** The release of 2020: a record that was torn down is dropped from the index, and its pIRQ is lost (H6). */
import { ERESTART, type Errno, type Ref } from '@bottomhalf/base'
import { sparseDelete } from '@bottomhalf/atomics'
import { Domain, PirqRecord } from '@bottomhalf/domain'
import { ld } from '@bottomhalf/machine'
import {
  clearBinding, pirqOf, dpciActive, freePassthroughState, ptPirqIterate, type DpciRelease,
} from '@bottomhalf/passthrough-io/variant'
import { tearDown, unbindRecord as endBinding } from './teardown.js'

export function releaseBindings(d: Ref<'Domain'>): Errno {
  const result = ptPirqIterate(d, (dpci) => {
    tearDown(dpci)
    clearBinding(d, dpci)
    const pirq = pirqOf(dpci)
    sparseDelete(d + Domain.pirqs, ld(pirq + PirqRecord.pirq))                                  // H6
    return dpciActive(dpci) ? -ERESTART : 0
  })
  if (result === 0) freePassthroughState(d)
  return result
}

export { endBinding }

export const release: DpciRelease = { endBinding, releaseBindings }
