// SPDX-License-Identifier: MIT
/**
 * The invariants that memory alone can tell, when every CPU has left its loop (SPEC 13).
 *
 * Contexts  at rest: nothing runs. Reads only.
 */
import { Domain, DOMAIN_ALIVE, domainReferences, forEachDomain, PirqRecord } from '@bottomhalf/domain'
import { cpuCount, ld, liveBlocks, load, overrunBlocks, structNameOfTag } from '@bottomhalf/machine'
import { dpciActive, dpciOf } from '@bottomhalf/passthrough-io'
import { knownLocks, locksHeld, spinIsLocked } from '@bottomhalf/spinlock'
import { faultsOfTheGone } from './atRestGone.js'
import type { CpuId } from '@bottomhalf/base'

/** A broken invariant: its label, and what was found. */
export interface RestFault { readonly label: string, readonly found: string }

/** Everything that is wrong with a machine at rest whose bindings are all gone; empty if nothing is. */
export function faultsAtRest(): RestFault[] {
  return [...referenceFaults(), ...recordFaults(), ...heapFaults(), ...lockFaults(), ...faultsOfTheGone()]
}

/**
 * Whether what was unbound and killed is freed, which RCU does some time after: every pIRQ record, every domain that does not
 * live. A machine that is stopped before is left with what nobody freed. Context: any.
 */
export function everythingFreed(): boolean {
  for (const { address, tag } of liveBlocks()) {
    if (tag === PirqRecord.tag) return false
    if (tag === Domain.tag && load(address + Domain.dying) !== DOMAIN_ALIVE) return false
  }
  return true
}

/** I4: a domain that lives has its creation reference and no other. */
function referenceFaults(): RestFault[] {
  const faults: RestFault[] = []
  forEachDomain((d) => {
    const count = domainReferences(d)
    if (count !== 1) faults.push({ label: 'I4', found: `domain ${ld(d + Domain.domId)} has ${count} references, expected 1` })
    return false
  })
  return faults
}

/** I3, I5: no record runs or is linked; and since nothing is bound, none is left at all (I6). */
function recordFaults(): RestFault[] {
  const faults: RestFault[] = []
  for (const { address, tag } of liveBlocks()) {
    if (tag !== PirqRecord.tag) continue
    const pirq = ld(address + PirqRecord.pirq)
    if (dpciActive(dpciOf(address))) {
      faults.push({ label: 'I5', found: `the record of pIRQ ${pirq} is still scheduled, running or linked` })
    } else {
      faults.push({ label: 'I6', found: `the record of pIRQ ${pirq} was not freed` })
    }
  }
  return faults
}

function heapFaults(): RestFault[] {
  return overrunBlocks().map(({ address, tag }) =>
    ({ label: 'I6', found: `${structNameOfTag(tag)} at ${address} was written behind its end` }))
}

function lockFaults(): RestFault[] {
  const faults: RestFault[] = []
  for (const { lock, className } of knownLocks()) {
    if (spinIsLocked(lock)) faults.push({ label: 'I7', found: `a lock of class ${className} is held` })
  }
  for (let cpu = 0; cpu < cpuCount(); cpu++) {
    const held = locksHeld(cpu as CpuId)
    if (held > 0) faults.push({ label: 'I7', found: `CPU ${cpu} holds ${held} locks` })
  }
  return faults
}
