// SPDX-License-Identifier: MIT
import {
  formatMemory, irqDisable, irqEnable, irqsEnabled, ld, setCurrentCpu, st, xfree, xzalloc,
} from '@bottomhalf/machine'
import { onCpu } from '@bottomhalf/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  knownLocks, LOCK_TAS, LOCK_TICKET, PROFILE_HOLDS, PROFILE_WAITS, readLock, readLockIrq, readLockIrqsave, readTrylock,
  readUnlock, readUnlockIrq, readUnlockIrqrestore, rwIsLocked, rwIsWriteLocked, setupSpinlocks, spinBarrier,
  spinIsLocked, SpinLock, spinLock, spinLockInit, spinLockIrq, spinLockIrqsave, spinLockProfile, spinLockRecursive,
  spinTrylock, spinTrylockIrq, spinTrylockIrqsave, spinTrylockRecursive, spinUnlock, spinUnlockIrq,
  spinUnlockIrqrestore, spinUnlockRecursive, writeLock, writeLockIrq, writeLockIrqsave, writeTrylock, writeUnlock,
  writeUnlockIrq, writeUnlockIrqrestore,
} from '../src/index.js'
import type { LockClass } from '../src/index.js'
import { classA, classB, classC, makeLocks, places } from './locks.model.js'
import type { Places } from './locks.model.js'

const kinds = [['test-and-set', LOCK_TAS], ['ticket', LOCK_TICKET]] as const
const builds = [['plain', false], ['with checks and profile', true]] as const
const cases = kinds.flatMap(([kindName, kind]) => builds.map(([name, full]) => [`${kindName}, ${name}`, kind, full] as const))

let at: Places

describe.each(cases)('LK-1: a spinlock, %s', (_name, kind, full) => {
  beforeEach(() => {
    formatMemory({ cpus: 2, debug: full })
    setCurrentCpu(0)
    irqEnable()
    makeLocks(kind, full ? { profile: 2 } : {})
    at = places()
  })

  test('LK-1: it is held from lock to unlock', () => {
    expect(spinIsLocked(at.a)).toBe(false)
    for (let i = 0; i < 3; i++) {
      spinLock(at.a)
      expect(spinIsLocked(at.a)).toBe(true)
      spinUnlock(at.a)
      expect(spinIsLocked(at.a)).toBe(false)
    }
  })

  test('LK-1: a try takes a free lock and leaves a held one', () => {
    expect(spinTrylock(at.a)).toBe(true)
    expect(onCpu(1, () => spinTrylock(at.a))).toBe(false)
    spinUnlock(at.a)
    expect(spinTrylock(at.a)).toBe(true)
    spinUnlock(at.a)
  })

  test('LK-1: irq forms turn interrupts off and on', () => {
    spinLockIrq(at.a)
    expect(irqsEnabled()).toBe(false)
    spinUnlockIrq(at.a)
    expect(irqsEnabled()).toBe(true)
    expect(spinTrylockIrq(at.a)).toBe(true)
    expect(irqsEnabled()).toBe(false)
    spinUnlockIrq(at.a)
  })

  test('LK-1: irqsave forms leave interrupts as they were', () => {
    const on = spinLockIrqsave(at.a)
    const off = spinLockIrqsave(at.b)
    spinUnlockIrqrestore(at.b, off)
    expect(irqsEnabled()).toBe(false)
    spinUnlockIrqrestore(at.a, on)
    expect(irqsEnabled()).toBe(true)
  })

  test('LK-1: a try that fails leaves interrupts as they were', () => {
    irqDisable()
    const flags = spinTrylockIrqsave(at.a)
    expect([flags, irqsEnabled()]).toEqual([0, false])
    onCpu(1, () => {
      irqEnable()
      expect([spinTrylockIrq(at.a), irqsEnabled()]).toEqual([false, true])
      expect([spinTrylockIrqsave(at.a), irqsEnabled()]).toEqual([-1, true])
    })
    spinUnlockIrqrestore(at.a, flags)
    irqEnable()
  })

  test('LK-1: the recursive form is taken again by its holder only, and is free after as many unlocks', () => {
    spinLockRecursive(at.a)
    spinLockRecursive(at.a)
    expect(spinTrylockRecursive(at.a)).toBe(true)
    expect(onCpu(1, () => spinTrylockRecursive(at.a))).toBe(false)
    spinUnlockRecursive(at.a)
    spinUnlockRecursive(at.a)
    expect(spinIsLocked(at.a)).toBe(true)
    spinUnlockRecursive(at.a)
    expect(spinIsLocked(at.a)).toBe(false)
    expect(onCpu(1, () => spinTrylockRecursive(at.a))).toBe(true)
  })

  test('a barrier does not wait for a free lock', () => {
    spinLock(at.a)
    spinUnlock(at.a)
    spinBarrier(at.a)
    expect(spinIsLocked(at.a)).toBe(false)
  })

  test('LK-1: readers are many, a writer is alone', () => {
    readLock(at.rw)
    onCpu(1, () => {
      irqEnable()
      expect([readTrylock(at.rw), writeTrylock(at.rw)]).toEqual([true, false])
      readUnlock(at.rw)
    })
    expect([rwIsLocked(at.rw), rwIsWriteLocked(at.rw)]).toEqual([true, false])
    readUnlock(at.rw)
    writeLock(at.rw)
    expect(onCpu(1, () => [readTrylock(at.rw), writeTrylock(at.rw)])).toEqual([false, false])
    expect([rwIsLocked(at.rw), rwIsWriteLocked(at.rw)]).toEqual([true, true])
    writeUnlock(at.rw)
    expect(rwIsLocked(at.rw)).toBe(false)
    expect(writeTrylock(at.rw)).toBe(true)
    writeUnlock(at.rw)
  })

  test('LK-1: reader/writer irq forms', () => {
    const seen: boolean[] = []
    readLockIrq(at.rw)
    seen.push(irqsEnabled())
    readUnlockIrq(at.rw)
    writeLockIrq(at.rw)
    seen.push(irqsEnabled())
    writeUnlockIrq(at.rw)
    expect([...seen, irqsEnabled()]).toEqual([false, false, true])
    const on = readLockIrqsave(at.rw)
    readUnlockIrqrestore(at.rw, on)
    expect(irqsEnabled()).toBe(true)
    irqDisable()
    const off = writeLockIrqsave(at.rw)
    writeUnlockIrqrestore(at.rw, off)
    expect(irqsEnabled()).toBe(false)
  })
})

