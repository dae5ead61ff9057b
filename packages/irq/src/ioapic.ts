// SPDX-License-Identifier: MIT
/**
 * Hardware model of the machine's interrupt lines: an IO-APIC pin per GSI, one word each. What a device does
 * (`lineAssert`, `lineDeassert`, `linePulse`) and what the hypervisor programs meet in that word.
 *
 *     29 ... 20 holders | 19 REMOTE_IRR | 18 LEVEL | 17 MASKED | 16 ... 8 cpu | 7 ... 0 vector
 *
 * A line is wired-or: it is up while at least one device holds it up, and each device raises and lowers it in turn.
 *
 * @xen xen/arch/x86/io_apic.c
 * Contexts  lineAssert, lineDeassert, linePulse: the device's, any thread.  The others: hypervisor, any.
 * Locks     none: the word is atomic, so a device never waits.
 *
 * PIN1  A level pin that is up, unmasked and not awaiting an EOI has sent its message: it is sent again after an EOI or an
 *       unmask that finds the line still up, and never while remote IRR is set.
 * PIN2  An edge pin sends at the moment the line goes up; what comes while it is masked is forgotten, as hardware does.
 * PIN3  Target, mask, remote IRR and the line change in one step: no message goes to a half-written target.
 */
import { bug, ENOMEM, type Errno, type Ref } from '@bottomhalf/base'
import { cmpxchg, global, ld, lineBreak, load, raiseVector, st, store, struct, word, xzalloc } from '@bottomhalf/machine'

export const IoapicPin = struct('IoapicPin', {
  // atomic: target, mask, trigger, remote IRR, holders of the line
  control: word,
  // vector lock: the interrupt of this line, 0 for none
  irq: word,
  end: lineBreak,
})

const Ioapic = global('irqIoapic', {
  // written at boot, constant after:
  pins: word, count: word,
})

const TARGET = 0x1ffff
const MASKED = 1 << 17
const LEVEL = 1 << 18
const REMOTE_IRR = 1 << 19
const HOLDER = 1 << 20
const HOLDERS = 0x3ff << 20

/** A device raises the line, or holds it up together with others. It lowers the line before it raises it again. */
export function lineAssert(gsi: number): void {
  change(knownPin(gsi), 0, 0, HOLDER)
}

/** A device no longer holds the line up; it goes down with the last one. A BUG if nobody held it. */
export function lineDeassert(gsi: number): void {
  change(knownPin(gsi), 0, 0, -HOLDER)
}

/** A device raises the line and lowers it again: one edge. */
export function linePulse(gsi: number): void {
  lineAssert(gsi)
  lineDeassert(gsi)
}

/** Whether some device holds the line up. */
export function lineIsAsserted(gsi: number): boolean {
  return (load(knownPin(gsi) + IoapicPin.control) & HOLDERS) !== 0
}

/** Whether the pin of a line is masked. */
export function lineIsMasked(gsi: number): boolean {
  return (load(knownPin(gsi) + IoapicPin.control) & MASKED) !== 0
}

/** Whether a message of a level line waits for its EOI. */
export function lineIsInService(gsi: number): boolean {
  return pinIsInService(load(knownPin(gsi) + IoapicPin.control))
}

/** Whether that control word is of a pin in service. */
export function pinIsInService(control: number): boolean {
  return (control & REMOTE_IRR) !== 0
}

/** The pin of a GSI; 0 if the machine has no such line. */
export function pinOf(gsi: number): Ref<'IoapicPin'> {
  if (gsi < 0 || gsi >= ld(Ioapic.base + Ioapic.count)) return 0
  return ld(Ioapic.base + Ioapic.pins) + gsi * IoapicPin.sizeWords
}

/** A fresh pin, masked; the line stays as the devices hold it. */
export function pinReset(pin: Ref<'IoapicPin'>, level: boolean): void {
  change(pin, TARGET | LEVEL | REMOTE_IRR, MASKED | (level ? LEVEL : 0), 0)
}

/** Nothing goes out from now on. A message sent before is on its way. */
export function pinMask(pin: Ref<'IoapicPin'>): void {
  change(pin, 0, MASKED, 0)
}

/** Let messages out again: at once, if it is a level line that is up. */
export function pinUnmask(pin: Ref<'IoapicPin'>): void {
  change(pin, MASKED, 0, 0)
}

/** Let messages out afresh: at once, if it is a level line that is up, whatever was sent before. */
export function pinStart(pin: Ref<'IoapicPin'>): void {
  change(pin, MASKED | REMOTE_IRR, 0, 0)
}

/** The message that was taken has ended: a level line that is still up sends again. */
export function pinEoi(pin: Ref<'IoapicPin'>): void {
  change(pin, REMOTE_IRR, 0, 0)
}

/** Mask and end in one step: what the last of a shared line's guests undoes by an unmask. */
export function pinMaskAndEoi(pin: Ref<'IoapicPin'>): void {
  change(pin, REMOTE_IRR, MASKED, 0)
}

/** Aim the pin at a vector of a CPU. */
export function pinWriteTarget(pin: Ref<'IoapicPin'>, cpu: number, vector: number): void {
  change(pin, TARGET, (cpu << 8) | vector, 0)
}

// One step of the pin (PIN3), and the message that it makes the pin send.
function change(pin: Ref<'IoapicPin'>, clear: number, set: number, holders: number): void {
  for (;;) {
    const before = load(pin + IoapicPin.control)
    const changed = ((before & ~clear) | set) + holders
    if (changed < 0) bug('a line is lowered that nobody holds up')
    const after = levelIsReady(changed) ? changed | REMOTE_IRR : changed                         // PIN1
    if (cmpxchg(pin + IoapicPin.control, before, after) !== before) continue
    if (after !== changed || edgeGoesOut(before, after)) raiseVector((after >>> 8) & 0x1ff, after & 0xff)
    return
  }
}

function levelIsReady(control: number): boolean {
  return (control & LEVEL) !== 0 && (control & (MASKED | REMOTE_IRR)) === 0 && (control & HOLDERS) !== 0
}

// PIN2
function edgeGoesOut(before: number, after: number): boolean {
  return (after & (LEVEL | MASKED)) === 0 && (before & HOLDERS) === 0 && (after & HOLDERS) !== 0
}

function knownPin(gsi: number): Ref<'IoapicPin'> {
  const pin = pinOf(gsi)
  return pin === 0 ? bug('the machine has no such line') : pin
}

/** Boot CPU, once: the machine has lines 0 to `gsis` - 1, all low and masked. -ENOMEM. */
export function setupIoapic(gsis: number): Errno {
  const pins = xzalloc(gsis * IoapicPin.sizeWords, IoapicPin.arrayTag)
  if (pins === 0) return -ENOMEM
  st(Ioapic.base + Ioapic.pins, pins)
  st(Ioapic.base + Ioapic.count, gsis)
  for (let gsi = 0; gsi < gsis; gsi++) store(pins + gsi * IoapicPin.sizeWords + IoapicPin.control, MASKED)
  return 0
}
