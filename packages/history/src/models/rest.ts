// SPDX-License-Identifier: MIT
/** What must hold at the end of every execution. */
import { domainReferences } from '@bottomhalf/domain'
import { dpciActive } from '@bottomhalf/passthrough-io/variant'
import { lostInterrupt } from './guestEnd.js'
import { isBound, recordOf, theDomain } from './world.js'

/** Nothing lost (I1), every reference but the creation's returned (I4). */
export function atRest(): string | undefined {
  const references = domainReferences(theDomain())
  return references === 1 ? lostInterrupt() : `I4: ${references - 1} references to the domain are not returned`
}

/** After a domain's end: nothing of the bindings of its first `devices` devices is left, however they were made. */
export function atRestDead(devices: number): string | undefined {
  for (let n = 0; n < devices; n++) {
    if (dpciActive(recordOf(n))) return 'I6: a record of a dead domain is active'
    if (isBound(n)) return 'I11: a binding outlives its domain'
  }
  return undefined
}
