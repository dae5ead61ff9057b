// SPDX-License-Identifier: MIT
/** A line's assertion against the guest's EOI and its upcall, and the same with one line altered (twins). */
import type { Ref } from '@bottomhalf/base'
import { Domain, vcpuOf } from '@bottomhalf/domain'
import { global, handler, ld, load, st, store, word } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import {
  DELIVERY_LOWEST_PRIORITY, evtchnTake, hvmGsiAssertCount, HvmIrq, hvmPciIntxAssert, hvmPciIntxDeassert,
  hvmSetCallbackIntx, HvmVcpu, IOAPIC_PINS, IOAPIC_REG_ENTRIES, IOREGSEL, IOWIN, REDIR_DELIVERY_SHIFT,
  REDIR_DEST_SHIFT, REDIR_LEVEL, REDIR_LOGICAL, REDIR_MASKED, REDIR_REMOTE_IRR, setEoiOperations, vioapicUpdateEoi,
  vioapicWrite, vlapicAccept, vlapicEoi, VMSI_DELIVERY_SHIFT, VMSI_LEVEL, VMSI_LOGICAL, vmsiDeliver,
} from '../src/index.js'
import { hvmLowerCallback, hvmTellEvents } from '../src/callback.js'
import { endGsi } from '../src/eoi.js'
import { lowerGsi } from '../src/intx.js'
import { DOMAIN_HVM_STATE, HvmDomain, hvmIrqOf, VCPU_HVM } from '../src/records.js'
import { clearRemoteIrr, deliverIfDue } from '../src/vioapic.js'
import { setup } from './guest.model.js'

export const VEC = 0x41
/** Two wires of one GSI: pin 0 of device 8, pin 1 of device 0. */
export const GSI = 17
const BOTH_VCPUS = 3

const Passthrough = global('testPassthrough', { domain: word })

// What dpci does at the end of a line: under eventLock it deasserts the wire of device 0.
function endOfLine(): void {
  const d = ld(Passthrough.base + Passthrough.domain)
  spinLock(d + Domain.eventLock)
  hvmPciIntxDeassert(d, 0, 1)
  spinUnlock(d + Domain.eventLock)
}

const endOfLineHandler = handler('testEndOfLine', endOfLine)
const nothing = handler('testNothingAtEoi', () => 0)

/** Two vCPUs; GSI 17 is level, for the one of lower priority, in service at vCPU 0, and still asserted. */
export function setupLine(): Ref<'Domain'> {
  const d = setup(2, { pins: [0, 1] })
  st(Passthrough.base + Passthrough.domain, d)
  setEoiOperations({ msiEoi: nothing, gsiEoi: endOfLineHandler })
  writeEntry(d, 1, BOTH_VCPUS << REDIR_DEST_SHIFT)
  writeEntry(d, 0, entry())
  hvmPciIntxAssert(d, 0, 1)
  vlapicAccept(vcpuOf(d, 0))
  return d
}

function entry(): number {
  return VEC | REDIR_LEVEL | REDIR_LOGICAL | DELIVERY_LOWEST_PRIORITY << REDIR_DELIVERY_SHIFT
}

function writeEntry(d: Ref<'Domain'>, half: number, value: number): void {
  vioapicWrite(d, IOREGSEL, IOAPIC_REG_ENTRIES + 2 * GSI + half)
  vioapicWrite(d, IOWIN, value)
}

/** vCPU 0 ends what it has in service. */
export function end(d: Ref<'Domain'>): void {
  vlapicEoi(vcpuOf(d, 0))
  vioapicUpdateEoi(d, VEC)
}

/** An assist: under eventLock another device asserts the GSI. */
export function assist(d: Ref<'Domain'>): void {
  spinLock(d + Domain.eventLock)
  hvmPciIntxAssert(d, 8, 0)
  spinUnlock(d + Domain.eventLock)
}

/** The guest masks and unmasks the pin. */
export function maskAndUnmask(d: Ref<'Domain'>): void {
  writeEntry(d, 0, entry() | REDIR_MASKED)
  writeEntry(d, 0, entry())
}

/** The guest makes the pin an edge one: dpci is told. */
export function switchToEdge(d: Ref<'Domain'>): void {
  writeEntry(d, 0, entry() & ~REDIR_LEVEL)
}

