// SPDX-License-Identifier: MIT
/**
 * The checks of locks (LK-2): what could deadlock is a BUG when it is first *possible*, not when it happens.
 *
 * Each CPU has a stack of the locks it holds. A lock taken while others are held teaches an edge "outer class, inner
 * class"; an edge that closes a cycle is a BUG. Waiting for code that takes locks is an edge too (LK-5). Each edge
 * keeps a witness: the CPU and the classes held when it was learned, so that a BUG can name both sides.
 *
 * @xen xen/common/spinlock.c (check_lock); order learning has no counterpart there
 * Contexts  any; called by the locks, with IF as the lock is taken.
 * Locks     none: the stack belongs to its CPU (interrupts off while it changes), edges are atomic bits.
 *
 * LD1  An edge is set before its cycle is looked for: of two CPUs that close a cycle together, one sees it.
 * LD2  A lock is on the stack only while it is held: an interrupt taken in the wait for it may take it first (LK-6).
 */
import { bitMask, bug, lowestBit } from '@bottomhalf/base'
import type { CpuId } from '@bottomhalf/base'
import {
  cmpxchg, cpuArea, currentCpu, fetchOr, inIrq, irqRestore, irqSave, irqsEnabled, ld, load, NO_CPU, perCpu, st, store,
  thisCpu, word, words,
} from '@bottomhalf/machine'
import { classAddress, classIndex, className, LockClassWords, MAX_CLASSES, type LockClass } from './lockClass.js'
import { BY_ADDRESS, CLASS_SHIFT, lockChecks, LockMeta } from './meta.js'

const MAX_HELD = 24

const Held = perCpu('lockdep', {
  // owned by the CPU; interrupts off while they change:
  depth: word, locks: words(MAX_HELD), classes: words(MAX_HELD),
})

/** Values of `LockMeta.irqUse`: not known yet; taken with IF = 0; taken with IF = 1. */
const IRQ_SAFE = 1
const IRQ_UNSAFE = 2

const CLASS_BITS = 6
const WITNESS_CLASSES = 4

// ---- called by the locks; `meta` is the lock's LockMeta, `flags` its flags

/** Before a lock is waited for: IF, self-deadlock and order. */
export function checkBeforeWait(meta: number, flags: number): void {
  checkIrqUse(meta, false)
  checkOrder(meta, flags)
}

/** Before a barrier: with IF = 1 it may wait for any lock, with IF = 0 its holder must not need an answer of this CPU. */
export function checkBeforeBarrier(meta: number, flags: number): void {
  if (!irqsEnabled() && load(meta + LockMeta.irqUse) === IRQ_UNSAFE) bug('a barrier with IF = 0 on an IRQ-unsafe lock', 'LK-2')
  checkOrder(meta, flags)
}

function checkOrder(meta: number, flags: number): void {
  if (currentCpu() === NO_CPU) return
  const held = thisCpu(Held)
  for (let i = 0; i < ld(held + Held.depth); i++) {
    checkPair(ld(held + Held.locks + i), ld(held + Held.classes + i), meta, flags)
  }
}

/** Before a lock is tried: a try never waits, so it adds no edge, and with IF = 0 it harms no lock. */
export function checkBeforeTry(meta: number): void {
  checkIrqUse(meta, true)
}

/** The lock is held now, by this CPU; `exclusive`: not by a reader. */
export function noteAcquired(meta: number, flags: number, exclusive: boolean): void {
  if (exclusive) store(meta + LockMeta.holder, holderId())
  push(meta, flags >>> CLASS_SHIFT)
}

/** Before the lock is let go: only its holder may (LK-2). */
export function noteReleased(meta: number, exclusive: boolean): void {
  if (exclusive && load(meta + LockMeta.holder) !== holderId()) bug('a lock is released by another CPU than its holder', 'LK-2')
  if (exclusive) store(meta + LockMeta.holder, 0)
  if (!pop(meta)) bug('a lock is released that this CPU does not hold', 'LK-2')
}

function holderId(): number {
  return currentCpu() + 2
}

// ---- rules

