// SPDX-License-Identifier: MIT
/** CPUs that go down and come back while a device interrupts, guests that share a line, and twins of what keeps them right. */
import {
  CPU_DYING, cpuDown, CpuEvent, cpuPark, cpuUp, FIRST_DEVICE_VECTOR, LAST_DEVICE_VECTOR, thisCpuOnline,
} from '@bottomhalf/cpu'
import { vcpuOf } from '@bottomhalf/domain'
import {
  callHandler, currentCpu, haltUntilInterrupt, handler, handlerIdOf, irqDisable, irqEnable, ld, st, store,
} from '@bottomhalf/machine'
import { doSoftirq } from '@bottomhalf/softirq'
import { spinLock, spinLockIrqsave, spinUnlock, spinUnlockIrqrestore } from '@bottomhalf/spinlock'
import { addGuestLocked, guestOf } from '../src/guestAction.js'
import {
  createLineIrq, createMsiIrq, doIrq, IrqDesc, irqDescOf, irqSetAffinity, LINE_LEVEL, LINE_LEVEL_EOI, linePulse,
  MSI_GUEST_MASKED, msiUnmask,  pirqGuestBind, pirqGuestUnbind, requestIrq,
} from '../src/index.js'
import { finishAllLocked } from '../src/eoi.js'
import { eoisPending } from '../src/eoiStack.js'
import { callController, HwIrqController, IrqGuestAction, IrqStatus } from '../src/irqDesc.js'
import { assignVector, releaseVector, vectorOwner, vectorsInUse } from '../src/vectors.js'
import { actionHandler, createDomain, ok, Seen, seen, setupMachine, tie } from './setup.model.js'
import type { Ref } from '@bottomhalf/base'

/** The line of the shared interrupt. */
export const GSI = 5

/** The foot of a CPU's stack. */
export function foot(): void {
  for (;;) {
    if (!thisCpuOnline()) cpuPark()
    irqDisable()
    if (thisCpuOnline()) haltUntilInterrupt()
    irqEnable()
  }
}

/** An MSI of the host, live on `cpu`. */
export function bootHost(cpus: number, cpu: number): number {
  setupMachine(cpus)
  const irq = createMsiIrq(seen(Seen.msi), cpu)
  msiUnmask(seen(Seen.msi), MSI_GUEST_MASKED)
  ok(requestIrq(irq, actionHandler, 0))
  return irq
}

/** Move to the CPU that will go, let it go, and let it come back. */
export function goAndCome(irq: number, cpu: number): void {
  irqEnable()
  void irqSetAffinity(irq, cpu)
  ok(cpuDown(cpu))
  store(seen(Seen.lastPirq), vectorsInUse(cpu))
  ok(cpuUp(cpu))
}

/** Twin of the notifier: interrupts move, and nobody looks for what was on its way. */
function naiveOffline(event: number): void {
  if (ld(event + CpuEvent.action) !== CPU_DYING) return
  for (let vector = LAST_DEVICE_VECTOR; vector >= FIRST_DEVICE_VECTOR; vector--) {
    const desc = vectorOwner(vector)
    if (desc > 0) moveNaively(desc, vector)
  }
}

function moveNaively(desc: Ref<'IrqDesc'>, vector: number): void {
  spinLock(desc + IrqDesc.lock)
  st(desc + IrqDesc.cpu, 0)
  st(desc + IrqDesc.vector, assignVector(0, desc))
  store(desc + IrqDesc.status, ld(desc + IrqDesc.status) & ~IrqStatus.MOVE_OPEN)
  callController(desc, HwIrqController.setAffinity)
  releaseVector(currentCpu(), vector)
  spinUnlock(desc + IrqDesc.lock)
}

export const naiveOfflineHandler = handler('testNaiveOffline', naiveOffline)

/** A level line of ack kind EOI that two guests share. Returns their records. */
export function bootShared(cpus: number): Ref<'PirqRecord'>[] {
  setupMachine(cpus)
  const irq = createLineIrq(GSI, LINE_LEVEL_EOI, 1)
  const d = createDomain(1, 1)
  const pirqs = [tie(d, 5, irq), tie(d, 6, irq)]
  ok(pirqGuestBind(vcpuOf(d, 0), pirqs[0] ?? 0, true))
  ok(pirqGuestBind(vcpuOf(d, 0), pirqs[1] ?? 0, true))
  return pirqs
}