/** How many vCPUs have the vector requested. */
export function requests(d: Ref<'Domain'>): number {
  const at = VCPU_HVM + HvmVcpu.irr + (VEC >> 5)
  return (load(vcpuOf(d, 0) + at) >>> (VEC & 31) & 1) + (load(vcpuOf(d, 1) + at) >>> (VEC & 31) & 1)
}

export function isHigh(d: Ref<'Domain'>): boolean {
  return hvmGsiAssertCount(d, GSI) > 0
}

// ---- twins of the end of a line

/** Twin: remote IRR is not looked at again after the lock was dropped. */
export function endWithoutLook(d: Ref<'Domain'>): void {
  const irq = beginEnd(d)
  clearRemoteIrr(irq, GSI)
  spinUnlock(irq + HvmIrq.lock)
  endGsi(GSI)
  spinLock(irq + HvmIrq.lock)
  if (ld(irq + HvmIrq.gsiAssertCount + GSI) > 0) deliverAgain(d, irq)
  spinUnlock(irq + HvmIrq.lock)
}

function deliverAgain(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>): void {
  const low = irq + HvmIrq.ioapicEntries + 2 * GSI
  vmsiDeliver(d, VEC, BOTH_VCPUS | VMSI_LOGICAL | VMSI_LEVEL | DELIVERY_LOWEST_PRIORITY << VMSI_DELIVERY_SHIFT)
  st(low, ld(low) | REDIR_REMOTE_IRR)
}

/** Twin: a line that is still asserted is not delivered again. */
export function endForGood(d: Ref<'Domain'>): void {
  const irq = beginEnd(d)
  clearRemoteIrr(irq, GSI)
  spinUnlock(irq + HvmIrq.lock)
  endGsi(GSI)
}

/** Twin: dpci is told with irqLock held. */
export function endHoldingLock(d: Ref<'Domain'>): void {
  const irq = beginEnd(d)
  clearRemoteIrr(irq, GSI)
  tellHoldingLock(d, irq)
  deliverIfDue(d, irq, GSI)
  spinUnlock(irq + HvmIrq.lock)
}

// As `endOfLine`, but for irqLock, which is held already.
function tellHoldingLock(d: Ref<'Domain'>, irq: Ref<'HvmIrq'>): void {
  spinLock(d + Domain.eventLock)
  st(irq + HvmIrq.pciIntx, ld(irq + HvmIrq.pciIntx) & ~(1 << 1))
  lowerGsi(d, irq, GSI)
  spinUnlock(d + Domain.eventLock)
}

function beginEnd(d: Ref<'Domain'>): Ref<'HvmIrq'> {
  vlapicEoi(vcpuOf(d, 0))
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  // what the production code looks at, so that the schedules are alike
  for (let pin = 0; pin < IOAPIC_PINS; pin++) ld(irq + HvmIrq.ioapicEntries + 2 * pin)
  return irq
}

// ---- the callback line

/** A guest that learns of events by pin 1 of device 0, and has looked at the last one. */
export function setupCallback(): Ref<'Domain'> {
  const d = setup(2, { pins: [0] })
  const refused = hvmSetCallbackIntx(d, 0, 1)
  if (refused === 0) upcall(d)
  evtchnTake(vcpuOf(d, 0))
  return d
}

/** Somebody turns the upcall flag on and tells the vCPU. */
export function upcall(d: Ref<'Domain'>): void {
  store(vcpuOf(d, 0) + VCPU_HVM + HvmVcpu.upcallPending, 1)
  hvmTellEvents(vcpuOf(d, 0))
}

/** A VM exit of vCPU 0. */
export function exit(d: Ref<'Domain'>): void {
  hvmLowerCallback(vcpuOf(d, 0))
}

/** Twin: an exit that does not look at the flag again under irqLock. */
export function exitWithoutLook(d: Ref<'Domain'>): void {
  const asserted = d + DOMAIN_HVM_STATE + HvmDomain.callbackAsserted
  if (load(asserted) === 0 || isTold(d)) return
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  store(asserted, 0)
  st(irq + HvmIrq.pciIntx, ld(irq + HvmIrq.pciIntx) & ~(1 << 1))
  lowerGsi(d, irq, GSI)
  spinUnlock(irq + HvmIrq.lock)
}

/** Whether the upcall flag is on. */
export function isTold(d: Ref<'Domain'>): boolean {
  return load(vcpuOf(d, 0) + VCPU_HVM + HvmVcpu.upcallPending) !== 0
}
