// SPDX-License-Identifier: MIT
/**
 * A device, a machine interrupt, passthrough, the virtual IO-APIC and a guest's driver: the interrupt on CPU 0, guest 0
 * on CPU 1. The device counts its events in memory before it interrupts, the driver reads the count. Guest 1, on CPU 2,
 * shares the machine's line with a device of its own.
 */
import {
  callHandler, cpuRelax, fetchAdd, global, handlerIdOf, irqDisable, irqEnable, ld, load, st, store, words, xchg,
} from '@bottomhalf/machine'
import { Domain, pirqRecordOf, vcpuOf } from '@bottomhalf/domain'
import {
  hvmGsiAssertCount, hvmPciIntxGsi, IOAPIC_REG_ENTRIES, IOREGSEL, IOWIN, REDIR_LEVEL, vioapicUpdateEoi, vioapicWrite,
  vlapicAccept, vlapicEoi,
} from '@bottomhalf/hvm'
import {
  createLineIrq, IrqDesc, irqDescOf, IrqGuestAction, irqOfGsi, irqSetAffinity, LINE_LEVEL, lineAssert,
  lineDeassert, lineIsAsserted, lineIsInService, lineIsMasked, mapDomainPirq, msiSend,
} from '@bottomhalf/irq'
import { listLength } from '@bottomhalf/list'
import { vcpuPin, vcpuUp } from '@bottomhalf/sched'
import { doSoftirq } from '@bottomhalf/softirq'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { killTimer } from '@bottomhalf/timer'
import { dpciOf, hvmDpciEoi, HvmPirqDpci, ptIrqCreateBind, ptIrqDestroyBind } from '../src/index.js'
import {
  createDomain, device, lineBind, mapDevice, ok, setupMachine, translateBind,
} from './setup.model.js'
import type { Errno, Pirq, Ref } from '@bottomhalf/base'

export const GSI = hvmPciIntxGsi(3, 0)
const VECTOR = 0x41
const MACHINE_GSI = 20
const PIRQ = 5

const Wire = global('testWire', {
  // atomic, for each guest: events of its device; whether that holds the line up; the last count that its driver read
  events: words(2), holds: words(2), served: words(2),
  // written before the run, constant after:
  d: words(2),
})

const events = (guest: number): number => Wire.base + Wire.events + guest
const holds = (guest: number): number => Wire.base + Wire.holds + guest
const served = (guest: number): number => Wire.base + Wire.served + guest
const domainOf = (guest: number): Ref<'Domain'> => ld(Wire.base + Wire.d + guest)

/** A domain with one vCPU, whose IO-APIC has GSI 28 as a level pin. */
function createGuest(guest = 0, cpu = 1 + guest): Ref<'Domain'> {
  const d = createDomain(1 + guest)
  ok(vcpuPin(vcpuOf(d, 0), cpu))
  ok(vcpuUp(vcpuOf(d, 0)))
  vioapicWrite(d, IOREGSEL, IOAPIC_REG_ENTRIES + 2 * GSI)
  vioapicWrite(d, IOWIN, VECTOR | REDIR_LEVEL)
  st(Wire.base + Wire.d + guest, d)
  return d
}

/** The device has a line of the machine, shared by nobody. CPU 1 has still to take the vCPU. */
export function bootLine(): Ref<'Domain'> {
  setupMachine(2, false)
  const d = createGuest()
  ok(irqSetAffinity(bindLine(d), 0))
  return d
}

/**
 * The same the other way round: the guest is CPU 0's, which has taken its vCPU, and the line interrupts CPU `cpu`. The EOI
 * timer is dead: `timeOut` is its function, called as often as a model says, and a guest has no time at all.
 */
export function bootLineFrom(cpu: number): void {
  setupMachine(2, false, { eoiTimeoutNs: 0 })
  const d = createGuest(0, 0)
  const irq = bindLine(d)
  ok(irqSetAffinity(irq, cpu))
  killTimer(ld(irqDescOf(irq) + IrqDesc.action) + IrqGuestAction.timer)
  irqEnable()
  for (let turn = 0; turn < 2; turn++) doSoftirq()
  irqDisable()
}