export function pulse(): void {
  linePulse(GSI)
}

export function inService(): number {
  return eoisPending()
}

/** Twin of `pirqGuestEoi` that looks at `inFlight` before it takes the lock: two guests that finish at once see each other. */
export function eoiTwin(irq: number, pirq: Ref<'PirqRecord'>): void {
  const desc = irqDescOf(irq)
  const action = ld(desc + IrqDesc.action)
  const guest = guestOf(action, pirq)
  const left = ld(action + IrqGuestAction.inFlight) & ~(1 << guest)
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  st(action + IrqGuestAction.inFlight, left)
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
}

/** One guest on a level line of CPU 1 that is masked while it is served; its time-out never comes by itself. */
export function bootOneGuest(cpus: number): void {
  setupMachine(cpus, { eoiTimeoutNs: 1e15 })
  const d = createDomain(1, 1)
  ok(pirqGuestBind(vcpuOf(d, 0), tie(d, 5, createLineIrq(GSI, LINE_LEVEL, 1)), false))
}

/** The function of the EOI timer, as the timer softirq calls it. */
export function timeOut(irq: number): void {
  callHandler(handlerIdOf('irqEoiTimeout'), irqDescOf(irq))
}

/** Twin that does not look whether its timer was started again. */
export function timeOutTwin(irq: number): void {
  const desc = irqDescOf(irq)
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  finishAllLocked(desc)
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
}

/** A bit for each guest that has still to finish. */
export function owed(irq: number): number {
  return ld(ld(irqDescOf(irq) + IrqDesc.action) + IrqGuestAction.inFlight)
}

/** So many interrupts on one CPU, one after the other. */
export function storm(irq: number, arrivals: number): void {
  irqDisable()
  for (let n = 0; n < arrivals; n++) doIrq(ld(irqDescOf(irq) + IrqDesc.vector))
  irqEnable()
}

/** Serve softirqs, then sleep until an interrupt, then serve them again. */
export function idleOnce(): void {
  doSoftirq()
  irqDisable()
  haltUntilInterrupt()
  doSoftirq()
}

/** The last guest goes; another comes. */
export function unbind(pirq: Ref<'PirqRecord'>): void {
  irqEnable()
  ok(pirqGuestUnbind(pirq))
}

export function bind(d: Ref<'Domain'>, pirq: Ref<'PirqRecord'>): void {
  irqEnable()
  store(seen(Seen.lastCpu), pirqGuestBind(vcpuOf(d, 0), pirq, true) === 0 ? 1 : 2)
}

/** Twin of a bind that joins a release in progress. */
export function bindTwin(irq: number, pirq: Ref<'PirqRecord'>): void {
  irqEnable()
  const desc = irqDescOf(irq)
  const flags = spinLockIrqsave(desc + IrqDesc.lock)
  const action = ld(desc + IrqDesc.action)
  if (action !== 0) addGuestLocked(action, pirq)
  store(seen(Seen.lastCpu), action !== 0 ? 1 : 2)
  spinUnlockIrqrestore(desc + IrqDesc.lock, flags)
}

/** Whether a pIRQ is among the guests of its interrupt. */
export function isBound(irq: number, pirq: Ref<'PirqRecord'>): boolean {
  const action = ld(irqDescOf(irq) + IrqDesc.action)
  return action !== 0 && guestOf(action, pirq) >= 0
}

/** One guest on the line, the interrupt in service on CPU 1, and a second record that is not bound yet. */
export function bootReleasing(cpus: number): { d: Ref<'Domain'>, pirqs: Ref<'PirqRecord'>[], irq: number } {
  setupMachine(cpus)
  const irq = createLineIrq(GSI, LINE_LEVEL_EOI, 1)
  const d = createDomain(1, 1)
  const pirqs = [tie(d, 5, irq), tie(d, 6, irq)]
  ok(pirqGuestBind(vcpuOf(d, 0), pirqs[0] ?? 0, true))
  return { d, pirqs, irq }
}
