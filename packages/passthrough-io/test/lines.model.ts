// SPDX-License-Identifier: MIT
/**
 * A device, a machine interrupt, passthrough, the virtual IO-APIC and a guest's driver, on two CPUs: the interrupt on CPU 0,
 * the guest on CPU 1. The device counts its events in memory before it interrupts, the driver reads the count.
 */
import { cpuRelax, fetchAdd, global, ld, load, st, store, word, xchg } from '@bottomhalf/machine'
import { Domain, pirqRecordOf, vcpuOf } from '@bottomhalf/domain'
import {
  hvmGsiAssertCount, hvmPciIntxGsi, IOAPIC_REG_ENTRIES, IOREGSEL, IOWIN, REDIR_LEVEL, vioapicUpdateEoi, vioapicWrite,
  vlapicAccept, vlapicEoi,
} from '@bottomhalf/hvm'
import {
  createLineIrq, irqSetAffinity, LINE_LEVEL, lineAssert, lineDeassert, lineIsAsserted, lineIsInService, lineIsMasked,
  mapDomainPirq, msiSend,
} from '@bottomhalf/irq'
import { listLength } from '@bottomhalf/list'
import { vcpuPin, vcpuUp } from '@bottomhalf/sched'
import { doSoftirq } from '@bottomhalf/softirq'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { dpciOf, hvmDpciEoi, HvmPirqDpci, ptIrqCreateBind, ptIrqDestroyBind } from '../src/index.js'
import {
  createDomain, device, lineBind, mapDevice, ok, setupMachine, translateBind,
} from './setup.model.js'
import type { Pirq, Ref } from '@bottomhalf/base'

export const GSI = hvmPciIntxGsi(3, 0)
const VECTOR = 0x41
const MACHINE_GSI = 20
const PIRQ = 5

const Wire = global('testWire', {
  // atomic: events of the device; whether it holds its line up; the last count that the driver read
  events: word, holds: word, served: word,
  // atomic: interrupts that the driver took
  interrupts: word,
  d: word,
})

/** A domain with one vCPU, on CPU 1, whose IO-APIC has GSI 28 as a level pin. */
function createGuest(): Ref<'Domain'> {
  const d = createDomain(1)
  ok(vcpuPin(vcpuOf(d, 0), 1))
  ok(vcpuUp(vcpuOf(d, 0)))
  vioapicWrite(d, IOREGSEL, IOAPIC_REG_ENTRIES + 2 * GSI)
  vioapicWrite(d, IOWIN, VECTOR | REDIR_LEVEL)
  st(Wire.base + Wire.d, d)
  return d
}

/** The device has a line of the machine, shared by nobody. CPU 1 has still to take the vCPU. */
export function bootLine(): Ref<'Domain'> {
  setupMachine(2, false)
  const d = createGuest()
  const irq = mapLine(d, MACHINE_GSI)
  ok(ptIrqCreateBind(d, lineBind(PIRQ)))
  ok(irqSetAffinity(irq, 0))
  return d
}

/** The device sends messages, which become the line. CPU 1 has still to take the vCPU. */
export function bootMessage(): Ref<'Domain'> {
  setupMachine(2, false)
  const d = createGuest()
  const irq = mapDevice(d, PIRQ, 0)
  ok(ptIrqCreateBind(d, translateBind(PIRQ)))
  ok(irqSetAffinity(irq, 0))
  return d
}

function mapLine(d: Ref<'Domain'>, gsi: number): number {
  const irq = createLineIrq(gsi, LINE_LEVEL, 0)
  spinLock(d + Domain.eventLock)
  ok(mapDomainPirq(d, PIRQ as Pirq, irq))
  spinUnlock(d + Domain.eventLock)
  return irq
}

// ---- the device

/** Events of a device that holds its line up until its driver has read the count. */
export function raiseLine(times: number): void {
  for (let n = 0; n < times; n++) {
    fetchAdd(Wire.base + Wire.events, 1)
    if (xchg(Wire.base + Wire.holds, 1) === 0) lineAssert(MACHINE_GSI)
  }
}

/** Events of a device that sends a message for each. */
export function sendMessages(times: number): void {
  for (let n = 0; n < times; n++) {
    fetchAdd(Wire.base + Wire.events, 1)
    msiSend(device(0))
  }
}

// ---- the guest

/** The driver of a line: quieten the device, read the count, EOI; so many times if there is an interrupt. */
export function driveLine(turns: number): void {
  for (let turn = 0; turn < turns; turn++) serveInterrupt(true)
}

/** The driver of a device that sends messages. */
export function driveMessages(turns: number): void {
  for (let turn = 0; turn < turns; turn++) serveInterrupt(false)
}

/** The same, with an EOI that nothing asked for before each turn. */
export function driveLineWithStrayEois(turns: number): void {
  for (let turn = 0; turn < turns; turn++) {
    hvmDpciEoi(GSI)
    serveInterrupt(true)
  }
}

function serveInterrupt(isLine: boolean): void {
  const d = ld(Wire.base + Wire.d)
  const v = vcpuOf(d, 0)
  cpuRelax()
  if (vlapicAccept(v) < 0) return
  fetchAdd(Wire.base + Wire.interrupts, 1)
  if (isLine && xchg(Wire.base + Wire.holds, 0) !== 0) lineDeassert(MACHINE_GSI)
  store(Wire.base + Wire.served, load(Wire.base + Wire.events))
  vioapicUpdateEoi(d, vlapicEoi(v))
}

// ---- the hypervisor

export function serve(turns: number): void {
  for (let turn = 0; turn < turns; turn++) doSoftirq()
}

/** Unbind the line. From here on nothing asserts it. */
export function unbindLine(): void {
  ok(ptIrqDestroyBind(ld(Wire.base + Wire.d), lineBind(PIRQ)))
}

// ---- at rest

export const eventsMissed = (): number => load(Wire.base + Wire.events) - load(Wire.base + Wire.served)

/** Of the machine's line: whether it is up, masked, or waits for an EOI. */
export const lineState = (): boolean[] =>
  [lineIsAsserted(MACHINE_GSI), lineIsMasked(MACHINE_GSI), lineIsInService(MACHINE_GSI)]

/** Of the guest's line: what asserts it, how many the record waits for, and how many it has. */
export function guestLine(): number[] {
  const d = ld(Wire.base + Wire.d)
  const dpci = dpciOf(pirqRecordOf(d, PIRQ as Pirq))
  return [hvmGsiAssertCount(d, GSI), ld(dpci + HvmPirqDpci.pending), listLength(dpci + HvmPirqDpci.lines)]
}