/** The function of the EOI timer (IRQ-5). */
export function timeOut(): void {
  callHandler(handlerIdOf('irqEoiTimeout'), irqDescOf(irqOfGsi(MACHINE_GSI)))
}

/** Two guests, whose devices hold the same line of the machine. CPUs 1 and 2 have still to take their vCPUs. */
export function createSharing(): void {
  ok(irqSetAffinity(bindLine(createGuest(0)), 0))
  bindLine(createGuest(1))
}

// Returns the machine interrupt.
function bindLine(d: Ref<'Domain'>): number {
  const irq = mapLine(d, MACHINE_GSI)
  ok(ptIrqCreateBind(d, lineBind(PIRQ)))
  return irq
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
  const known = irqOfGsi(gsi)
  const irq = known > 0 ? known : createLineIrq(gsi, LINE_LEVEL, 0)
  spinLock(d + Domain.eventLock)
  ok(mapDomainPirq(d, PIRQ as Pirq, irq))
  spinUnlock(d + Domain.eventLock)
  return irq
}

// ---- the device

/** Events of a device that holds its line up until its driver has read the count. */
export function raiseLine(times: number, guest = 0): void {
  for (let n = 0; n < times; n++) {
    fetchAdd(events(guest), 1)
    if (xchg(holds(guest), 1) === 0) lineAssert(MACHINE_GSI)
  }
}

/** Events of a device that sends a message for each. */
export function sendMessages(times: number): void {
  for (let n = 0; n < times; n++) {
    fetchAdd(events(0), 1)
    msiSend(device(0))
  }
}

// ---- the guest

/** The driver of a line: quieten the device, read the count, EOI; so many times if there is an interrupt. */
export function driveLine(turns: number, guest = 0): void {
  for (let turn = 0; turn < turns; turn++) serveInterrupt(true, guest)
}

/** The driver of a device that sends messages. */
export function driveMessages(turns: number): void {
  for (let turn = 0; turn < turns; turn++) serveInterrupt(false, 0)
}

/** The same, with an EOI that nothing asked for before each turn. */
export function driveLineWithStrayEois(turns: number): void {
  for (let turn = 0; turn < turns; turn++) {
    hvmDpciEoi(GSI)
    serveInterrupt(true, 0)
  }
}

function serveInterrupt(isLine: boolean, guest: number): void {
  const v = vcpuOf(domainOf(guest), 0)
  cpuRelax()
  if (vlapicAccept(v) < 0) return
  if (isLine && xchg(holds(guest), 0) !== 0) lineDeassert(MACHINE_GSI)
  store(served(guest), load(events(guest)))
  vioapicUpdateEoi(domainOf(guest), vlapicEoi(v))
}

// ---- the hypervisor

export function serve(turns: number): void {
  for (let turn = 0; turn < turns; turn++) doSoftirq()
}

/** Unbind a guest's line. From here on nothing asserts it. */
export function unbindLine(guest = 0): void {
  ok(ptIrqDestroyBind(domainOf(guest), lineBind(PIRQ)))
}

/** Bind it again. -ERESTART: serve softirqs and call again. */
export function rebindLine(guest: number): Errno {
  return ptIrqCreateBind(domainOf(guest), lineBind(PIRQ))
}

// ---- at rest

export const eventsMissed = (guest = 0): number => load(events(guest)) - load(served(guest))

/** Of the machine's line: whether it is up, masked, or waits for an EOI. */
export const lineState = (): boolean[] =>
  [lineIsAsserted(MACHINE_GSI), lineIsMasked(MACHINE_GSI), lineIsInService(MACHINE_GSI)]

/** Of the guest's line: what asserts it, how many the record waits for, and how many it has. */
export function guestLine(guest = 0): number[] {
  const d = domainOf(guest)
  const dpci = dpciOf(pirqRecordOf(d, PIRQ as Pirq))
  return [hvmGsiAssertCount(d, GSI), ld(dpci + HvmPirqDpci.pending), listLength(dpci + HvmPirqDpci.lines)]
}
