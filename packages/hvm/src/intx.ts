// SPDX-License-Identifier: MIT
/**
 * A guest's interrupt lines (GV-2): PCI wires and ISA lines, on their way to the virtual controllers.
 *
 *     device, pin --> GSI 16..47 -----------------> IO-APIC
 *            \-----> link 0..3 --route--> ISA line -> IO-APIC and PIC
 *
 * @xen xen/arch/x86/hvm/irq.c
 * Contexts  any with IF = 1 that may take irqLock: softirqs and control operations, eventLock held or not.
 * Locks     irqLock; eventLock outside of it, schedule locks inside.
 *
 * X1  A wire counts once, however often it is asserted, for its GSI and for its link.
 * X2  A GSI is high while its count is above 0; the first to assert it makes a rising edge, the last to deassert a fall.
 * X3  A link counts once for the ISA line that it is routed to, whenever it is routed.
 * X4  An assertion that finds its lines low and no service of them open is served by one that begins after it.
 */
import { assert, EINVAL, type Errno, type GuestGsi, type Ref } from '@bottomhalf/base'
import { ld, st } from '@bottomhalf/machine'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { gsiToIsaIrq, HvmIrq, hvmIrqOf, isaIrqToGsi } from './records.js'
import { vioapicIsServed, vioapicPositiveEdge } from './vioapic.js'
import { vpicIsServed, vpicSetLine } from './vpic.js'
import { CASCADE, clear, set } from './vpicChip.js'

/** PCI devices of a guest, their pins, the links that these go to, and ISA lines. */
export const INTX_DEVICES = 32
export const INTX_PINS = 4
export const INTX_LINKS = 4
export const ISA_IRQS = 16

type Irq = Ref<'HvmIrq'>

// ---- places

/** The GSI of a pin of a device. */
export function hvmPciIntxGsi(device: number, pin: number): GuestGsi {
  return (device * 4 + (device >> 3) + pin & 31) + 16 as GuestGsi
}

/** The link of a pin of a device. */
export function hvmPciIntxLink(device: number, pin: number): number {
  return device + pin & 3
}

// ---- PCI

/**
 * A device asserts a pin of its own. Again: nothing (X1). Returns whether the guest begins to serve the line after this: not,
 * if it was high already or a service of it has still to end, which the guest may have begun before this (X4).
 */
export function hvmPciIntxAssert(d: Ref<'Domain'>, device: number, pin: number): boolean {
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  const isNews = pciIntxAssertLocked(d, irq, device, pin)
  spinUnlock(irq + HvmIrq.lock)
  return isNews
}

/** A device deasserts a pin of its own. Again: nothing (X1). */
export function hvmPciIntxDeassert(d: Ref<'Domain'>, device: number, pin: number): void {
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  pciIntxDeassertLocked(d, irq, device, pin)
  spinUnlock(irq + HvmIrq.lock)
}

/** irqLock held. */
export function pciIntxAssertLocked(d: Ref<'Domain'>, irq: Irq, device: number, pin: number): boolean {
  const wires = wiresOf(irq, device, pin)
  if ((ld(wires) & wireBit(device, pin)) !== 0) return false          // X1
  set(wires, wireBit(device, pin))
  const isNews = raiseGsi(d, irq, hvmPciIntxGsi(device, pin))
  return raiseLink(d, irq, hvmPciIntxLink(device, pin)) && isNews     // X4
}

function raiseLink(d: Ref<'Domain'>, irq: Irq, link: number): boolean {
  const count = ld(irq + HvmIrq.linkAssertCount + link)
  st(irq + HvmIrq.linkAssertCount + link, count + 1)
  const isaIrq = ld(irq + HvmIrq.linkRoute + link)
  if (isaIrq === 0) return true
  return count === 0 && raiseGsi(d, irq, isaIrqToGsi(isaIrq))         // X3
}

/** irqLock held. */
export function pciIntxDeassertLocked(d: Ref<'Domain'>, irq: Irq, device: number, pin: number): void {
  if (clear(wiresOf(irq, device, pin), wireBit(device, pin)) === 0) return    // X1
  lowerGsi(d, irq, hvmPciIntxGsi(device, pin))
  const link = hvmPciIntxLink(device, pin)
  const count = ld(irq + HvmIrq.linkAssertCount + link)
  st(irq + HvmIrq.linkAssertCount + link, count - 1)
  const isaIrq = ld(irq + HvmIrq.linkRoute + link)
  if (count === 1 && isaIrq !== 0) lowerGsi(d, irq, isaIrqToGsi(isaIrq))      // X3
}

