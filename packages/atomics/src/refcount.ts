// SPDX-License-Identifier: MIT
/**
 * Reference counts, and the compare-and-exchange loops that others are made of.
 *
 * @xen xen/include/xen/refcnt.h, xen/arch/x86/include/asm/atomic.h
 * Contexts  any.
 * Locks     none; a count is one atomic word.
 *
 * RC1  A count that reached 0 stays there: a reference is only ever copied from one that is held.
 * RC2  Exactly one `refPut` answers "last", and nothing of any holder comes after it.
 */
import { bug } from '@bottomhalf/base'
import { cmpxchg, fetchAdd, load, store } from '@bottomhalf/machine'

const MAX_COUNT = 0x7fffffff

/** Start with `references` references. Before the word is shared, or while nobody else can look. */
export function refInit(address: number, references: number): void {
  store(address, references)
}

/** How many references there are: a moment's value, for reports and assertions. */
export function refRead(address: number): number {
  return load(address)
}

/** Take one more reference. The caller holds one, or knows who does (RC1). */
export function refGet(address: number): void {
  const old = fetchAdd(address, 1)
  if (old <= 0) bug('a reference is taken of what has none', 'RC1')
  if (old === MAX_COUNT) bug('a reference count overflows', 'RC1')
}

/** Take a reference if there is one still; false if the object is on its way out. */
export function refGetUnlessZero(address: number): boolean {
  return addUnless(address, 1, 0)
}

/** Give one reference back; true for the last one, whose caller now owns the object alone (RC2). */
export function refPut(address: number): boolean {
  const old = fetchAdd(address, -1)
  if (old <= 0) bug('a reference is given back that nobody held', 'RC2')
  return old === 1
}

/** Add `addend` unless the word is `unless`; whether it was added. */
export function addUnless(address: number, addend: number, unless: number): boolean {
  let seen = load(address)
  while (seen !== unless) {
    const old = cmpxchg(address, seen, (seen + addend) | 0)
    if (old === seen) return true
    seen = old
  }
  return false
}

/** Raise the word to `value` if that is more; returns what it was. */
export function fetchMax(address: number, value: number): number {
  let seen = load(address)
  while (seen < value) {
    const old = cmpxchg(address, seen, value)
    if (old === seen) return seen
    seen = old
  }
  return seen
}
