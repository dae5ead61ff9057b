// SPDX-License-Identifier: MIT
/**
 * The small machine that all models run on: the packages from spinlock to passthrough-io as shipped, domains, a few
 * devices; and beyond the guest's door a recorder in place of the guest (`guestEnd.ts`).
 *
 * An arrival is what `doIrq` does for the guest of an interrupt: it comes to whatever CPU the model says, as while an
 * interrupt's affinity is spread.
 */
import { assert, type DomId, type Errno, type Pirq, type Ref, type SoftirqNr } from '@bottomhalf/base'
import { cpuPark, setupCpus, thisCpuOnline } from '@bottomhalf/cpu'
import { DOMAIN_HVM, Domain, domainCreate, pirqRecordOf, setupDomains, Vcpu, vcpuOf } from '@bottomhalf/domain'
import {
  createMsiIrq, doIrq, IrqDesc, irqDescOf, IrqStatus, mapDomainPirq, MSI_GUEST_MASKED, msiSend, msiUnmask, setupIrqs,
} from '@bottomhalf/irq'
import {
  AWAIT_ALL_CLEAR, awaitWord, global, haltUntilInterrupt, irqDisable, irqEnable, ld, perCpu, st, store, thisCpu, word,
  words,
} from '@bottomhalf/machine'
import {
  dpciOf, GFLAGS_UNMASKED, hvmDoIrqDpci, pirqOf, PT_IRQ_TYPE_MSI, PT_IRQ_TYPE_MSI_TRANSLATE, PT_IRQ_TYPE_PCI,
  ptIrqCreateBind, ptIrqDestroyBind, setupPassthroughIo, type PtIrqBind,
} from '@bottomhalf/passthrough-io'
import { DPCI_QUEUED, DPCI_RUN, DPCI_SCHED, HvmPirqDpci } from '@bottomhalf/passthrough-io/variant'
import { rcuIdleEnter, rcuIdleExit, setupRcu } from '@bottomhalf/rcu'
import { beginLooking, doSoftirq, setupSoftirqs, sleepUnlessPending, softirqPending } from '@bottomhalf/softirq'
import { setupSpinlocks, spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { setupTasklets } from '@bottomhalf/tasklet'
import { setupTimers } from '@bottomhalf/timer'
import { arrivedFor, closeEnd, LINE_ENDS } from './guestEnd.js'

type Record = Ref<'HvmPirqDpci'>

const HVM_DPCI_SOFTIRQ = 10 as SoftirqNr
const IRQS = 8
const DEVICES = 4

/** What a device's interrupt becomes for the guest: a message, a line, or a line that a message stands for. */
export const MESSAGE = 0
export const LINE = 1
export const TRANSLATED = 2

const World = global('historyWorld', {
  // written at setup, constant after, by device:
  records: words(DEVICES), descs: words(DEVICES), kinds: words(DEVICES), owners: words(DEVICES),
  // written at setup, constant after: the first domain
  d: word,
  // hardware:
  msi: words(DEVICES),
})

const Arrivals = perCpu('historyArrivals', {
  // own CPU: interrupts that have come here
  count: word,
})

/** Boot a machine, with one domain. */
export function boot(cpus: number): void {
  setupSpinlocks({ checks: false })
  setupCpus(cpus)
  setupSoftirqs(1 as SoftirqNr)
  setupTimers(0 as SoftirqNr)
  setupRcu(3 as SoftirqNr)
  setupTasklets({ softirqNr: 4 as SoftirqNr, scheduleNr: 1 as SoftirqNr, lock: 0 })
  setupDomains()
  ok(setupIrqs(IRQS))
  setupPassthroughIo(HVM_DPCI_SOFTIRQ)
  st(World.base + World.d, createDomain(1))
}

export function createDomain(domId: number): Ref<'Domain'> {
  return domainCreate({ domId: domId as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 8 })
}

/** Give a domain device `n`, whose interrupt is `irq`, or a new one; not bound yet. Returns the interrupt. */
export function addDevice(d: Ref<'Domain'>, n: number, kind: number, irq = 0): number {
  const its = irq === 0 ? createMsiIrq(World.base + World.msi + n, 0) : irq
  // a line may be mapped for several domains
  if (irq !== 0) st(irqDescOf(irq) + IrqDesc.mappings, 0)
  spinLock(d + Domain.eventLock)
  ok(mapDomainPirq(d, pirqOfDevice(n), its))
  spinUnlock(d + Domain.eventLock)
  st(World.base + World.descs + n, irqDescOf(its))
  st(World.base + World.records + n, dpciOf(pirqRecordOf(d, pirqOfDevice(n))))
  st(World.base + World.kinds + n, kind)
  st(World.base + World.owners + n, d)
  return its
}

/** The same, bound. */
export function addBound(n: number, kind = MESSAGE): void {
  addDevice(theDomain(), n, kind)
  ok(bind(n, 0))
}

/** The same, and its driver is ready: what the device sends comes to the CPU of the guest's vCPU. */
export function addLive(n: number, cpu: number): void {
  store(currentVcpu() + Vcpu.processor, cpu)
  addBound(n)
  msiUnmask(World.base + World.msi + n, MSI_GUEST_MASKED)
}

export const pirqOfDevice = (n: number): Pirq => (1 + n) as Pirq

export function theDomain(): Ref<'Domain'> {
  return ld(World.base + World.d)
}

/** The vCPU that the guest's traps come from: the first domain's. */
export function currentVcpu(): Ref<'Vcpu'> {
  return vcpuOf(theDomain(), 0)
}

export function recordOf(n: number): Record {
  return ld(World.base + World.records + n)
}

function ownerOf(n: number): Ref<'Domain'> {
  return ld(World.base + World.owners + n)
}

// ---- bindings

// Device 0 is the guest's device 1, pin 0; device 1 is its device 8, pin 3: the same guest GSI, 20.
const guestDeviceOf = (n: number): number => n === 0 ? 1 : 7 + n
const pinOf = (n: number): number => n === 0 ? 0 : 3
/** The guest GSI of devices 0 and 1. */
export const GSI = 20

/** Where binding `generation` of a device delivers to (`guestEnd.ts`). */
function endOf(n: number, kind: number, generation: number): number {
  return kind === MESSAGE ? 0x20 + 16 * generation + n : LINE_ENDS + guestDeviceOf(n)
}

function bindOf(n: number, kind: number, generation: number): PtIrqBind {
  const pirq = pirqOfDevice(n)
  const gflags = GFLAGS_UNMASKED
  if (kind === MESSAGE) return { type: PT_IRQ_TYPE_MSI, pirq, gvec: endOf(n, kind, generation), gflags }
  const type = kind === LINE ? PT_IRQ_TYPE_PCI : PT_IRQ_TYPE_MSI_TRANSLATE
  return { type, pirq, bus: 0, device: guestDeviceOf(n), intx: pinOf(n) }
}

/** Bind a device; its messages go to the vector of that generation. */
export function bind(n: number, generation: number): Errno {
  return ptIrqCreateBind(ownerOf(n), bindOf(n, ld(World.base + World.kinds + n), generation))
}

/** The bind that this context has just done was answered with 0, and nobody else unbinds. */
export function requireBound(n: number): void {
  assert(ld(recordOf(n) + HvmPirqDpci.flags) !== 0, 'a bind that succeeded has bound nothing', 'DP-10')
}

/** Unbind it. From here on nothing of that generation may be delivered (I2). */
export function unbind(n: number, generation: number): void {
  const kind = ld(World.base + World.kinds + n)
  ok(ptIrqDestroyBind(ownerOf(n), bindOf(n, kind, generation)))
  closeEnd(endOf(n, kind, generation))
}

/** A binding is gone by other means: nothing may come to it. */
export function closeBinding(n: number, generation: number): void {
  closeEnd(endOf(n, ld(World.base + World.kinds + n), generation))
}

/** Whether a device's interrupt is bound to a guest. */
export function isBound(n: number): boolean {
  return (ld(ld(World.base + World.descs + n) + IrqDesc.status) & IrqStatus.GUEST) !== 0
}

/** What a control operation does between a -ERESTART and its next try: serve, then wait until the record is at rest. */
export function awaitRest(n: number): void {
  doSoftirq()
  awaitWord(recordOf(n) + HvmPirqDpci.state, AWAIT_ALL_CLEAR, DPCI_SCHED | DPCI_RUN | DPCI_QUEUED)
}

// ---- CPUs

/** An interrupt of a device arrives at this CPU. Interrupt context. */
export function arrive(n: number): void {
  const desc = ld(World.base + World.descs + n)
  const dpci = recordOf(n)
  spinLock(desc + IrqDesc.lock)
  if ((ld(desc + IrqDesc.status) & IrqStatus.GUEST) !== 0) {
    const kind = ld(World.base + World.kinds + n)
    arrivedFor(kind === MESSAGE ? ld(dpci + HvmPirqDpci.gvec) : endOf(n, kind, 0))
    hvmDoIrqDpci(pirqOf(dpci))
  }
  spinUnlock(desc + IrqDesc.lock)
  const count = thisCpu(Arrivals) + Arrivals.count
  st(count, ld(count) + 1)
}

/** An interrupt of a device arrives at the CPU that it is aimed at, for whoever is bound to it. Interrupt context. */
export function arriveShared(n: number): void {
  doIrq(ld(ld(World.base + World.descs + n) + IrqDesc.vector))
  const count = thisCpu(Arrivals) + Arrivals.count
  st(count, ld(count) + 1)
}

/** A device sends a message, to where it is aimed. The device's own CPU. */
export function send(n: number): void {
  arrivedFor(endOf(n, MESSAGE, 0))
  msiSend(World.base + World.msi + n)
}

/** The foot of a CPU's stack, as the machine's own loop without guests: it never ends, and sleeps in the end. */
export function foot(): void {
  beginLooking()
  for (;;) {
    if (!thisCpuOnline()) cpuPark()
    doSoftirq()
    rcuIdleEnter()
    sleepUnlessPending()
    rcuIdleExit()
  }
}

/** What a CPU does in the end: serve until so many interrupts have come here and nothing is left to do. */
export function serveUntil(cpu: number, arrivals: number): void {
  for (;;) {
    doSoftirq()
    irqDisable()
    const pending = softirqPending(cpu) !== 0
    if (!pending && ld(thisCpu(Arrivals) + Arrivals.count) >= arrivals) break
    if (pending) irqEnable()
    else haltUntilInterrupt()
  }
  irqEnable()
}

export function ok(result: Errno): void {
  assert(result === 0, 'a step of the model failed that must not')
}
