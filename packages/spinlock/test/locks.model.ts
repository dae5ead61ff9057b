// SPDX-License-Identifier: MIT
/** A few locks, and programs that take them: for tests of both builds and of real threads. */
import {
  AWAIT_NE, awaitWord, embed, global, handler, irqEnable, irqRestore, irqSave, ld, lineBreak, load, raiseVector, st,
  store, word,
} from '@bottomhalf/machine'
import type { HandlerRef } from '@bottomhalf/machine'
import {
  lockClass, readLock, readTrylock, readUnlock, RwLock, rwLockInit, setupSpinlocks, SpinLock, spinLock, spinLockInit,
  spinLockIrq, spinLockIrqsave, spinLockRecursive, spinTrylock, spinTrylockRecursive, spinUnlock, spinUnlockIrq,
  spinUnlockIrqrestore, spinUnlockRecursive, writeLock, writeTrylock, writeUnlock,
} from '../src/index.js'
import type { LockClass, LockKind, SpinlockOptions } from '../src/index.js'

export const classA: LockClass = lockClass('test A')
export const classB: LockClass = lockClass('test B')
export const classC: LockClass = lockClass('test C')
export const pairClass: LockClass = lockClass('test pair', { order: 'byAddress' })
export const timerFunction: LockClass = lockClass('test timer function')

const Locks = global('lockTest', {
  a: embed(SpinLock), b: embed(SpinLock), c: embed(SpinLock), low: embed(SpinLock), high: embed(SpinLock),
  rw: embed(RwLock),
  line: lineBreak,
  counter: word, second: word, flag: word, log: word, deepest: word,
})

export interface Places {
  readonly a: number
  readonly b: number
  readonly c: number
  readonly low: number
  readonly high: number
  readonly rw: number
  readonly counter: number
  readonly second: number
  readonly flag: number
}

/** Where the locks and the words are. After the memory was formatted. */
export function places(): Places {
  const at = Locks.base
  return {
    a: at + Locks.a, b: at + Locks.b, c: at + Locks.c, low: at + Locks.low, high: at + Locks.high, rw: at + Locks.rw,
    counter: at + Locks.counter, second: at + Locks.second, flag: at + Locks.flag,
  }
}

/** Make the locks: all of one kind, with these options. */
export function makeLocks(kind: LockKind, options: SpinlockOptions): void {
  const at = places()
  setupSpinlocks({ ...options, kind })
  spinLockInit(at.a, classA)
  spinLockInit(at.b, classB)
  spinLockInit(at.c, classC)
  spinLockInit(at.low, pairClass)
  spinLockInit(at.high, pairClass)
  rwLockInit(at.rw, classC)
}

// ---- counting: in two plain steps, exact only if one at a time does it

function countUp(): void {
  const { counter } = places()
  st(counter, ld(counter) + 1)
}

export type Form =
  'none' | 'lock' | 'irq' | 'irqsave' | 'trylock' | 'recursive' | 'recursiveTry' | 'write' | 'writeTrylock' | 'readTrylock'

/** Count `times` under the lock in one of its forms. */
export function countWith(form: Form, times: number): void {
  for (let i = 0; i < times; i++) countOnce(form)
}

function countOnce(form: Form): void {
  const { a, rw } = places()
  switch (form) {
    case 'none': countUp(); break
    case 'lock': spinLock(a); countUp(); spinUnlock(a); break
    case 'irq': spinLockIrq(a); countUp(); spinUnlockIrq(a); break
    case 'irqsave': countIrqsave(a); break
    case 'trylock': while (!spinTrylock(a)) awaitFree(); countUp(); spinUnlock(a); break
    case 'recursive': countRecursive(a, 2); break
    case 'recursiveTry': while (!spinTrylockRecursive(a)) awaitFree(); countRecursive(a, 1); spinUnlockRecursive(a); break
    case 'write': writeLock(rw); countUp(); writeUnlock(rw); break
    case 'writeTrylock': while (!writeTrylock(rw)) awaitFree(); countUp(); writeUnlock(rw); break
    // wrong: readers are many
    case 'readTrylock': while (!readTrylock(rw)) awaitFree(); countUp(); readUnlock(rw); break
  }
}

function countIrqsave(lock: number): void {
  const flags = spinLockIrqsave(lock)
  countUp()
  spinUnlockIrqrestore(lock, flags)
}

function countRecursive(lock: number, depth: number): void {
  spinLockRecursive(lock)
  if (depth > 1) countRecursive(lock, depth - 1)
  else countUp()
  spinUnlockRecursive(lock)
}

/** A moment between two tries. */
function awaitFree(): void {
  irqRestore(irqSave())
}

// ---- readers and writers of two words that are always equal

export function writeBoth(value: number): void {
  const { rw, counter, second } = places()
  writeLock(rw)
  st(counter, value)
  st(second, value)
  writeUnlock(rw)
}

/** Whether the two words differed. */
export function readBoth(locked: boolean): boolean {
  const { rw, counter, second } = places()
  if (locked) readLock(rw)
  const torn = ld(counter) !== ld(second)
  if (locked) readUnlock(rw)
  return torn
}

// ---- interrupts

/** Each interrupt sets the flag. */
export const setFlag: HandlerRef = handler('lockTestSetFlag', () => { store(Locks.base + Locks.flag, 1) })

/** Each interrupt counts under lock a. */
export const countInInterrupt: HandlerRef = handler('lockTestCount', () => { countIrqsave(Locks.base + Locks.a) })

/** Each interrupt takes lock a as if interrupts could not come. */
export const lockInInterrupt: HandlerRef = handler('lockTestLock', () => {
  irqEnable()
  countOnce('lock')
})

export function interrupt(cpu: number): void {
  raiseVector(cpu, 0x40)
}

/** Hold lock a until the flag is set. */
export function holdUntilFlag(): void {
  const { a, flag } = places()
  const flags = spinLockIrqsave(a)
  awaitWord(flag, AWAIT_NE, 0)
  spinUnlockIrqrestore(a, flags)
}

/** Count with IF as named. */
export function countWithIf(irqsOn: boolean, form: Form): void {
  if (irqsOn) irqEnable()
  countOnce(form)
}

// ---- order

/** Take both, one inside the other. */
export function nest(outer: number, inner: number): void {
  spinLock(outer)
  spinLock(inner)
  spinUnlock(inner)
  spinUnlock(outer)
}

export function read(address: number): number {
  return load(address)
}
