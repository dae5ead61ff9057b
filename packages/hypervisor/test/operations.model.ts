// SPDX-License-Identifier: MIT
/**
 * A machine with a little of everything, on which one operation at a time is done as its tasklet would do it:
 *
 * Domains are paused.
 *
 *     domain 1 (HVM, 2 vCPUs, 8 pIRQs)  device A; pIRQ 1: MSI of no bus; pIRQ 2: message 0 of A, bound; pIRQ 3: line 20
 *     domain 2 (HVM)                    device B
 *     domain 3                          dead, and somebody holds a reference
 *     hardware domain                   device C; a slot with D, of which nobody was told
 */
import { ENOMEM, ERESTART, type DomId, type Pirq } from '@bottomhalf/base'
import { tryLockHotplug, unlockHotplug } from '@bottomhalf/cpu'
import { getDomainById, putDomain } from '@bottomhalf/domain'
import {
  createLineIrq, IrqDesc, irqDescOf, LINE_EDGE, LINE_LEVEL, MsiEntry, msiReset, msiSend,
} from '@bottomhalf/irq'
import { global, irqEnable, ld, st, words, xfree, xzalloc } from '@bottomhalf/machine'
import { GFLAGS_UNMASKED, PT_IRQ_TYPE_MSI, PT_IRQ_TYPE_PCI } from '@bottomhalf/passthrough-io'
import { PCI_MSIX, pciPlugFunction } from '@bottomhalf/passthrough-pci'
import { rcuIdleEnter, rcuIdleExit } from '@bottomhalf/rcu'
import { doSoftirq } from '@bottomhalf/softirq'
import { initTimer, setTimer, Timer } from '@bottomhalf/timer'
import { controlPost, doOperation } from '../src/control.js'
import { createOurIrq } from '../src/pirqs.js'
import { CONTROL_WORDS, faultsAtRest, Operation, requests, type ControlRequest } from '../src/index.js'
import { haltingProgram } from './control.model.js'

export const A = 0x0100, B = 0x0200, C = 0x0300, D = 0x0400

const Scratch = global('operationsTest', { words: words(CONTROL_WORDS) })

/** One turn of an operation, with words that nobody checked. */
export function turn(operation: number, args: readonly number[]): number {
  for (let i = 0; i < CONTROL_WORDS; i++) st(Scratch.base + Scratch.words + i, args[i] ?? 0)
  return doOperation(operation, Scratch.base + Scratch.words)
}

/** An operation to its end. CPU 0. */
export function operate(request: Pick<ControlRequest<unknown>, 'operation' | 'args'>): number {
  irqEnable()
  let result = turn(request.operation, request.args)
  while (result === -ERESTART) {
    doSoftirq()
    result = turn(request.operation, request.args)
  }
  return result
}

/** The words that came back. */
export function answer(): number[] {
  const all: number[] = []
  for (let i = 0; i < CONTROL_WORDS; i++) all.push(ld(Scratch.base + Scratch.words + i))
  return all
}

/** A CPU serves what it has, and sleeps. */
export function settle(): void {
  rcuIdleExit()
  irqEnable()
  doSoftirq()
  rcuIdleEnter()
}

export function plug(sbdf: number): number {
  return pciPlugFunction({
    sbdf, vendorId: 0x1234, deviceId: 1, classCode: 0x020000,
    bars: [{ kind: 0, sizeBytes: 4096 }], msix: { entries: 4, bar: 0, offset: 0 },
  })
}

export function freshMsi(): number {
  const msi = xzalloc(MsiEntry.sizeWords, MsiEntry.tag)
  msiReset(msi)
  return msi
}

export function newDomain(domId: number): ControlRequest<undefined> {
  return requests.createDomain({
    domId: domId as DomId, vcpus: 2, nrPirqs: 8, guestProgram: haltingProgram.id, paused: true,
  })
}

