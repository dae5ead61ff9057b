// SPDX-License-Identifier: MIT
/**
 * Lock classes: locks that play one part have one class, and the order is an order of classes (LK-2, LK-4).
 *
 * A class is declared where its lock lives, at module top level. Its words are a global area of their own, so all
 * threads agree on them; only the checks use them.
 */
import { bug } from '@bottomhalf/base'
import { cmpxchg, declaredAreas, embed, fetchAdd, global, load, store, struct, word, words } from '@bottomhalf/machine'
import type { Area, Field } from '@bottomhalf/machine'

/** Lock classes that one machine may have; index 0 is none. */
export const MAX_CLASSES = 64

const PREFIX = 'lockClass '

export const LockClassWords = struct('LockClass', {
  // atomic: 0 until the checks meet the class
  index: word,
  // atomic, bitmaps by class index: taken while this class was held; must never be
  takenInside: words(MAX_CLASSES / 32), neverInside: words(MAX_CLASSES / 32),
  // atomic, by class index, written before the bit in takenInside: who did it, see `lockdep.ts`
  witness: words(MAX_CLASSES),
})

export interface LockClass {
  readonly area: Area<{ readonly words: Field }>
  readonly byAddress: boolean
}

export interface LockClassOptions {
  /** Locks of the class may be held together, taken in order of address (in per-CPU areas: of CPU id). */
  readonly order?: 'byAddress'
}

const Classes = global('lockClasses', {
  // atomic:
  count: word,
  // atomic, by class index, written once: address of the class
  addresses: words(MAX_CLASSES),
})

/** Declare a lock class; `name` is unique in the machine. Module top level. */
export function lockClass(name: string, options?: LockClassOptions): LockClass {
  return { area: global(PREFIX + name, { words: embed(LockClassWords) }), byAddress: options?.order === 'byAddress' }
}

/** The class's index, 1 to MAX_CLASSES - 1; given when the checks first ask for it. */
export function classIndex(lockClass: LockClass): number {
  const address = lockClass.area.base
  const known = load(address + LockClassWords.index)
  if (known !== 0) return known
  const fresh = fetchAdd(Classes.base + Classes.count, 1) + 1
  if (fresh >= MAX_CLASSES) bug('there are more lock classes than MAX_CLASSES')
  store(Classes.base + Classes.addresses + fresh, address)
  const raced = cmpxchg(address + LockClassWords.index, 0, fresh)
  return raced === 0 ? fresh : raced
}

/** Address of the class with that index. */
export function classAddress(index: number): number {
  return load(Classes.base + Classes.addresses + index)
}

/** The name of a class, for messages. */
export function className(index: number): string {
  return classNameAt(classAddress(index))
}

/** The name of the class at that address; empty if there is none. */
export function classNameAt(address: number): string {
  const area = declaredAreas().global.find(({ base, structName }) => base === address && structName.startsWith(PREFIX))
  return area === undefined ? '' : area.structName.slice(PREFIX.length)
}
