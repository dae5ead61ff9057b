// SPDX-License-Identifier: MIT
/** Boot of the whole stack below, one HVM domain with devices, and a way to let an arrival come to any CPU. */
import { assert } from '@bottomhalf/base'
import {
  embed, fetchAdd, global, handler, ld, load, st, testAndClearBit, word, words,
} from '@bottomhalf/machine'
import { setupCpus, setVector } from '@bottomhalf/cpu'
import { DOMAIN_HVM, domainCreate, Domain, pirqRecordOf, setupDomains, Vcpu, vcpuOf } from '@bottomhalf/domain'
import { HvmVcpu, setupHvm } from '@bottomhalf/hvm'
import {
  ACK_UNMASK, createMsiIrq, HwIrqController, IrqDesc, irqDescOf, IrqStatus, mapDomainPirq, MSI_GUEST_MASKED,
  msiUnmask, setupIrqs,
} from '@bottomhalf/irq'
import { setupRcu } from '@bottomhalf/rcu'
import { setupSched, setupSchedCpu, vcpuPin } from '@bottomhalf/sched'
import { setupSoftirqs } from '@bottomhalf/softirq'
import { setupSpinlocks, spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { setupTasklets } from '@bottomhalf/tasklet'
import { setupTimers } from '@bottomhalf/timer'
import {
  dpciOf, GFLAGS_UNMASKED, hvmDoIrqDpci, pirqOf, PT_IRQ_TYPE_MSI, PT_IRQ_TYPE_MSI_TRANSLATE, PT_IRQ_TYPE_PCI,
  ptIrqCreateBind, setupPassthroughIo,
} from '../src/index.js'
import type { DomId, Errno, Pirq, Ref, SoftirqNr } from '@bottomhalf/base'
import type { IrqOptions } from '@bottomhalf/irq'
import type { PtLineBind, PtMsiBind } from '../src/index.js'

export const HVM_DPCI_SOFTIRQ = 10 as SoftirqNr
export const IRQS = 40
export const DEVICES = 40

/** Devices' MSI entries, by number. */
const Devices = global('testDevices', { msi: words(DEVICES), arrivals: words(4), level: embed(HwIrqController), ended: word })

export const device = (n: number): Ref<'MsiEntry'> => Devices.base + Devices.msi + n

/** Set-up that must succeed. */
export function ok(result: Errno): void {
  assert(result === 0, 'set-up of the test failed')
}

/** `checks`: those of the locks; the machine's debug checks are the engine's choice. */
export function setupMachine(cpus: number, checks = true, irqOptions: IrqOptions = {}): void {
  setupSpinlocks({ checks })
  setupCpus(cpus)
  setupSoftirqs(1 as SoftirqNr)
  setupTimers(0 as SoftirqNr)
  setupRcu(3 as SoftirqNr)
  setupTasklets({ softirqNr: 4 as SoftirqNr, scheduleNr: 1 as SoftirqNr, lock: 0 })
  setupDomains()
  ok(setupIrqs(IRQS, irqOptions))
  setupSched({ scheduleNr: 1 as SoftirqNr, vcpuKickNr: 7 as SoftirqNr })
  for (let cpu = 0; cpu < cpus; cpu++) setupSchedCpu(cpu)
  setupHvm()
  setupPassthroughIo(HVM_DPCI_SOFTIRQ)
}

/** A domain whose vCPUs are down, all on CPU 0. */
export function createDomain(domId: number, vcpus = 1, nrPirqs = 16): Ref<'Domain'> {
  return domainCreate({ domId: domId as DomId, kind: DOMAIN_HVM, vcpus, nrPirqs })
}

/** Tie pIRQ `pirq` to the MSI of device `n`, which is aimed at `cpu`. Returns the machine interrupt. */
export function mapDevice(d: Ref<'Domain'>, pirq: number, n: number, cpu = 0): number {
  const irq = createMsiIrq(device(n), cpu)
  spinLock(d + Domain.eventLock)
  ok(mapDomainPirq(d, pirq as Pirq, irq))
  spinUnlock(d + Domain.eventLock)
  return irq
}

export const msiBind = (pirq: number, gvec = 0x30 + pirq, gflags = GFLAGS_UNMASKED): PtMsiBind =>
  ({ type: PT_IRQ_TYPE_MSI, pirq: pirq as Pirq, gvec, gflags })

/** An interrupt line of a device as pin `intx` of the guest's device. */
export const lineBind = (pirq: number, device = 3, intx = 0): PtLineBind =>
  ({ type: PT_IRQ_TYPE_PCI, pirq: pirq as Pirq, bus: 0, device, intx })

/** A message as pin `intx` of the guest's device. */
export const translateBind = (pirq: number, device = 3, intx = 0): PtLineBind =>
  ({ ...lineBind(pirq, device, intx), type: PT_IRQ_TYPE_MSI_TRANSLATE })

/** A domain on `cpu` with pIRQ 5 bound to device 0; returns its passthrough record. */
export function createBound(cpu = 0): Ref<'HvmPirqDpci'> {
  const d = createDomain(1)
  ok(vcpuPin(vcpuOf(d, 0), cpu))
  mapDevice(d, 5, 0, cpu)
  ok(ptIrqCreateBind(d, msiBind(5)))
  return dpciOf(pirqRecordOf(d, 5 as Pirq))
}

/** Let an interrupt be a line that waits for the guest's EOI, and count how often it is released. A line has no guest mask. */
export function makeLevel(irq: number): void {
  msiUnmask(ld(irqDescOf(irq) + IrqDesc.msi), MSI_GUEST_MASKED)
  const controller = Devices.base + Devices.level
  const msi = ld(irqDescOf(irq) + IrqDesc.controller)
  st(controller + HwIrqController.startup, ld(msi + HwIrqController.startup))
  st(controller + HwIrqController.shutdown, ld(msi + HwIrqController.shutdown))
  st(controller + HwIrqController.setAffinity, ld(msi + HwIrqController.setAffinity))
  st(controller + HwIrqController.end, endedHandler.id)
  st(controller + HwIrqController.ackKind, ACK_UNMASK)
  st(irqDescOf(irq) + IrqDesc.controller, controller)
}

const endedHandler = handler('testEnded', () => { fetchAdd(Devices.base + Devices.ended, 1) })

export const linesEnded = (): number => load(Devices.base + Devices.ended)

// ---- the guest's side: vCPUs of the tests are down, so what is delivered stays requested

/** Take a vector that is requested at the vCPU's local APIC; whether it was. */
export function takeRequested(d: Ref<'Domain'>, gvec: number, vcpu = 0): boolean {
  return testAndClearBit(gvec & 31, irrRow(d, gvec, vcpu)) !== 0
}

export function isRequested(d: Ref<'Domain'>, gvec: number, vcpu = 0): boolean {
  return (load(irrRow(d, gvec, vcpu)) >>> (gvec & 31) & 1) !== 0
}

function irrRow(d: Ref<'Domain'>, gvec: number, vcpu: number): number {
  return vcpuOf(d, vcpu) + Vcpu.hvm + HvmVcpu.irr + (gvec >> 5)
}

// ---- arrivals on any CPU, as while an interrupt's affinity is spread

/** Raised on a CPU: an interrupt of the test's device 0 or 1 arrives there. */
export const ARRIVAL_VECTORS = [0xe5, 0xe6] as const

/** What doIrq does for the guest of an interrupt, wherever that is aimed. */
function arrive(vector: number): void {
  const arrival = Devices.base + Devices.arrivals + 2 * (vector - ARRIVAL_VECTORS[0])
  const desc = ld(arrival)
  spinLock(desc + IrqDesc.lock)
  if ((ld(desc + IrqDesc.status) & IrqStatus.GUEST) !== 0) hvmDoIrqDpci(ld(arrival + 1))
  spinUnlock(desc + IrqDesc.lock)
}

const arriveHandler = handler('testArrive', arrive)

/** Let vector `ARRIVAL_VECTORS[n]` mean the interrupt `irq`, bound to a record. */
export function setArrival(n: number, irq: number, dpci: Ref<'HvmPirqDpci'>): void {
  st(Devices.base + Devices.arrivals + 2 * n, irqDescOf(irq))
  st(Devices.base + Devices.arrivals + 2 * n + 1, pirqOf(dpci))
  setVector(ARRIVAL_VECTORS[0] + n, arriveHandler)
}