/** A lock is IRQ-safe or IRQ-unsafe from its first use on; an IRQ-unsafe one has no place in an interrupt handler. */
function checkIrqUse(meta: number, trying: boolean): void {
  const use = irqsEnabled() ? IRQ_UNSAFE : IRQ_SAFE
  if (trying && use === IRQ_SAFE) return
  if (use === IRQ_UNSAFE && inIrq()) bug('a lock is taken with IF = 1 in an interrupt handler', 'LK-2')
  const before = load(meta + LockMeta.irqUse)
  if (before === use) return
  const raced = before === 0 ? cmpxchg(meta + LockMeta.irqUse, 0, use) : before
  if (raced !== 0 && raced !== use) {
    bug(`a lock is taken with IF = ${use === IRQ_SAFE ? 0 : 1} here, with IF = ${use === IRQ_SAFE ? 1 : 0} before`, 'LK-2')
  }
}

function checkPair(outer: number, outerClass: number, inner: number, flags: number): void {
  const innerClass = flags >>> CLASS_SHIFT
  if (outer === inner) bug(`self-deadlock on ${className(innerClass)}; ${describeHeld()}`, 'LK-2')
  if (outerClass !== innerClass) return learn(outerClass, innerClass)
  if ((flags & BY_ADDRESS) === 0) bug(`two locks of class ${className(innerClass)} together`, 'LK-2')
  if (inner < outer) bug(`two locks of class ${className(innerClass)} against the order of address`, 'LK-4')
}

/** Set the edge, unless it is known, and look for a cycle through it. */
function learn(outer: number, inner: number): void {
  const from = classAddress(outer)
  if (classBit(from + LockClassWords.takenInside, inner)) return
  if (classBit(from + LockClassWords.neverInside, inner)) {
    bug(`${className(inner)} inside ${className(outer)}: declared never to be; ${describeHeld()}`, 'LK-4')
  }
  store(from + LockClassWords.witness + inner, witnessOfNow())
  fetchOr(from + LockClassWords.takenInside + (inner >> 5), bitMask(inner & 31))     // LD1: before the search
  const way = wayBetween(inner, outer, [])
  if (way.length > 0) bug(`lock order: ${className(inner)} inside ${className(outer)}; ${describeHeld()}; before: ${describeWay(way)}`, 'LK-2')
}

/** Classes from `from` to `to`, each taken inside the one before; empty if there is no such way. */
function wayBetween(from: number, to: number, seen: number[]): number[] {
  if (from === to) return [to]
  seen.push(from)
  for (let part = 0; part < MAX_CLASSES / 32; part++) {
    let rest = load(classAddress(from) + LockClassWords.takenInside + part)
    for (; rest !== 0; rest &= rest - 1) {
      const next = part * 32 + lowestBit(rest)
      const way = seen.includes(next) ? [] : wayBetween(next, to, seen)
      if (way.length > 0) return [from, ...way]
    }
  }
  return []
}

function classBit(map: number, nr: number): boolean {
  return (load(map + (nr >> 5)) & bitMask(nr & 31)) !== 0
}

// ---- the stack of this CPU; threads that are no CPU have none

function push(lock: number, lockClass: number): void {
  if (currentCpu() === NO_CPU) return
  const irqFlags = irqSave()
  const held = thisCpu(Held)
  const depth = ld(held + Held.depth)
  if (depth === MAX_HELD) bug('a CPU holds more locks than the checks can follow')
  st(held + Held.locks + depth, lock)
  st(held + Held.classes + depth, lockClass)
  st(held + Held.depth, depth + 1)
  irqRestore(irqFlags)
}

/** Take a lock off the stack, wherever it stands; false if it is not there. */
function pop(lock: number): boolean {
  if (currentCpu() === NO_CPU) return true
  const irqFlags = irqSave()
  const held = thisCpu(Held)
  const last = ld(held + Held.depth) - 1
  let at = last
  while (at >= 0 && ld(held + Held.locks + at) !== lock) at--
  if (at >= 0) st(held + Held.depth, last)
  for (let i = at; i >= 0 && i < last; i++) {
    st(held + Held.locks + i, ld(held + Held.locks + i + 1))
    st(held + Held.classes + i, ld(held + Held.classes + i + 1))
  }
  irqRestore(irqFlags)
  return at >= 0
}

// ---- declarations and waits

/**
 * Declare the order of classes, outermost first; classes in one group are never held together. Boot, once. Without
 * checks it does nothing.
 */