describe('LK-1: locks that are none', () => {
  beforeEach(() => {
    formatMemory({ cpus: 1, debug: true })
    setCurrentCpu(0)
  })

  test('LK-1: taking, trying and releasing a lock that was never made is a BUG', () => {
    const never = xzalloc(SpinLock.sizeWords, SpinLock.tag)
    for (const use of [spinLock, spinLockIrqsave, spinTrylock, spinUnlock, readLock, writeLock]) {
      expect(() => { use(never) }).toThrow('BUG: LK-1: a lock that was never initialised is used')
    }
  })

  test('LK-1: a lock whose memory was given back is no lock any more', () => {
    const lock = xzalloc(SpinLock.sizeWords, SpinLock.tag)
    spinLockInit(lock, classA)
    spinLock(lock)
    spinUnlock(lock)
    xfree(lock)
    expect(() => { spinLock(lock) }).toThrow('LK-1')
  })

  test('LK-1: spinLockIrq from IF = 0 is a BUG with debug checks, spinLockIrqsave is not', () => {
    const lock = xzalloc(SpinLock.sizeWords, SpinLock.tag)
    spinLockInit(lock, classA)
    irqDisable()
    expect(() => { spinLockIrq(lock) }).toThrow('BUG: LK-1: spinLockIrq with IF = 0')
    spinUnlockIrqrestore(lock, spinLockIrqsave(lock))
  })

  test('LK-1: the kind is chosen when the lock is made', () => {
    const [tas, ticket] = [xzalloc(SpinLock.sizeWords, 0), xzalloc(SpinLock.sizeWords, 0)]
    spinLockInit(tas, classA)
    spinLockInit(ticket, classA, LOCK_TICKET)
    for (const lock of [tas, ticket]) for (let i = 0; i < 3; i++) {
      spinLock(lock)
      spinUnlock(lock)
    }
    const words = (lock: number): number[] => [ld(lock + SpinLock.state), ld(lock + SpinLock.serving)]
    expect([words(tas), words(ticket)]).toEqual([[0, 0], [3, 3]])
  })
})

describe('LK-3: which locks are profiled', () => {
  const make = (...classes: LockClass[]): number[] => classes.map((lockClass) => {
    const lock = xzalloc(SpinLock.sizeWords, SpinLock.tag)
    spinLockInit(lock, lockClass)
    return lock
  })
  const names = (): string[] => knownLocks().map(({ className }) => className)

  beforeEach(() => {
    formatMemory({ cpus: 1, debug: true })
    setCurrentCpu(0)
  })

  test('LK-3: locks made with a profile are listed with the names of their classes, others are not', () => {
    make(classC)
    expect(knownLocks()).toEqual([])
    setupSpinlocks({ profile: PROFILE_WAITS })
    const [a, b] = make(classA, classB)
    setupSpinlocks({})
    make(classC)
    expect(knownLocks()).toEqual([{ lock: a, className: 'test A' }, { lock: b, className: 'test B' }])
  })

  test('KN2: a lock whose memory was given back is not listed; made again in its place it is, once', () => {
    setupSpinlocks({ profile: PROFILE_WAITS })
    const [a = 0] = make(classA, classB)
    xfree(a)
    expect(names()).toEqual(['test B'])
    const again = xzalloc(SpinLock.sizeWords, SpinLock.tag)
    spinLockInit(again, classC)
    spinLockInit(again, classC)
    expect(names().sort()).toEqual(['test B', 'test C'])
  })

  test('KN1: choosing again keeps the list', () => {
    setupSpinlocks({ profile: PROFILE_WAITS })
    make(classA)
    setupSpinlocks({ profile: PROFILE_WAITS, kind: LOCK_TICKET })
    make(classB)
    expect(names()).toEqual(['test A', 'test B'])
  })

  test('LK-3: a lock made on words that were something else starts with a profile of zeros', () => {
    setupSpinlocks({ profile: PROFILE_HOLDS })
    const lock = xzalloc(SpinLock.sizeWords, SpinLock.tag)
    for (let at = lock; at < lock + SpinLock.sizeWords; at++) st(at, 0x3f3f3f3f)
    spinLockInit(lock, classA)
    expect(Object.values(spinLockProfile(lock))).toEqual([0, 0, 0, 0, 0, 0])
    spinUnlockIrqrestore(lock, spinLockIrqsave(lock))
    expect(spinLockProfile(lock)).toMatchObject({ acquisitions: 1, contended: 0, waitedNs: 0, longestWaitNs: 0 })
  })

  test('KN1: a list that is full lists no more', () => {
    setupSpinlocks({ profile: PROFILE_WAITS })
    for (let n = 0; n < 2050; n++) make(classA)
    expect(knownLocks()).toHaveLength(2048)
  })
})
