// SPDX-License-Identifier: MIT
/** What the contexts of the stepped tests run, and twins of the sources with a key line altered. */
import { callHandler, fetchAdd, fetchAnd, ld, load, st, store } from '@bottomhalf/machine'
import { MSI_GUEST_MASKED, MsiEntry, msiSend, msiUnmask, msiWriteTarget } from '../src/msi.js'
import { IrqAction, IrqDesc, irqDescOf } from '../src/irqDesc.js'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import {
  createMsiIrq, freeIrq, irqSetAffinity, MSI_HOST_MASKED, pirqGuestBind, pirqGuestMask, pirqGuestUnbind, requestIrq,
} from '../src/index.js'
import { actionHandler, createDomain, map, ok, Seen, seen, setupMachine } from './setup.model.js'
import { vcpuOf } from '@bottomhalf/domain'
import type { Ref } from '@bottomhalf/base'

const msi = (): number => seen(Seen.msi)

/** A live MSI of the host on CPU 0; returns its number. */
export function bootWithHostIrq(cpus: number): number {
  setupMachine(cpus)
  const irq = createMsiIrq(msi(), 0)
  msiUnmask(msi(), MSI_GUEST_MASKED)
  ok(requestIrq(irq, actionHandler, 0))
  return irq
}

/** An MSI bound to a guest whose vCPU is on `cpu`; returns the record. */
export function bootWithGuestIrq(cpus: number, cpu: number): Ref<'PirqRecord'> {
  setupMachine(cpus)
  const d = createDomain(1, cpu)
  const pirq = map(d, 5, createMsiIrq(msi(), cpu))
  ok(pirqGuestBind(vcpuOf(d, 0), pirq, false))
  ok(pirqGuestMask(pirq, false))
  return pirq
}

export function send(times: number): void {
  for (let n = 0; n < times; n++) {
    fetchAdd(seen(Seen.sent), 1)
    msiSend(msi())
  }
}

/** Masked for both; a device sends meanwhile, another CPU re-aims. */
export function unmaskBoth(): void {
  msiUnmask(msi(), MSI_HOST_MASKED)
  msiUnmask(msi(), MSI_GUEST_MASKED)
}

export function aim(cpu: number, vector: number): void {
  msiWriteTarget(msi(), cpu, vector)
}

/** Twin of `msiUnmask` without MSI1: a held-back message stays behind. */
export function unmaskBothTwin(): void {
  fetchAnd(msi() + MsiEntry.control, ~(MSI_HOST_MASKED | MSI_GUEST_MASKED))
}

export function move(irq: number, cpus: readonly number[]): void {
  for (const cpu of cpus) void irqSetAffinity(irq, cpu)
}

/** Unbind, then say so: deliveries that begin after this are wrong (I2). */
export function unbindAndTell(pirq: Ref<'PirqRecord'>): void {
  void pirqGuestUnbind(pirq)
  store(seen(Seen.isDirty), load(seen(Seen.delivered)) + 1)
}

/** Twin: the action is detached without the descriptor's lock. */
export function unbindAndTellTwin(pirq: Ref<'PirqRecord'>, irq: number): void {
  const desc = irqDescOf(irq)
  store(desc + IrqDesc.status, ld(desc + IrqDesc.status) & ~8)
  store(seen(Seen.isDirty), load(seen(Seen.delivered)) + 1)
}

export function free(irq: number): void {
  void freeIrq(irq)
  store(seen(Seen.lastCpu), load(seen(Seen.inside)) + 1)
}

/** Twin of `freeIrq` that does not wait for the action. */
export function freeTwin(irq: number): void {
  const desc = irqDescOf(irq)
  spinLock(desc + IrqDesc.lock)
  st(desc + IrqDesc.action, 0)
  spinUnlock(desc + IrqDesc.lock)
  store(seen(Seen.lastCpu), load(seen(Seen.inside)) + 1)
}

/** Twin of doIrq's host part without PENDING and INPROGRESS: any number of CPUs run the action at once. */
export function doIrqTwin(irq: number): void {
  const desc = irqDescOf(irq)
  spinLock(desc + IrqDesc.lock)
  const action = ld(desc + IrqDesc.action)
  spinUnlock(desc + IrqDesc.lock)
  callHandler(ld(action + IrqAction.handler), ld(action + IrqAction.data))
}
