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
  bindMsiArgs, bootMachine, controlIsDone, controlPost, controlResult, createDomainArgs, Operation, pcpuMain,
  registerOperation, TIMER_SOFTIRQ, unbindMsiArgs,
} from '../src/index.js'

export const RESTARTING = 9

const Test = global('controlTest', { calls: word, softirqsAtFirst: word, softirqsAtLast: word })

export function boot(): void {
  bootMachine({ lockKind: LOCK_TAS, lockProfile: PROFILE_OFF, taskletLock: TASKLET_LOCK_GLOBAL, irqs: 3 })
  registerOperation(RESTARTING, restartingHandler)
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

export function restarts(): { calls: number, servedBetween: boolean } {
  const first = ld(Test.base + Test.softirqsAtFirst)
  return { calls: ld(Test.base + Test.calls), servedBetween: ld(Test.base + Test.softirqsAtLast) === first + 2 }
}

/** Ask for one operation and wait for its result. */
export function ask(operation: number, args: readonly number[]): number {
  while (!controlPost(operation, args)) cpuRelax()
  while (!controlIsDone()) cpuRelax()
  return controlResult()
}

/** A second request while the first is open. */
export function askTwice(): { first: boolean, second: boolean, result: number } {
  const first = controlPost(Operation.UnbindMsi, [77, 0])
  const second = controlPost(Operation.UnbindMsi, [77, 0])
  while (!controlIsDone()) cpuRelax()
  return { first, second, result: controlResult() }
}

function haltingGuest(_v: number): void {
  while (!guestMustExit()) if (guestHalt()) return
}

export const haltingProgram = handler('testHaltingGuest', haltingGuest)

export function createGuest(domId: number, cpu: number, program: number, nrPirqs = 4): number {
  return ask(Operation.CreateDomain, createDomainArgs({
    domId: domId as DomId, nrPirqs, cpu, guestProgram: program, guestData: 0,
  }))
}

export function newMsi(): number {
  const msi = xzalloc(MsiEntry.sizeWords, MsiEntry.tag)
  msiReset(msi)
  return msi
}

export function bind(domId: number, pirq: number, msi: number, gvec: number): number {
  return ask(Operation.BindMsi, bindMsiArgs({
    domId: domId as DomId, pirq: pirq as Pirq, msi, gvec, gflags: GFLAGS_UNMASKED,
  }))
}

export function unbind(domId: number, pirq: number): number {
  return ask(Operation.UnbindMsi, unbindMsiArgs({ domId: domId as DomId, pirq: pirq as Pirq }))
}

/** Whether a domain has a record of a pIRQ. */
export function hasRecord(domId: number, pirq: number): boolean {
  rcuReadLock()
  const record = pirqRecordOf(domainById(domId as DomId), pirq as Pirq)
  rcuReadUnlock()
  return record !== 0
}
