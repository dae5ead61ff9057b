// SPDX-License-Identifier: MIT
/** Boot of the whole stack below, an IOMMU that writes down what it is told and refuses when asked to, and some hardware. */
import { assert } from '@bottomhalf/base'
import { fetchAdd, global, handler, ld, load, st, store, word } from '@bottomhalf/machine'
import { setupCpus } from '@bottomhalf/cpu'
import { DOMAIN_HVM, Domain, domainCreate, setupDomains } from '@bottomhalf/domain'
import { setupHvm } from '@bottomhalf/hvm'
import { setupIrqs } from '@bottomhalf/irq'
import { GFLAGS_UNMASKED, PT_IRQ_TYPE_MSI, ptIrqCreateBind, setupPassthroughIo } from '@bottomhalf/passthrough-io'
import { setupRcu } from '@bottomhalf/rcu'
import { setupSched, setupSchedCpu } from '@bottomhalf/sched'
import { setupSoftirqs } from '@bottomhalf/softirq'
import { declareLockOrder, setupSpinlocks } from '@bottomhalf/spinlock'
import { setupTasklets } from '@bottomhalf/tasklet'
import { setupTimers } from '@bottomhalf/timer'
import { domainListLockClass, eventLockClass } from '@bottomhalf/domain'
import { irqDescLockClass, vectorLockClass } from '@bottomhalf/irq'
import {
  assignDevice, BAR_MEMORY32, IommuRequest, msixTableLockClass, PCI_MSIX, pciAddDevice, PciePort, pcidevsLockClass,
  pciMapMsi, pciPlugFunction, pciSbdf, setIommu, setupPci,
} from '../src/index.js'
import type { DomId, Errno, Pirq, Ref, SoftirqNr } from '@bottomhalf/base'
import type { PciFunctionDescription } from '../src/index.js'

export const IRQS = 60

/** What the IOMMU was asked for, and the request (counted from 1) that it refuses; from there on all, if `forEver`. */
export const Iommu = global('testIommu', { requests: word, refuse: word, forEver: word, last: word, lastTo: word })

function reassign(request: number): number {
  const n = fetchAdd(Iommu.base + Iommu.requests, 1) + 1
  const refuse = load(Iommu.base + Iommu.refuse)
  if (refuse !== 0 && (n === refuse || (n > refuse && load(Iommu.base + Iommu.forEver) !== 0))) return -5
  store(Iommu.base + Iommu.last, ld(request + IommuRequest.sbdf))
  store(Iommu.base + Iommu.lastTo, ld(request + IommuRequest.to))
  return 0
}

const reassignHandler = handler('testReassign', reassign)

/** Let the `n`-th request from now be refused; 0: none. */
export function refuseRequest(n: number, forEver = false): void {
  store(Iommu.base + Iommu.requests, 0)
  store(Iommu.base + Iommu.refuse, n)
  store(Iommu.base + Iommu.forEver, forEver ? 1 : 0)
}

/** Set-up that must succeed. */
export function ok(result: Errno): void {
  assert(result === 0, 'set-up of the test failed')
}

export function setupMachine(cpus: number): void {
  setupSpinlocks({})
  declareLockOrder([
    pcidevsLockClass, eventLockClass, domainListLockClass, irqDescLockClass, vectorLockClass, msixTableLockClass,
  ])
  setupCpus(cpus)
  setupSoftirqs(1 as SoftirqNr)
  setupTimers(0 as SoftirqNr)
  setupRcu(3 as SoftirqNr)
  setupTasklets({ softirqNr: 4 as SoftirqNr, scheduleNr: 1 as SoftirqNr, lock: 0 })
  setupDomains()
  ok(setupIrqs(IRQS))
  setupSched({ scheduleNr: 1 as SoftirqNr, vcpuKickNr: 7 as SoftirqNr })
  for (let cpu = 0; cpu < cpus; cpu++) setupSchedCpu(cpu)
  setupHvm()
  setupPassthroughIo(10 as SoftirqNr)
  setupPci()
  setIommu(reassignHandler)
}

/** A domain with one vCPU, which is down and on CPU 0. */
export function createDomain(domId: number, nrPirqs = 16): Ref<'Domain'> {
  return domainCreate({ domId: domId as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs })
}

/** What the kill of a domain does first. */
export function startDying(d: Ref<'Domain'>): void {
  store(d + Domain.dying, 1)
}

/** The host's own action on an interrupt. */
export const actionHandler = handler('testAction', () => 0)

// ---- hardware

export const MSIX_ENTRIES = 4

/** An endpoint with MSI-X, and MSI of 4 maskable vectors. */
export function endpoint(sbdf: number, more: Partial<PciFunctionDescription> = {}): PciFunctionDescription {
  return {
    sbdf, vendorId: 0x1af4, deviceId: 0x1041, classCode: 0x020000,
    bars: [{ kind: BAR_MEMORY32, sizeBytes: 0x4000 }],
    msi: { vectors: 4, maskable: true }, msix: { entries: MSIX_ENTRIES, bar: 0, offset: 0 },
    express: { portType: PciePort.ENDPOINT }, interruptPin: 1, interruptLine: 11, ...more,
  }
}

/** A card of the old bus: no PCIe capability. */
export function legacy(sbdf: number): PciFunctionDescription {
  return { sbdf, vendorId: 0x8086, deviceId: 0x100e, classCode: 0x020000, interruptPin: 1 }
}

export function bridge(sbdf: number, secondary: number, subordinate = secondary): PciFunctionDescription {
  return { sbdf, vendorId: 0x8086, deviceId: 0x244e, classCode: 0x060400, bridge: { secondary, subordinate } }
}

/** Plug hardware in and make it known. */
export function add(description: PciFunctionDescription): number {
  ok(pciPlugFunction(description))
  ok(pciAddDevice(description.sbdf, {}))
  return description.sbdf
}

export const NIC = pciSbdf(0, 3, 0, 0)
export const GVEC = 0x40

/** The NIC is plugged in, known and given to a domain; messages 0 to n - 1 are its pIRQs 5 and on, bound. */
export function passThrough(d: Ref<'Domain'>, messages: number): void {
  add(endpoint(NIC))
  ok(assignDevice(d, NIC))
  ok(pciMapMsi(d, { sbdf: NIC, kind: PCI_MSIX, first: 0, count: messages }, 5 as Pirq))
  for (let n = 0; n < messages; n++) ok(bind(d, 5 + n, GVEC + n))
}

export function bind(d: Ref<'Domain'>, pirq: number, gvec: number): Errno {
  return ptIrqCreateBind(d, { type: PT_IRQ_TYPE_MSI, pirq: pirq as Pirq, gvec, gflags: GFLAGS_UNMASKED })
}

/** A word of the test's, for results. */
export const Note = global('testNote', { result: word, restarts: word, late: word })
export const note = (field: number, value: number): void => { st(Note.base + field, value) }
