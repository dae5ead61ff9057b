// SPDX-License-Identifier: MIT
/**
 * Interrupts in service on a CPU: those of ack kind EOI that it took and has not ended yet.
 *
 *     depth ->  | vector 0x93, irq 7          |  ended first: an end always means the highest vector in service
 *               | vector 0x61, irq 12, ready  |  ended as soon as the one above is gone
 *               | vector 0x42, irq 3          |
 *     held:     vectors that came meanwhile, of the class of the top or below: they wait, as in a local APIC
 *
 * @xen xen/arch/x86/irq.c (pending EOI stack)
 * Contexts  the CPU itself, IF = 0.
 * Locks     none: per-CPU state.
 *
 * EOI1  Vectors strictly increase from the bottom to the top, in class even: what is not above the top waits.
 * EOI2  Only ready entries on top are ended. An entry that is not ready keeps everything below it in service.
 * EOI3  What waited is requested again as soon as something was ended: none is lost.
 */
import { bug, type Ref } from '@bottomhalf/base'
import { FIRST_DEVICE_VECTOR, LAST_DEVICE_VECTOR } from '@bottomhalf/cpu'
import { cpuArea, currentCpu, ld, perCpu, raiseVector, st, thisCpu, word, words } from '@bottomhalf/machine'
import { pinEoi } from './ioapic.js'

// Classes are the upper four bits of a vector, so that there are no more entries than classes.
const CLASSES = 16

const EoiStack = perCpu('irqEoiStack', {
  // own CPU, IF = 0:
  depth: word, someHeld: word,
  // interrupt << 9 | ready << 8 | vector; and the pin that the end is told to, 0 for an MSI
  entries: words(CLASSES), pins: words(CLASSES),
  held: words(8),
})

const READY = 1 << 8

/** Whether `vector`, which was just taken, has to wait for what is in service; then it is kept here. */
export function heldByPriority(vector: number): boolean {
  const mine = thisCpu(EoiStack)
  const depth = ld(mine + EoiStack.depth)
  if (depth === 0 || vector >> 4 > vectorAt(mine, depth - 1) >> 4) return false                  // EOI1
  const row = mine + EoiStack.held + (vector >> 5)
  st(row, ld(row) | (1 << (vector & 31)))
  st(mine + EoiStack.someHeld, 1)
  return true
}

/** Take a vector that waits here; whether it did. */
export function takeHeld(vector: number): boolean {
  const row = thisCpu(EoiStack) + EoiStack.held + (vector >> 5)
  const bits = ld(row)
  st(row, bits & ~(1 << (vector & 31)))
  return (bits >>> (vector & 31) & 1) !== 0
}

/** An interrupt of ack kind EOI was taken; `pin` is its line, 0 for an MSI. */
export function pushEoi(irq: number, vector: number, pin: Ref<'IoapicPin'>): void {
  const mine = thisCpu(EoiStack)
  const depth = ld(mine + EoiStack.depth)
  if (depth > 0 && vectorAt(mine, depth - 1) >= vector) bug('a vector interrupts one that is not below it', 'IRQ-4')  // EOI1
  st(mine + EoiStack.entries + depth, (irq << 9) | vector)
  st(mine + EoiStack.pins + depth, pin)
  st(mine + EoiStack.depth, depth + 1)
}

/** What an interrupt was taken for has been done. Nothing if it is not in service here: a CPU that went down ended it. */
export function markReady(irq: number): void {
  const mine = thisCpu(EoiStack)
  for (let i = ld(mine + EoiStack.depth) - 1; i >= 0; i--) {
    const entry = mine + EoiStack.entries + i
    if (ld(entry) >>> 9 === irq) return st(entry, ld(entry) | READY)
  }
}

/** End what is ready and on top. */
export function endReady(): void {
  const mine = thisCpu(EoiStack)
  const before = ld(mine + EoiStack.depth)
  let depth = before
  while (depth > 0 && (ld(mine + EoiStack.entries + depth - 1) & READY) !== 0) {                 // EOI2
    depth--
    st(mine + EoiStack.depth, depth)
    endOf(ld(mine + EoiStack.pins + depth))
  }
  if (depth !== before && ld(mine + EoiStack.someHeld) !== 0) requestHeld(mine)
}

/** The CPU goes offline: whatever is in service is ended. */
export function endAll(): void {
  const mine = thisCpu(EoiStack)
  for (let i = ld(mine + EoiStack.depth) - 1; i >= 0; i--) {
    st(mine + EoiStack.entries + i, ld(mine + EoiStack.entries + i) | READY)
  }
  endReady()
}

/** The end of an interrupt, as the local APIC tells its line. */
export function endOf(pin: Ref<'IoapicPin'>): void {
  if (pin !== 0) pinEoi(pin)
}

/** How many interrupts this CPU has in service. */
export function eoisPending(): number {
  return ld(thisCpu(EoiStack) + EoiStack.depth)
}

/** How many a CPU has in service. Exact at rest. */
export function eoisOwedBy(cpu: number): number {
  return ld(cpuArea(cpu, EoiStack) + EoiStack.depth)
}

/** The interrupt in service at place `i`, from the bottom. */
export function irqInService(i: number): number {
  return ld(thisCpu(EoiStack) + EoiStack.entries + i) >>> 9
}

// EOI3: all are requested; those that are still not above the top come back here.
function requestHeld(mine: number): void {
  st(mine + EoiStack.someHeld, 0)
  for (let row = FIRST_DEVICE_VECTOR >> 5; row <= LAST_DEVICE_VECTOR >> 5; row++) {
    let bits = ld(mine + EoiStack.held + row)
    st(mine + EoiStack.held + row, 0)
    for (; bits !== 0; bits &= bits - 1) raiseVector(currentCpu(), row * 32 + 31 - Math.clz32(bits & -bits))
  }
}

function vectorAt(mine: number, i: number): number {
  return ld(mine + EoiStack.entries + i) & 0xff
}