/** CPU 0: make it all. What every step answered. */
export function furnish(): number[] {
  const one = 1 as DomId
  const line = { type: PT_IRQ_TYPE_PCI, pirq: 3 as Pirq, bus: 0, device: 2, intx: 0 }
  irqEnable()
  const results = [plug(A), plug(B), plug(C), plug(D)]
  const steps: ControlRequest<unknown>[] = [
    ...[1, 2, 3].map(newDomain), ...[A, B, C].map((sbdf) => requests.addDevice({ sbdf })),
    requests.assignDevice(one, A), requests.assignDevice(2 as DomId, B),
    requests.bindMsi({ domId: one, pirq: 1 as Pirq, msi: freshMsi(), gvec: 0x40, gflags: 0 }),
    requests.mapMessages(one, { sbdf: A, kind: PCI_MSIX, first: 0, count: 1 }, 2 as Pirq),
    requests.bindIrq(one, { type: PT_IRQ_TYPE_MSI, pirq: 2 as Pirq, gvec: 0x41 }),
    requests.mapLine(one, 3, 20, LINE_LEVEL),
    // every lock is used once before: what its checks learn then is no change
    newDomain(4), requests.killDomain(4 as DomId),
    requests.bindMsi({ domId: 2 as DomId, pirq: 1 as Pirq, msi: freshMsi(), gvec: 0x40, gflags: 0 }),
    requests.unbindMsi(2 as DomId, 1 as Pirq),
    requests.mapMessages(one, { sbdf: A, kind: PCI_MSIX, first: 1, count: 3 }, 4 as Pirq),
    requests.unmapMessages(one, { sbdf: A, kind: PCI_MSIX, first: 1, count: 3 }),
    requests.bindIrq(one, line), requests.unbindIrq(one, line),
  ]
  if (tryLockHotplug()) unlockHotplug()
  for (const step of steps) results.push(operate(step))
  getDomainById(3 as DomId)
  results.push(operate(requests.killDomain(3 as DomId)))
  return results
}

export function letGo(domId: number): void {
  const d = getDomainById(domId as DomId)
  putDomain(d)
  putDomain(d)
}

/**
 * CPU 0: a domain with an interrupt whose run is queued is killed. How often the kill was continued, at most `most` times;
 * `serving`: the CPU serves what is pending in between.
 */
export function killWithRunQueued(serving: boolean, most: number): number {
  const msi = freshMsi()
  irqEnable()
  operate(requests.bindMsi({ domId: 2 as DomId, pirq: 1 as Pirq, msi, gvec: 0x40, gflags: GFLAGS_UNMASKED }))
  msiSend(msi)
  irqEnable()
  let continued = 0
  while (turn(Operation.KillDomain, [2]) === -ERESTART && continued < most) {
    continued++
    if (serving) doSoftirq()
  }
  return continued
}

/** A CPU comes or goes, as far as others can tell. */
export function lockHotplug(): boolean {
  return tryLockHotplug()
}

export function unlockHotplugAgain(): void {
  unlockHotplug()
}

/** An operation that forgets what it had when its second allocation fails. */
export function leakyOperation(): number {
  const first = xzalloc(4, MsiEntry.tag)
  if (first === 0) return -ENOMEM
  const second = xzalloc(4, MsiEntry.tag)
  if (second === 0) return -ENOMEM
  xfree(second)
  xfree(first)
  return 0
}

// ---- twins of the checks at rest: what a teardown that forgets leaves behind

/** Labels of what the checks find. A timer in memory that was freed may point to more of its kind. */
export function faults(): string[] {
  return [...new Set(faultsAtRest().map(({ label }) => label))]
}

export function leaveTimer(): void {
  irqEnable()
  const timer = xzalloc(Timer.sizeWords, Timer.tag)
  initTimer(timer, haltingProgram, 0, 0)
  setTimer(timer, 1e9)
  xfree(timer)
}

export function leaveWaitingLine(): void {
  st(irqDescOf(createLineIrq(21, LINE_EDGE, 0)) + IrqDesc.waits, 1)
}

export function leaveInterrupt(): number {
  return createOurIrq(freshMsi(), 0)
}

export function leaveOperation(): number {
  return controlPost(Operation.CpuState, [0])
}
