// SPDX-License-Identifier: MIT
/**
 * A booted machine of one CPU with a guest on it that has two bound pIRQs, a message and a line; and domains that come and go.
 *
 *     device --> doIrq --> dpci softirq --> assist --> guest's controller --> guest takes it --> EOI (--> line unmasked)
 *
 * BM1  Everything happens on the one CPU, at the same depth for both pIRQs: the thread is in turn device, hypervisor, guest.
 * BM2  A step that did not do what it is there for is a fault, and a run with faults has no figures.
 */
import { bug } from '@bottomhalf/base'
import { DOMAIN_HVM, Domain, domainCreate, domainKill, vcpuOf } from '@bottomhalf/domain'
import {
  APIC_SPIV, APIC_SPIV_ENABLED, guestEoi, guestIoapicWrite, guestTakeInterrupt, hvmPciIntxGsi, IOAPIC_REG_ENTRIES,
  IOREGSEL, IOWIN, REDIR_LEVEL, vlapicWrite,
} from '@bottomhalf/hvm'
import { bootMachine } from '@bottomhalf/hypervisor'
import {
  createLineIrq, createMsiIrq, LINE_LEVEL, lineAssert, lineDeassert, lineIsInService, lineIsMasked, mapDomainPirq,
  MsiEntry, msiReset, msiSend,
} from '@bottomhalf/irq'
import { irqEnable, liveBlocks, xzalloc } from '@bottomhalf/machine'
import {
  GFLAGS_UNMASKED, PT_IRQ_TYPE_MSI, PT_IRQ_TYPE_PCI, ptIrqCreateBind, ptIrqDestroyBind,
} from '@bottomhalf/passthrough-io'
import { vcpuUp } from '@bottomhalf/sched'
import { doSoftirq } from '@bottomhalf/softirq'
import { LOCK_TAS, PROFILE_OFF, spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { TASKLET_LOCK_GLOBAL } from '@bottomhalf/tasklet'

const MACHINE_GSI = 20
const GUEST_DEVICE = 3
const LINE_VECTOR = 0x41
const SPURIOUS = 0xff
const UNLIMITED = 2 ** 30   // a benchmark is a storm; what the rate limit costs an arrival is in it

const message = { type: PT_IRQ_TYPE_MSI, pirq: 0, gvec: 0x40, gflags: GFLAGS_UNMASKED }
const line = { type: PT_IRQ_TYPE_PCI, pirq: 1, bus: 0, device: GUEST_DEVICE, intx: 0 }
const spare = { ...message, pirq: 2, gvec: 0x50 }

let guest = 0
let vcpu = 0
let msi = 0
let faults = 0

/** Boot, and let the guest be the CPU's current. CPU 0, IF = 0. */
export function boot() {
  bootMachine({
    lockKind: LOCK_TAS, lockProfile: PROFILE_OFF, taskletLock: TASKLET_LOCK_GLOBAL, irqs: 64, guestPrograms: [],
    irqOptions: { rateThreshold: UNLIMITED },
  })
  guest = createDomain(1, 1)
  vcpu = vcpuOf(guest, 0)
  must(vcpuUp(vcpu))
  irqEnable()
  doSoftirq()
  msi = mapMessage(guest, message.pirq)
  mapPirq(guest, line.pirq, createLineIrq(MACHINE_GSI, LINE_LEVEL, 0))
  mapMessage(guest, spare.pirq)
  must(ptIrqCreateBind(guest, message))
  must(ptIrqCreateBind(guest, line))
  bootGuest()
}

/** How often a step did not do what it is there for (BM2). */
export function faultCount() {
  return faults
}

// ---- what is timed: `n` turns each

/** A message, from the device to the guest's EOI. */
export function messageCycles(n) {
  for (let i = 0; i < n; i++) {
    msiSend(msi)
    doSoftirq()
    if (guestTakeInterrupt(vcpu) !== message.gvec) faults++
    guestEoi(vcpu)
  }
}

/** A line, from the device to the guest's EOI, after which the machine's line is unmasked. */
export function lineCycles(n) {
  for (let i = 0; i < n; i++) {
    lineAssert(MACHINE_GSI)
    doSoftirq()
    if (guestTakeInterrupt(vcpu) !== LINE_VECTOR) faults++
    lineDeassert(MACHINE_GSI)   // the driver makes its device quiet
    guestEoi(vcpu)
    if (lineIsMasked(MACHINE_GSI) || lineIsInService(MACHINE_GSI)) faults++
  }
}

/** Bind a message's pIRQ, unbind it, and let the CPU free what that left. */
export function bindings(n) {
  for (let i = 0; i < n; i++) {
    if (ptIrqCreateBind(guest, spare) !== 0) faults++
    if (ptIrqDestroyBind(guest, spare) !== 0) faults++
    doSoftirq()
  }
}

/** A domain of two vCPUs, created, killed, and freed when RCU says so. */
export function domains(n) {
  for (let i = 0; i < n; i++) {
    const d = createDomain(2, 2)
    for (let vcpuId = 0; vcpuId < 2; vcpuId++) must(vcpuUp(vcpuOf(d, vcpuId)))
    while (domainKill(d) !== 0) doSoftirq()
    settle()
  }
}

/** Words of the heap that are in use. */
export function wordsInUse() {
  settle()
  return liveBlocks().reduce((sum, { words }) => sum + words, 0)
}

// ---- set-up

function createDomain(domId, vcpus) {
  const d = domainCreate({ domId, kind: DOMAIN_HVM, vcpus, nrPirqs: 8 })
  return d > 0 ? d : bug('a domain of a benchmark could not be created')
}

function mapMessage(d, pirq) {
  const entry = xzalloc(MsiEntry.sizeWords, MsiEntry.tag)
  msiReset(entry)
  mapPirq(d, pirq, createMsiIrq(entry, 0))
  return entry
}

function mapPirq(d, pirq, irq) {
  spinLock(d + Domain.eventLock)
  const result = mapDomainPirq(d, pirq, irq)
  spinUnlock(d + Domain.eventLock)
  must(result)
}

// The guest's own boot: its local APIC is on, its IO-APIC has the line's pin as a level.
function bootGuest() {
  vlapicWrite(vcpu, APIC_SPIV, APIC_SPIV_ENABLED | SPURIOUS)
  guestIoapicWrite(vcpu, IOREGSEL, IOAPIC_REG_ENTRIES + 2 * hvmPciIntxGsi(GUEST_DEVICE, 0))
  guestIoapicWrite(vcpu, IOWIN, LINE_VECTOR | REDIR_LEVEL)
}

// Softirqs until a grace period and what hangs on it have passed.
function settle() {
  for (let turn = 0; turn < 4; turn++) doSoftirq()
}

function must(result) {
  if (result !== 0) bug('the machine of a benchmark could not be set up')
}
