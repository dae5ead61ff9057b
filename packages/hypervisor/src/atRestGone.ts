// SPDX-License-Identifier: MIT
/**
 * What is left of domains and bindings that are gone, and of operations that were asked for (I8 to I11).
 *
 * Contexts  at rest: nothing runs, and every domain that lives has no binding. Reads only.
 */
import { Domain, DOMAIN_ALIVE, forEachDomain, Vcpu } from '@bottomhalf/domain'
import { IrqGuestAction, irqFaultsAtRest } from '@bottomhalf/irq'
import { cpuCount, Header, ld, liveBlocks, load, type LiveBlock } from '@bottomhalf/machine'
import { HvmIrqDpci } from '@bottomhalf/passthrough-io'
import { PciDev, isGuestOwner } from '@bottomhalf/passthrough-pci'
import { timersSetOn } from '@bottomhalf/timer'
import { controlSlotsInUse } from './control.js'
import { untiedOurIrqs } from './pirqs.js'
import type { RestFault } from './atRest.js'

/** I8 to I11, as far as memory can tell. */
export function faultsOfTheGone(): RestFault[] {
  const domains = domainsInList()
  const faults = [...operationFaults(), ...timerFaults(liveBlocks()), ...lineFaults(), ...dyingFaults(domains)]
  for (const block of liveBlocks()) faults.push(...blockFaults(block, domains))
  return [...faults, ...interruptFaults()]
}

function domainsInList(): number[] {
  const domains: number[] = []
  forEachDomain((d) => {
    domains.push(d)
    return false
  })
  return domains
}

/** I8: whoever waits gets on: no operation was left undone. */
function operationFaults(): RestFault[] {
  const open = controlSlotsInUse()
  return open === 0 ? [] : [{ label: 'I8', found: `${open} control operations were asked for and never ended` }]
}

/** I9: a timer that is set belongs to something that exists. */
function timerFaults(blocks: readonly LiveBlock[]): RestFault[] {
  const faults: RestFault[] = []
  for (let cpu = 0; cpu < cpuCount(); cpu++) {
    for (const timer of timersSetOn(cpu)) {
      if (!belongs(timer, blocks)) faults.push({ label: 'I9', found: `a timer at ${timer} is set on CPU ${cpu}, of nobody` })
    }
  }
  return faults
}

function belongs(address: number, blocks: readonly LiveBlock[]): boolean {
  return address < ld(Header.heapBase) || blocks.some((b) => address >= b.address && address < b.address + b.words)
}

/** I10: every line that was masked for a guest is released. */
function lineFaults(): RestFault[] {
  return irqFaultsAtRest().map(({ found }) => ({ label: 'I10', found }))
}

/** I11: a domain that was killed is gone. */
function dyingFaults(domains: readonly number[]): RestFault[] {
  const faults: RestFault[] = []
  for (const d of domains) {
    if (load(d + Domain.dying) === DOMAIN_ALIVE) continue
    faults.push({ label: 'I11', found: `domain ${ld(d + Domain.domId)} was killed and is still there` })
  }
  return faults
}

/** I11: nothing in the heap belongs to a domain that is gone, or to a binding. */
function blockFaults({ address, tag }: LiveBlock, domains: readonly number[]): RestFault[] {
  if (tag === Vcpu.tag && !domains.includes(ld(address + Vcpu.domain))) return gone('a vCPU', address)
  if (tag === HvmIrqDpci.tag && !isStateOfOne(address, domains)) return gone('the passthrough state', address)
  if (tag === IrqGuestAction.tag) return [{ label: 'I11', found: `an interrupt is still bound to guests, at ${address}` }]
  if (tag !== PciDev.tag) return []
  const owner = ld(address + PciDev.owner)
  return isGuestOwner(owner) && !domains.includes(owner) ? gone('a device', address) : []
}

function isStateOfOne(state: number, domains: readonly number[]): boolean {
  for (const d of domains) if (load(d + Domain.hvmIrqDpci) === state) return true
  return false
}

function gone(what: string, address: number): RestFault[] {
  return [{ label: 'I11', found: `${what} at ${address} belongs to a domain that is gone` }]
}

/** I11: no interrupt that was made for a domain is left without it. */
function interruptFaults(): RestFault[] {
  return untiedOurIrqs().map((irq) => ({ label: 'I11', found: `interrupt ${irq} is left of a domain that is gone` }))
}