/** Route a link to an ISA line, 0 to none. An asserted link takes its count along. -EINVAL: no such link, or line. */
export function hvmSetPciLinkRoute(d: Ref<'Domain'>, link: number, isaIrq: number): Errno {
  if (link < 0 || link >= INTX_LINKS || isaIrq < 0 || isaIrq >= ISA_IRQS || isaIrq === CASCADE) return -EINVAL
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  routeLocked(d, irq, link, isaIrq)
  spinUnlock(irq + HvmIrq.lock)
  return 0
}

/** The links that are routed to the ISA line of a GSI below 16: a bit for each (DP-9). */
export function hvmLinksRoutedTo(d: Ref<'Domain'>, gsi: number): number {
  const isaIrq = gsiToIsaIrq(gsi)
  if (isaIrq <= 0) return 0                                           // line 0 is none for a route
  const irq = hvmIrqOf(d)
  let links = 0
  spinLock(irq + HvmIrq.lock)
  for (let link = 0; link < INTX_LINKS; link++) if (ld(irq + HvmIrq.linkRoute + link) === isaIrq) links |= 1 << link
  spinUnlock(irq + HvmIrq.lock)
  return links
}

function routeLocked(d: Ref<'Domain'>, irq: Irq, link: number, isaIrq: number): void {
  const old = ld(irq + HvmIrq.linkRoute + link)
  st(irq + HvmIrq.linkRoute + link, isaIrq)
  if (ld(irq + HvmIrq.linkAssertCount + link) === 0 || old === isaIrq) return
  if (old !== 0) lowerGsi(d, irq, isaIrqToGsi(old))                   // X3
  if (isaIrq !== 0) raiseGsi(d, irq, isaIrqToGsi(isaIrq))
}

// ---- ISA

/** A device asserts an ISA line of its own. Again: nothing (X1). */
export function hvmIsaIrqAssert(d: Ref<'Domain'>, isaIrq: number): void {
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  if ((ld(isaWires(irq, isaIrq)) & 1 << isaIrq) === 0) {              // X1
    set(isaWires(irq, isaIrq), 1 << isaIrq)
    raiseGsi(d, irq, isaIrqToGsi(isaIrq))
  }
  spinUnlock(irq + HvmIrq.lock)
}

/** A device deasserts an ISA line of its own. Again: nothing (X1). */
export function hvmIsaIrqDeassert(d: Ref<'Domain'>, isaIrq: number): void {
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  if (clear(isaWires(irq, isaIrq), 1 << isaIrq) !== 0) lowerGsi(d, irq, isaIrqToGsi(isaIrq))    // X1
  spinUnlock(irq + HvmIrq.lock)
}

// ---- GSIs

/** One more asserts a GSI. Returns whether a service of it that begins before this has ended by now (X4). irqLock held. */
export function raiseGsi(d: Ref<'Domain'>, irq: Irq, gsi: number): boolean {
  const count = ld(irq + HvmIrq.gsiAssertCount + gsi)
  st(irq + HvmIrq.gsiAssertCount + gsi, count + 1)
  if (count !== 0) return false                                       // X2
  const isaIrq = gsiToIsaIrq(gsi)
  const isIdle = !vioapicIsServed(irq, gsi) && (isaIrq < 0 || !vpicIsServed(irq, isaIrq))
  vioapicPositiveEdge(d, irq, gsi)
  if (isaIrq >= 0) vpicSetLine(d, irq, isaIrq, true)
  return isIdle
}

/** One fewer asserts a GSI. irqLock held. */
export function lowerGsi(d: Ref<'Domain'>, irq: Irq, gsi: number): void {
  const count = ld(irq + HvmIrq.gsiAssertCount + gsi)
  assert(count > 0, 'a GSI is deasserted that nobody asserts', 'GV-2')
  st(irq + HvmIrq.gsiAssertCount + gsi, count - 1)
  const isaIrq = gsiToIsaIrq(gsi)
  if (count === 1 && isaIrq >= 0) vpicSetLine(d, irq, isaIrq, false)  // X2
}

/** How many assert a GSI now: a look, for reports and at rest. */
export function hvmGsiAssertCount(d: Ref<'Domain'>, gsi: number): number {
  const irq = hvmIrqOf(d)
  spinLock(irq + HvmIrq.lock)
  const count = ld(irq + HvmIrq.gsiAssertCount + gsi)
  spinUnlock(irq + HvmIrq.lock)
  return count
}

function wiresOf(irq: Irq, device: number, pin: number): number {
  assert(device >= 0 && device < INTX_DEVICES && pin >= 0 && pin < INTX_PINS, 'no such device or pin', 'GV-2')
  return irq + HvmIrq.pciIntx + (device >> 3)
}

function wireBit(device: number, pin: number): number {
  return 1 << (device & 7) * 4 + pin
}

function isaWires(irq: Irq, isaIrq: number): number {
  assert(isaIrq >= 0 && isaIrq < ISA_IRQS && isaIrq !== CASCADE, 'no such ISA line', 'GV-2')
  return irq + HvmIrq.isaIrqs
}
