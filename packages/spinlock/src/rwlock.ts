// SPDX-License-Identifier: MIT
/**
 * Reader/writer locks: many readers, or one writer.
 *
 *     31    30         29 ......... 16   15 ........... 0
 *     +---+----------+----------------+-----------------+
 *     | 0 | written  | waiting writers| readers         |
 *     +---+----------+----------------+-----------------+
 *
 * @xen xen/common/rwlock.c
 * Contexts  as for spinlocks: plain forms for locks that no interrupt handler takes.
 * Locks     this file is the lock; one kind: waiting writers keep new readers out, so a reader must not nest.
 *
 * RW1  A reader counts itself first and looks then; who finds a writer takes the count back and waits.
 * RW2  A writer turns "written" on only from a word without readers and writer, by compare-and-exchange.
 */
import type { Ref } from '@bottomhalf/base'
import {
  AWAIT_ALL_CLEAR, awaitWord, cmpxchg, embed, fetchAdd, irqDisable, irqEnable, irqRestore, irqSave, ld, load, nowNs, st,
  struct, word,
} from '@bottomhalf/machine'
import type { LockClass } from './lockClass.js'
import { checkBeforeTry, checkBeforeWait, noteAcquired, noteReleased } from './lockdep.js'
import { CHECKED, checkMade, LOCK_TAS, LockMeta, metaInit, PLAIN_TAS, PROFILED } from './meta.js'
import { profileAcquired, profileReleased, readProfile, type LockProfile } from './profile.js'

export const RwLock = struct('RwLock', {
  // atomic: see above
  state: word,
  meta: embed(LockMeta),
})

type Lock = Ref<'RwLock'>

const READER = 1
const READERS = 0xffff
const WAITING = 0x10000
const ANY_WAITING = 0x3fff0000
const WRITTEN = 0x40000000

const FLAGS = RwLock.meta + LockMeta.flags
const PLAIN = PLAIN_TAS

/** Make a lock, free. Before it is shared. */
export function rwLockInit(lock: Lock, lockClass: LockClass): void {
  st(lock + RwLock.state, 0)
  metaInit(lock + RwLock.meta, lockClass, LOCK_TAS)
}

// ---- readers

/** Take the lock for reading. Not while this CPU reads it already: a writer may wait between the two. */
export function readLock(lock: Lock): void {
  const flags = ld(lock + FLAGS)
  if (flags !== PLAIN) beforeWait(lock, flags)
  while (!countReader(lock)) awaitWord(lock + RwLock.state, AWAIT_ALL_CLEAR, WRITTEN | ANY_WAITING)
  if ((flags & CHECKED) !== 0) noteAcquired(lock + RwLock.meta, flags, false)
}

/** Take the lock for reading if no writer has it or waits for it; whether that was so. */
export function readTrylock(lock: Lock): boolean {
  const flags = ld(lock + FLAGS)
  if (flags !== PLAIN) beforeTry(lock, flags)
  if (!countReader(lock)) return false
  if ((flags & CHECKED) !== 0) noteAcquired(lock + RwLock.meta, flags, false)
  return true
}

export function readUnlock(lock: Lock): void {
  const flags = ld(lock + FLAGS)
  if ((flags & CHECKED) !== 0) noteReleased(lock + RwLock.meta, false)
  fetchAdd(lock + RwLock.state, -READER)
}

// RW1
function countReader(lock: Lock): boolean {
  if ((fetchAdd(lock + RwLock.state, READER) & (WRITTEN | ANY_WAITING)) === 0) return true
  fetchAdd(lock + RwLock.state, -READER)
  return false
}

// ---- writers

/** Take the lock for writing. */
export function writeLock(lock: Lock): void {
  const flags = ld(lock + FLAGS)
  if (flags !== PLAIN) return writeOther(lock, flags)
  if (cmpxchg(lock + RwLock.state, 0, WRITTEN) !== 0) waitToWrite(lock)
}

/**
 * Take the lock for writing if nobody has it; whether that was so. It may also fail beside a reader that is just turning
 * back from a writer.
 */
