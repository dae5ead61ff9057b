// SPDX-License-Identifier: MIT
/** Many domains, and many pIRQs of one, on a machine of real threads. */
import type { DomId, Pirq } from '@bottomhalf/base'
import { MsiEntry, msiReset } from '@bottomhalf/irq'
import {
  callHandler, cpuRelax, handler, liveBlocks, NO_CPU, requestStop, setCurrentCpu, Stop, stopRequested, xfree, xzalloc,
} from '@bottomhalf/machine'
import { guestHalt, guestMustExit } from '@bottomhalf/hvm'
import { LOCK_TAS, PROFILE_OFF } from '@bottomhalf/spinlock'
import { TASKLET_LOCK_GLOBAL } from '@bottomhalf/tasklet'
import { bootMachine, errnoOf, faultsAtRest, pcpuMain, perform, requests, type ControlRequest } from '../src/index.js'

export const PIRQS = 256

function haltingGuest(_v: number): void {
  while (!guestMustExit()) if (guestHalt()) return
}

const haltingProgram = handler('manyHaltingGuest', haltingGuest)

export function boot(): void {
  bootMachine({
    lockKind: LOCK_TAS, lockProfile: PROFILE_OFF, taskletLock: TASKLET_LOCK_GLOBAL, irqs: PIRQS + 8,
    guestPrograms: [haltingProgram],
  })
}

/** What is left at the end. Plain data. */
export interface Left {
  readonly words: number, readonly blocks: number, readonly faults: readonly string[], readonly bound: number
}

/** A thread: a pCPU, or after them whoever creates and kills `domains`, then one with PIRQS bound messages. */
export function run(index: number, cpus: number, domains: number): Left | undefined {
  setCurrentCpu(index < cpus ? index : NO_CPU)
  if (index === cpus) return conduct(domains)
  callHandler(pcpuMain.id, index)
  return undefined
}

function conduct(domains: number): Left {
  createAndKill(1)
  const before = liveBlocks()
  for (let i = 0; i < domains; i++) createAndKill(1 + i % 64)
  const bound = bindMany()
  const after = liveBlocks()
  const faults = faultsAtRest().filter(({ label }) => label !== 'I7').map(({ label, found }) => `${label}: ${found}`)
  requestStop(Stop.Requested)
  return { words: total(after) - total(before), blocks: after.length - before.length, faults, bound }
}

function createAndKill(domId: number): void {
  must(newDomain(domId))
  kill(domId)
}

/** How many pIRQs a domain was seen to have, each a bound message. */
function bindMany(): number {
  must(newDomain(1))
  const msis = Array.from({ length: PIRQS }, newMsi)
  for (const [pirq, msi] of msis.entries()) {
    must(requests.bindMsi({ domId: 1 as DomId, pirq: pirq as Pirq, msi, gvec: 0x30 + pirq % 192, gflags: 0 }))
  }
  const { pirqs } = perform(requests.domainState(1 as DomId), relax)
  kill(1)
  for (const msi of msis) xfree(msi)
  return pirqs
}

function newDomain(domId: number): ControlRequest<undefined> {
  return requests.createDomain({ domId: domId as DomId, vcpus: 2, nrPirqs: PIRQS, guestProgram: haltingProgram.id })
}

function newMsi(): number {
  const msi = xzalloc(MsiEntry.sizeWords, MsiEntry.tag)
  msiReset(msi)
  return msi
}

// Gone from the list, then freed by RCU: the next of that id waits for neither.
function kill(domId: number): void {
  const blocks = liveBlocks().length
  must(requests.killDomain(domId as DomId))
  while (errnoOf(requests.domainState(domId as DomId), relax) === 0) cpuRelax()
  while (liveBlocks().length >= blocks && !stopRequested()) cpuRelax()
}

function must(request: ControlRequest<unknown>): void {
  perform(request, relax)
}

function relax(): boolean {
  cpuRelax()
  return stopRequested()
}

function total(blocks: readonly { words: number }[]): number {
  return blocks.reduce((sum, { words }) => sum + words, 0)
}
