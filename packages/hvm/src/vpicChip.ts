// SPDX-License-Identifier: MIT
/**
 * One chip of the legacy pair: eight inputs, what they request, what is in service, who goes first.
 *
 * @xen xen/arch/x86/hvm/vpic.c
 * Contexts  irqLock held.
 * Locks     irqLock of the domain; nothing here takes one.
 *
 * PC1  An input requests service only if none of the same or a higher priority is in service.
 * PC2  An input of edge mode requests once for each rise; one of level mode as long as it is high.
 */
import { lowestBit, type Ref } from '@bottomhalf/base'
import { ld, st, struct, word } from '@bottomhalf/machine'

export const VpicChip = struct('VpicChip', {
  // irqLock; a bit for each input: high; has risen since it was last acknowledged; in service; masked; of level mode
  lines: word, risen: word, inService: word, mask: word, levelMode: word,
  // irqLock: vector of input 0; the input that goes last; the ICW that comes next, 0 if initialised; see the bits below
  firstVector: word, last: word, nextIcw: word, options: word,
})

/** Bits of `options`. */
export const AUTO_EOI = 1 << 0
export const ROTATE_ON_AUTO_EOI = 1 << 1
export const SPECIAL_MASK = 1 << 2
/** Requests of the second chip nest on the first as if each were an input of its own. */
export const FULLY_NESTED = 1 << 3
export const READ_IN_SERVICE = 1 << 4
export const POLL = 1 << 5
/** During initialisation: there is one chip only; ICW4 will come. */
export const SINGLE = 1 << 6
export const ICW4_COMES = 1 << 7

/** The input of the first chip that the second is connected to. */
export const CASCADE = 2

type Chip = Ref<'VpicChip'>

/** Inputs that request service, masked ones too. `extra`: those that the chip does not latch itself. */
export function chipRequests(chip: Chip, extra: number): number {
  const level = ld(chip + VpicChip.levelMode)
  return ld(chip + VpicChip.lines) & level | ld(chip + VpicChip.risen) & ~level | extra      // PC2
}

/** The input that is to be served next, -1 if none is. */
export function chipNext(chip: Chip, extra: number): number {
  if (ld(chip + VpicChip.nextIcw) !== 0) return -1
  const first = firstOf(chip, chipRequests(chip, extra) & ~ld(chip + VpicChip.mask))
  if (first < 0) return -1
  const busy = firstOf(chip, inhibiting(chip))
  return busy < 0 || rank(chip, first) < rank(chip, busy) ? first : -1                       // PC1
}

function inhibiting(chip: Chip): number {
  const options = ld(chip + VpicChip.options)
  let busy = ld(chip + VpicChip.inService)
  if ((options & SPECIAL_MASK) !== 0) busy &= ~ld(chip + VpicChip.mask)
  if ((options & FULLY_NESTED) !== 0) busy &= ~(1 << CASCADE)
  return busy
}

/** An input is acknowledged: it is in service until its EOI. Returns whether it ended with it (automatic EOI). */
export function chipBeginService(chip: Chip, input: number): boolean {
  clear(chip + VpicChip.risen, 1 << input)                            // PC2
  const options = ld(chip + VpicChip.options)
  if ((options & AUTO_EOI) === 0) {
    set(chip + VpicChip.inService, 1 << input)
    return false
  }
  if ((options & ROTATE_ON_AUTO_EOI) !== 0) st(chip + VpicChip.last, input)
  return true
}

/** The input of the highest priority in service, as a non-specific EOI means it; -1 if there is none. */
export function chipServed(chip: Chip): number {
  const hidden = (ld(chip + VpicChip.options) & SPECIAL_MASK) === 0 ? 0 : ld(chip + VpicChip.mask)
  return firstOf(chip, ld(chip + VpicChip.inService) & ~hidden)
}

/** End the service of an input. Returns its bit, 0 if it was not in service. */
export function chipEndService(chip: Chip, input: number): number {
  if (input < 0) return 0
  return clear(chip + VpicChip.inService, 1 << input)
}

/** Begin as ICW1 leaves it: nothing masked, in service, or latched. Returns what was in service. */
export function chipReset(chip: Chip, options: number): number {
  const ended = ld(chip + VpicChip.inService)
  st(chip + VpicChip.risen, 0)
  st(chip + VpicChip.inService, 0)
  st(chip + VpicChip.mask, 0)
  st(chip + VpicChip.last, 7)
  st(chip + VpicChip.options, options)
  st(chip + VpicChip.nextIcw, 2)
  return ended
}

/** Turn bits of a word on. */
export function set(address: number, bits: number): void {
  st(address, ld(address) | bits)
}

/** Turn bits of a word off; returns those that were on. */
export function clear(address: number, bits: number): number {
  const old = ld(address)
  st(address, old & ~bits)
  return old & bits
}

// Of some inputs the one of the highest priority: the first behind the one that goes last.
function firstOf(chip: Chip, inputs: number): number {
  if (inputs === 0) return -1
  const start = ld(chip + VpicChip.last) + 1 & 7
  return lowestBit(inputs >> start | inputs << 8 - start & 0xff) + start & 7
}

function rank(chip: Chip, input: number): number {
  return input - ld(chip + VpicChip.last) - 1 & 7
}