export function writeTrylock(lock: Lock): boolean {
  const flags = ld(lock + FLAGS)
  if (flags !== PLAIN) beforeTry(lock, flags)
  if (cmpxchg(lock + RwLock.state, 0, WRITTEN) !== 0) return false
  noteWriting(lock, flags, -1)
  return true
}

export function writeUnlock(lock: Lock): void {
  const flags = ld(lock + FLAGS)
  if ((flags & PROFILED) !== 0) profileReleased(lock + RwLock.meta, flags)
  if ((flags & CHECKED) !== 0) noteReleased(lock + RwLock.meta, true)
  fetchAdd(lock + RwLock.state, -WRITTEN)
}

/** Count as waiting, so that no new reader comes, until the readers and the writer are gone (RW2). */
function waitToWrite(lock: Lock): void {
  fetchAdd(lock + RwLock.state, WAITING)
  for (;;) {
    const seen = awaitWord(lock + RwLock.state, AWAIT_ALL_CLEAR, WRITTEN | READERS)
    if (cmpxchg(lock + RwLock.state, seen, seen - WAITING + WRITTEN) === seen) return
  }
}

function writeOther(lock: Lock, flags: number): void {
  beforeWait(lock, flags)
  if (cmpxchg(lock + RwLock.state, 0, WRITTEN) === 0) return noteWriting(lock, flags, -1)
  const startNs = nowNs()
  waitToWrite(lock)
  noteWriting(lock, flags, nowNs() - startNs)
}

// ---- irq forms

/** Turn interrupts off, which were on, and take the lock for reading. */
export function readLockIrq(lock: Lock): void {
  irqDisable()
  readLock(lock)
}

export function readUnlockIrq(lock: Lock): void {
  readUnlock(lock)
  irqEnable()
}

/** Turn interrupts off and take the lock for reading; returns the flags for `readUnlockIrqrestore`. */
export function readLockIrqsave(lock: Lock): number {
  const irqFlags = irqSave()
  readLock(lock)
  return irqFlags
}

export function readUnlockIrqrestore(lock: Lock, irqFlags: number): void {
  readUnlock(lock)
  irqRestore(irqFlags)
}

/** Turn interrupts off, which were on, and take the lock for writing. */
export function writeLockIrq(lock: Lock): void {
  irqDisable()
  writeLock(lock)
}

export function writeUnlockIrq(lock: Lock): void {
  writeUnlock(lock)
  irqEnable()
}

/** Turn interrupts off and take the lock for writing; returns the flags for `writeUnlockIrqrestore`. */
export function writeLockIrqsave(lock: Lock): number {
  const irqFlags = irqSave()
  writeLock(lock)
  return irqFlags
}

export function writeUnlockIrqrestore(lock: Lock, irqFlags: number): void {
  writeUnlock(lock)
  irqRestore(irqFlags)
}

// ---- looking

/** Whether anybody reads or writes: a moment's value, for assertions. */
export function rwIsLocked(lock: Lock): boolean {
  return (load(lock + RwLock.state) & (WRITTEN | READERS)) !== 0
}

/** Whether anybody writes: a moment's value, for assertions. */
export function rwIsWriteLocked(lock: Lock): boolean {
  return (load(lock + RwLock.state) & WRITTEN) !== 0
}

/** What was measured of the writers. At rest, or held for writing. */
export function rwLockProfile(lock: Lock): LockProfile {
  return readProfile(lock + RwLock.meta)
}

// ---- checks and profile

function beforeWait(lock: Lock, flags: number): void {
  checkMade(flags)
  if ((flags & CHECKED) !== 0) checkBeforeWait(lock + RwLock.meta, flags)
}

function beforeTry(lock: Lock, flags: number): void {
  checkMade(flags)
  if ((flags & CHECKED) !== 0) checkBeforeTry(lock + RwLock.meta)
}

function noteWriting(lock: Lock, flags: number, waitedNs: number): void {
  if ((flags & CHECKED) !== 0) noteAcquired(lock + RwLock.meta, flags, true)
  if ((flags & PROFILED) !== 0) profileAcquired(lock + RwLock.meta, flags, waitedNs)
}
