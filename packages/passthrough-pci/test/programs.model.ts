// SPDX-License-Identifier: MIT
/** What the contexts of the stepped tests run, and twins with a key line left out. */
import { ERESTART } from '@bottomhalf/base'
import { Domain, domainReferences, pirqRecordOf } from '@bottomhalf/domain'
import { destroyIrq, MsiEntry, msiSend, unmapDomainPirq } from '@bottomhalf/irq'
import { ld, load } from '@bottomhalf/machine'
import { DPCI_QUEUED, DPCI_RUN, DPCI_SCHED, dpciOf, HvmPirqDpci } from '@bottomhalf/passthrough-io'
import { doSoftirq } from '@bottomhalf/softirq'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import {
  deassignDevice, msixTableWrite, msixtblPtRegister, PCI_MSIX, pciCleanDpciIrqs, pciDeviceOwner, pciFunctionMsi,
  pciMsiIrq, pciReleaseDevices, pciUnmapMsi,
} from '../src/index.js'
import { createDomain, NIC, Note, note, ok, passThrough, setupMachine, startDying } from './setup.model.js'
import type { Pirq, Ref } from '@bottomhalf/base'

const ACTIVE = DPCI_SCHED | DPCI_RUN | DPCI_QUEUED
const TABLE = 0x10000

/** A guest with a device of one bound message; returns the domain. */
export function bootWithGuest(cpus: number): Ref<'Domain'> {
  setupMachine(cpus)
  const d = createDomain(1)
  passThrough(d, 1)
  ok(msixtblPtRegister(d, 5 as Pirq, TABLE))
  return d
}

export function entry(): Ref<'MsiEntry'> {
  return pciFunctionMsi(NIC, 0)
}

export function fire(msi: Ref<'MsiEntry'>, times: number): void {
  for (let n = 0; n < times; n++) msiSend(msi)
}

/** The kill of a domain as far as PCI goes; notes what is active at its end, whose the device is, and who holds the domain. */
export function release(d: Ref<'Domain'>): void {
  releaseWith(d, false)
}

/** Twin of the release that takes the first pass's -ERESTART for done (H4). */
export function releaseTwin(d: Ref<'Domain'>): void {
  releaseWith(d, true)
}

function releaseWith(d: Ref<'Domain'>, twin: boolean): void {
  const dpci = dpciOf(pirqRecordOf(d, 5 as Pirq))
  startDying(d)
  let restarts = 0
  for (let result = pass(d, twin); result === -ERESTART; result = pass(d, twin)) {
    restarts++
    doSoftirq()
  }
  note(Note.late, load(dpci + HvmPirqDpci.state) & ACTIVE)
  note(Note.restarts, restarts)
  note(Note.result, pciDeviceOwner(NIC) + domainReferences(d) - 1)
}

function pass(d: Ref<'Domain'>, twin: boolean): number {
  if (!twin) return pciReleaseDevices(d)
  void pciCleanDpciIrqs(d)
  return deassignDevice(d, NIC)
}

/** A guest masks and unmasks. */
export function hammer(d: Ref<'Domain'>): void {
  for (let n = 0; n < 3; n++) msixTableWrite(d, TABLE + 12, n & 1)
}

export function takeAway(d: Ref<'Domain'>): void {
  ok(pciUnmapMsi(d, { sbdf: NIC, kind: PCI_MSIX, first: 0, count: 1 }))
}

/** Twin of `pciUnmapMsi` without `msixEntryGone` (MX1). */
export function takeAwayTwin(d: Ref<'Domain'>): void {
  const irq = pciMsiIrq(NIC, 0)
  spinLock(d + Domain.eventLock)
  ok(unmapDomainPirq(d, 5 as Pirq))
  spinUnlock(d + Domain.eventLock)
  ok(destroyIrq(irq))
}

/** What the hardware has of the entry, and what was noted. */
export const controlOf = (msi: Ref<'MsiEntry'>): number => load(msi + MsiEntry.control)
export const noted = (field: number): number => ld(Note.base + field)