export function declareLockOrder(order: readonly (LockClass | readonly LockClass[])[]): void {
  if (!lockChecks()) return
  let outer: readonly LockClass[] = []
  for (const entry of order) {
    const group = 'area' in entry ? [entry] : entry
    for (const inner of group) {
      for (const other of outer) learn(classIndex(other), classIndex(inner))
      for (const other of group) if (other !== inner) forbid(classIndex(other), classIndex(inner))
    }
    outer = group
  }
}

function forbid(outer: number, inner: number): void {
  fetchOr(classAddress(outer) + LockClassWords.neverInside + (inner >> 5), bitMask(inner & 31))
}

/**
 * LK-5: this call waits, now or another time, for code that takes locks of these classes, or for code that runs
 * between `beginAwaited` and `endAwaited` of one of them. A BUG if a lock that is held here could keep it from ending.
 */
export function mightWaitFor(...classes: readonly LockClass[]): void {
  if (!lockChecks() || currentCpu() === NO_CPU) return
  const held = thisCpu(Held)
  for (let i = 0; i < ld(held + Held.depth); i++) {
    const outer = ld(held + Held.classes + i)
    for (const awaited of classes) waitEdge(outer, classIndex(awaited))
  }
}

function waitEdge(outer: number, awaited: number): void {
  if (outer === awaited) bug(`a wait for ${className(awaited)} inside it; ${describeHeld()}`, 'LK-5')
  learn(outer, awaited)
}

/** Code begins that somebody may wait for (a timer's function, a tasklet's): locks it takes are inside `awaited`. */
export function beginAwaited(awaited: LockClass): void {
  if (lockChecks()) push(awaited.area.base, classIndex(awaited))
}

/** The code of the last `beginAwaited` on this CPU ends. */
export function endAwaited(awaited: LockClass): void {
  if (lockChecks() && !pop(awaited.area.base)) bug('endAwaited without beginAwaited', 'LK-5')
}

/** A BUG if this CPU holds a lock (I7). Without checks it does nothing. */
export function assertNoLocksHeld(): void {
  if (!lockChecks() || currentCpu() === NO_CPU) return
  if (locksOn(thisCpu(Held)) > 0) bug(`locks are held where none may be; ${describeHeld()}`, 'I7')
}

/** Number of locks that a CPU holds. At rest, or of this CPU; 0 without checks. */
export function locksHeld(cpu: CpuId): number {
  return locksOn(cpuArea(cpu, Held))
}

function locksOn(held: number): number {
  let locks = 0
  for (let i = 0; i < ld(held + Held.depth); i++) {
    if (ld(held + Held.locks + i) !== classAddress(ld(held + Held.classes + i))) locks++     // not of beginAwaited
  }
  return locks
}

// ---- what a BUG says

/** This CPU and the innermost classes it holds, in one word. */
function witnessOfNow(): number {
  if (currentCpu() === NO_CPU) return 0
  const held = thisCpu(Held)
  const depth = ld(held + Held.depth)
  let classes = 0
  for (let i = Math.max(0, depth - WITNESS_CLASSES); i < depth; i++) {
    classes = classes << CLASS_BITS | ld(held + Held.classes + i)
  }
  return classes << 8 | currentCpu()
}

function describeHeld(): string {
  return describeWitness(witnessOfNow())
}

function describeWitness(witness: number): string {
  let held = ''
  for (let classes = witness >>> 8; classes !== 0; classes >>>= CLASS_BITS) {
    const name = className(classes & (MAX_CLASSES - 1))
    held = held === '' ? name : `${name}, ${held}`
  }
  return held === '' ? 'no lock held' : `CPU ${witness & 0xff} held ${held}`
}

/** Each step of a way of classes, and who took it. */
function describeWay(way: readonly number[]): string {
  let text = ''
  for (let i = 0; i + 1 < way.length; i++) {
    const outer = way[i] as number
    const inner = way[i + 1] as number
    const witness = load(classAddress(outer) + LockClassWords.witness + inner)
    const who = witness >>> 8 === 0 ? 'declared' : describeWitness(witness)
    text += `${i === 0 ? '' : ', then '}${className(inner)} inside ${className(outer)} (${who})`
  }
  return text
}
