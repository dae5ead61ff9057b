// SPDX-License-Identifier: MIT
/** A machine with control operations asked for from outside, among them one of the test's own that restarts. */
import { ERESTART, type DomId, type Errno, type Pirq } from '@bottomhalf/base'
import { domainById, pirqRecordOf } from '@bottomhalf/domain'
import { guestHalt, guestMustExit } from '@bottomhalf/hvm'
import { MsiEntry, msiReset } from '@bottomhalf/irq'
import {
  callHandler, cpuRelax, global, handler, ld, requestStop, st, Stop, word, xzalloc,
} from '@bottomhalf/machine'
import { GFLAGS_UNMASKED } from '@bottomhalf/passthrough-io'
import { rcuReadLock, rcuReadUnlock } from '@bottomhalf/rcu'
import { raiseSoftirq, softirqRuns } from '@bottomhalf/softirq'
import { LOCK_TAS, PROFILE_OFF } from '@bottomhalf/spinlock'
import { TASKLET_LOCK_GLOBAL } from '@bottomhalf/tasklet'
import {
  bootMachine, controlAbandon, controlIsDone, controlPost, controlTake, errnoOf, NO_SLOT, pcpuMain, perform,
  registerOperation, requests, TIMER_SOFTIRQ, type ControlRequest, type CreateDomain, type Operation,
} from '../src/index.js'

/** The test's own operations: one that is continued twice, and one that never ends. */
export const RESTARTING = 30
export const ENDLESS = 31

const Test = global('controlTest', { calls: word, softirqsAtFirst: word, softirqsAtLast: word, endless: word })

export function boot(irqs = 8): void {
  bootMachine({
    lockKind: LOCK_TAS, lockProfile: PROFILE_OFF, taskletLock: TASKLET_LOCK_GLOBAL, irqs,
    guestPrograms: [haltingProgram],
  })
  registerOperation(RESTARTING, restartingHandler)
  registerOperation(ENDLESS, endlessHandler)
}

export function runCpu(cpu: number): void {
  callHandler(pcpuMain.id, cpu)
}

export function stop(): void {
  requestStop(Stop.Requested)
}

/** An operation that is continued twice, and leaves a softirq to serve each time. */
function restarting(_args: number): Errno {
  const calls = ld(Test.base + Test.calls) + 1
  st(Test.base + Test.calls, calls)
  st(Test.base + (calls === 1 ? Test.softirqsAtFirst : Test.softirqsAtLast), softirqRuns(0, TIMER_SOFTIRQ))
  raiseSoftirq(TIMER_SOFTIRQ)
  return calls < 3 ? -ERESTART : 0
}

const restartingHandler = handler('testRestarting', restarting)

/** An operation that nothing but its requester's giving up ends. */
function endless(_args: number): Errno {
  st(Test.base + Test.endless, ld(Test.base + Test.endless) + 1)
  return -ERESTART
}

const endlessHandler = handler('testEndless', endless)

export function restarts(): { calls: number, servedBetween: boolean } {
  const first = ld(Test.base + Test.softirqsAtFirst)
  return { calls: ld(Test.base + Test.calls), servedBetween: ld(Test.base + Test.softirqsAtLast) === first + 2 }
}

export function endlessTurns(): number {
  return ld(Test.base + Test.endless)
}

/** Relax, and never give up. */
function patiently(): boolean {
  cpuRelax()
  return false
}

/** Ask for one operation and wait for its result. */
export function ask(request: ControlRequest<unknown>): number {
  return errnoOf(request, patiently)
}

/** Ask for one operation and wait for what it answers. Throws. */
export function demand<Result>(request: ControlRequest<Result>): Result {
  return perform(request, patiently)
}

/** Ask for an operation by number, with words that nobody checked. */
export function askRaw(operation: number, args: readonly number[]): number {
  return errnoOf({ operation: operation as Operation, args, ids: {}, read: () => undefined }, patiently)
}

/** Fill all slots with operations that never end, ask for one more, do a real one when one was given up. */
export function fillSlots(slots: number): { full: boolean, result: number, freed: boolean } {
  const open: number[] = []
  for (let i = 0; i < slots; i++) open.push(controlPost(ENDLESS, []))
  const full = !open.includes(NO_SLOT) && controlPost(ENDLESS, []) === NO_SLOT
  controlAbandon(open[0]!)
  const result = ask(requests.cpuState(0))
  for (const slot of open.slice(1)) controlAbandon(slot)
  for (let i = 0; i < slots; i++) open[i] = postWhenFree(RESTARTING)
  for (const slot of open) {
    while (!controlIsDone(slot)) cpuRelax()
    if (controlTake(slot) !== 0) return { full, result, freed: false }
  }
  return { full, result, freed: new Set(open).size === slots }
}

function postWhenFree(operation: number): number {
  for (;;) {
    const slot = controlPost(operation, [])
    if (slot !== NO_SLOT) return slot
    cpuRelax()
  }
}

/** Give an operation up after some looks: what the front door answers. */
export function giveUp(operation: number): number {
  let looks = 0
  return errnoOf({ operation: operation as Operation, args: [], ids: {}, read: () => undefined }, () => {
    cpuRelax()
    return ++looks > 20
  })
}

function haltingGuest(_v: number): void {
  while (!guestMustExit()) if (guestHalt()) return
}

export const haltingProgram = handler('testHaltingGuest', haltingGuest)

export function createGuest(domId: number, cpu: number, program: number, more: Partial<CreateDomain> = {}): number {
  return ask(requests.createDomain({
    domId: domId as DomId, nrPirqs: 4, cpus: [cpu], pinned: true, guestProgram: program, ...more,
  }))
}

export function newMsi(): number {
  const msi = xzalloc(MsiEntry.sizeWords, MsiEntry.tag)
  msiReset(msi)
  return msi
}

export function bind(domId: number, pirq: number, msi: number, gvec: number): number {
  return ask(requests.bindMsi({ domId: domId as DomId, pirq: pirq as Pirq, msi, gvec, gflags: GFLAGS_UNMASKED }))
}

export function unbind(domId: number, pirq: number): number {
  return ask(requests.unbindMsi(domId as DomId, pirq as Pirq))
}

/** Whether a domain has a record of a pIRQ. */
export function hasRecord(domId: number, pirq: number): boolean {
  rcuReadLock()
  const record = pirqRecordOf(domainById(domId as DomId), pirq as Pirq)
  rcuReadUnlock()
  return record !== 0
}
