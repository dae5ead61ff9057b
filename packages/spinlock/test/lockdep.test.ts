// SPDX-License-Identifier: MIT
import type { CpuId } from '@bottomhalf/base'
import {
  formatMemory, irqDisable, irqEnable, irqsEnabled, NO_CPU, raiseVector, setCurrentCpu, setInterruptEntry,
} from '@bottomhalf/machine'
import { onCpu } from '@bottomhalf/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  assertNoLocksHeld, beginAwaited, declareLockOrder, endAwaited, LOCK_TAS, LOCK_TICKET, locksHeld, mightWaitFor,
  readLock, readTrylock, readUnlock, spinBarrier, spinLock, spinLockIrq, spinLockIrqsave, spinLockRecursive,
  spinTrylock, spinUnlock, spinUnlockIrq, spinUnlockIrqrestore, spinUnlockRecursive, writeLock, writeUnlock,
} from '../src/index.js'
import {
  classA, classB, classC, countInInterrupt, lockInInterrupt, makeLocks, nest, pairClass, places, timerFunction,
} from './locks.model.js'
import type { Places } from './locks.model.js'

let at: Places

function start(debug: boolean, kind: 0 | 1 = LOCK_TAS, checks = true): void {
  formatMemory({ cpus: 3, debug })
  for (const cpu of [2, 1, 0]) {
    setCurrentCpu(cpu)
    irqEnable()
  }
  makeLocks(kind, { checks })
  at = places()
}

beforeEach(() => { start(true) })

/** Both in one critical section, released in the order of taking. */
function together(outer: number, inner: number): void {
  spinLock(outer)
  spinLock(inner)
  spinUnlock(outer)
  spinUnlock(inner)
}

function withIrqsOff(fn: () => void): void {
  irqDisable()
  fn()
  irqEnable()
}

describe.each([['test-and-set', LOCK_TAS], ['ticket', LOCK_TICKET]] as const)('holder, %s', (_name, kind) => {
  beforeEach(() => { start(true, kind) })

  test('LK-2: unlocking by another CPU than the holder is a BUG, by the holder it is not', () => {
    spinLock(at.a)
    onCpu(1, () => { expect(() => { spinUnlock(at.a) }).toThrow('BUG: LK-2: a lock is released by another CPU') })
    spinUnlock(at.a)
  })

  test('LK-2: unlocking a free lock is a BUG', () => {
    expect(() => { spinUnlock(at.a) }).toThrow('LK-2')
  })

  test('LK-2: reader/writer locks are released by who took them, as they were taken', () => {
    readLock(at.rw)
    onCpu(1, () => { expect(() => { readUnlock(at.rw) }).toThrow('BUG: LK-2: a lock is released that this CPU does not hold') })
    expect(() => { writeUnlock(at.rw) }).toThrow('LK-2')
    readUnlock(at.rw)
    writeLock(at.rw)
    onCpu(1, () => { expect(() => { writeUnlock(at.rw) }).toThrow('LK-2') })
    writeUnlock(at.rw)
  })

  test('LK-2: a recursive lock is released by its owner', () => {
    spinLockRecursive(at.a)
    onCpu(1, () => { expect(() => { spinUnlockRecursive(at.a) }).toThrow('LK-2') })
    spinUnlockRecursive(at.a)
  })
})

describe('IF', () => {
  const mixed = /BUG: LK-2: a lock is taken with IF = . here, with IF = . before/

  test('LK-2 (5f2df45ead, XSA-467): a lock taken with IF = 1 and then with IF = 0 is a BUG', () => {
    spinLock(at.a)
    spinUnlock(at.a)
    withIrqsOff(() => { expect(() => { spinLock(at.a) }).toThrow(mixed) })
  })

  test('LK-2: a lock taken with IF = 0 and then with IF = 1 is a BUG, also by another CPU', () => {
    spinUnlockIrqrestore(at.a, spinLockIrqsave(at.a))
    onCpu(1, () => { expect(() => { spinLock(at.a) }).toThrow(mixed) })
  })

  test('LK-2: the same lock always with IF = 0, in whatever form, is right', () => {
    spinLockIrq(at.a)
    spinUnlockIrq(at.a)
    spinUnlockIrqrestore(at.a, spinLockIrqsave(at.a))
    withIrqsOff(() => {
      spinLock(at.a)
      spinUnlock(at.a)
    })
    expect(locksHeld(0 as CpuId)).toBe(0)
  })

  test('LK-2: IF is a matter of the lock, not of its class', () => {
    spinLock(at.low)
    spinUnlock(at.low)
    withIrqsOff(() => {
      spinLock(at.high)
      spinUnlock(at.high)
    })
    expect(irqsEnabled()).toBe(true)
  })

  test('LK-2: a try with IF = 0 never waits and fits any lock; a try with IF = 1 of an IRQ-safe lock is a BUG', () => {
    spinLock(at.a)
    spinUnlock(at.a)
    withIrqsOff(() => {
      expect(spinTrylock(at.a)).toBe(true)
      spinUnlock(at.a)
    })
    spinUnlockIrqrestore(at.b, spinLockIrqsave(at.b))
    expect(() => { spinTrylock(at.b) }).toThrow(mixed)
  })

  test('LK-2: a lock taken with IF = 1 in an interrupt handler is a BUG, with IF = 0 it is not', () => {
    setInterruptEntry(countInInterrupt)
    raiseVector(0, 0x40)
    expect(locksHeld(0 as CpuId)).toBe(0)
    setInterruptEntry(lockInInterrupt)
    expect(() => { raiseVector(0, 0x40) }).toThrow('BUG: LK-2: a lock is taken with IF = 1 in an interrupt handler')
  })

  test('LK-2: a barrier with IF = 0 on an IRQ-unsafe lock is a BUG, with IF = 1 it fits any lock', () => {
    spinLock(at.a)
    spinUnlock(at.a)
    withIrqsOff(() => { expect(() => { spinBarrier(at.a) }).toThrow('BUG: LK-2: a barrier with IF = 0') })
    spinUnlockIrqrestore(at.b, spinLockIrqsave(at.b))
    spinBarrier(at.b)
    spinBarrier(at.a)
  })
})

describe('self-deadlock', () => {
  test('LK-2: taking a lock that this CPU holds is a BUG, trying it is not', () => {
    spinLock(at.a)
    expect(() => { spinLock(at.a) }).toThrow('BUG: LK-2: self-deadlock on test A; CPU 0 held test A')
    expect(() => { spinBarrier(at.a) }).toThrow('self-deadlock')
    expect(spinTrylock(at.a)).toBe(false)
  })

  test('LK-2: the recursive form may take its own lock again, the plain form may not', () => {
    spinLockRecursive(at.a)
    spinLockRecursive(at.a)
    expect(() => { spinLock(at.a) }).toThrow('self-deadlock')
  })

  test('LK-2: reading twice is a BUG, for a writer may wait between the two; a try does not wait', () => {
    readLock(at.rw)
    expect(readTrylock(at.rw)).toBe(true)
    readUnlock(at.rw)
    expect(() => { readLock(at.rw) }).toThrow('self-deadlock')
    expect(() => { writeLock(at.rw) }).toThrow('self-deadlock')
  })
})

describe('order of classes', () => {
  test('LK-2: B inside A and then A inside B is a BUG that names both sides', () => {
    onCpu(1, () => { nest(at.a, at.b) })
    spinLock(at.b)
    expect(() => { spinLock(at.a) }).toThrow(
      'BUG: LK-2: lock order: test A inside test B; CPU 0 held test B; before: test B inside test A (CPU 1 held test A)')
  })

  test('LK-2: the same order again and again is right, whatever the order of release', () => {
    nest(at.a, at.b)
    together(at.a, at.b)
    onCpu(1, () => { nest(at.a, at.b) })
    expect(locksHeld(0 as CpuId)).toBe(0)
  })

  test('LK-2: a cycle of three that no CPU ever closed alone is a BUG, and its way is told', () => {
    onCpu(1, () => { nest(at.a, at.b) })
    onCpu(2, () => { nest(at.b, at.c) })
    spinLock(at.c)
    expect(() => { spinLock(at.a) }).toThrow(
      'before: test B inside test A (CPU 1 held test A), then test C inside test B (CPU 2 held test B)')
  })

  test('LK-2: three in order are right', () => {
    onCpu(1, () => { nest(at.a, at.b) })
    onCpu(2, () => { nest(at.b, at.c) })
    nest(at.a, at.c)
    expect(locksHeld(0 as CpuId)).toBe(0)
  })

  test('LK-2: every lock that is held counts, not only the innermost', () => {
    spinLock(at.a)
    expect(spinTrylock(at.b)).toBe(true)
    nest(at.low, at.c)
    spinUnlock(at.b)
    spinUnlock(at.a)
    spinLock(at.low)
    expect(() => { spinLock(at.a) }).toThrow('test pair inside test A (CPU 0 held test A, test B)')
  })

  test('LK-2: a lock that is released no longer counts', () => {
    spinLock(at.a)
    expect(spinTrylock(at.b)).toBe(true)
    spinUnlock(at.a)
    spinLock(at.c)
    spinUnlock(at.c)
    spinUnlock(at.b)
    nest(at.c, at.a)
    spinLock(at.c)
    expect(() => { spinLock(at.b) }).toThrow('before: test C inside test B (CPU 0 held test B)')
  })

  test('LK-2: a try adds no order; what is taken inside it does', () => {
    spinLock(at.a)
    expect(spinTrylock(at.b)).toBe(true)
    spinUnlock(at.b)
    spinUnlock(at.a)
    expect(spinTrylock(at.b)).toBe(true)
    spinLock(at.a)
    spinUnlock(at.a)
    spinUnlock(at.b)
    spinLock(at.a)
    expect(() => { spinLock(at.b) }).toThrow('lock order')
  })

  test('LK-2: readers and writers are ordered like locks', () => {
    readLock(at.rw)
    spinLock(at.a)
    spinUnlock(at.a)
    readUnlock(at.rw)
    spinLock(at.a)
    expect(() => { readLock(at.rw) }).toThrow('lock order')
  })

  test('LK-4: two of one class are a BUG, unless the class has an order by address and they are taken in it', () => {
    nest(at.low, at.high)
    spinLock(at.high)
    expect(() => { spinLock(at.low) }).toThrow('BUG: LK-4: two locks of class test pair against the order of address')
    start(true)
    spinLock(at.c)
    expect(() => { readLock(at.rw) }).toThrow('BUG: LK-2: two locks of class test C together')
  })

  test('LK-4: a declared order holds before any lock was taken', () => {
    declareLockOrder([classA, classB, classC])
    nest(at.a, at.c)
    spinLock(at.c)
    expect(() => { spinLock(at.a) }).toThrow(
      'before: test B inside test A (declared), then test C inside test B (declared)')
  })

  test('LK-4: a declared order that contradicts itself is a BUG', () => {
    expect(() => { declareLockOrder([classA, classB, classA]) }).toThrow('lock order')
  })

  test('LK-4: classes of one group are never held together, either way; each fits between its neighbours', () => {
    declareLockOrder([classA, [classB, classC], pairClass])
    nest(at.a, at.b)
    nest(at.c, at.low)
    nest(at.a, at.low)
    spinLock(at.b)
    expect(() => { spinLock(at.c) }).toThrow('BUG: LK-4: test C inside test B: declared never to be; CPU 0 held test B')
    spinUnlock(at.b)
    spinLock(at.c)
    expect(() => { spinLock(at.b) }).toThrow('BUG: LK-4: test B inside test C')
  })
})

describe('LK-5: waiting is a lock edge', () => {
  test('LK-5: waiting for code that takes a lock, with that lock held, is a BUG', () => {
    spinLock(at.a)
    expect(() => { mightWaitFor(classB, classA) }).toThrow('BUG: LK-5: a wait for test A inside it; CPU 0 held test A')
    spinUnlock(at.a)
    mightWaitFor(classB, classA)
  })

  test('LK-5: the way may lead through other locks', () => {
    onCpu(1, () => { nest(at.b, at.a) })
    spinLock(at.a)
    expect(() => { mightWaitFor(classB) }).toThrow('lock order: test B inside test A')
  })

  test('LK-5: code that was seen to take a lock must not be waited for under it', () => {
    beginAwaited(timerFunction)
    spinLock(at.a)
    spinUnlock(at.a)
    endAwaited(timerFunction)
    spinLock(at.b)
    mightWaitFor(timerFunction)
    spinUnlock(at.b)
    spinLock(at.a)
    expect(() => { mightWaitFor(timerFunction) }).toThrow(
      'BUG: LK-2: lock order: test timer function inside test A; CPU 0 held test A; ' +
      'before: test A inside test timer function (CPU 0 held test timer function)')
  })

  test('LK-5: code that was waited for under a lock must not take it', () => {
    spinLock(at.a)
    mightWaitFor(timerFunction)
    spinUnlock(at.a)
    onCpu(1, () => {
      beginAwaited(timerFunction)
      nest(at.b, at.c)
      expect(() => { spinLock(at.a) }).toThrow('lock order: test A inside test timer function')
    })
  })

  test('LK-5: awaited code that waits for itself is a BUG', () => {
    beginAwaited(timerFunction)
    expect(() => { mightWaitFor(timerFunction) }).toThrow('BUG: LK-5')
    endAwaited(timerFunction)
    expect(() => { endAwaited(timerFunction) }).toThrow('BUG: LK-5: endAwaited without beginAwaited')
  })
})

describe('I7: at rest', () => {
  test('I7: a lock held where none may be is a BUG, and a CPU tells how many it holds', () => {
    beginAwaited(timerFunction)
    assertNoLocksHeld()
    spinLock(at.a)
    readLock(at.rw)
    expect([0, 1].map((cpu) => locksHeld(cpu as CpuId))).toEqual([2, 0])
    expect(() => { assertNoLocksHeld() }).toThrow('BUG: I7: locks are held where none may be; CPU 0 held')
    onCpu(1, () => { assertNoLocksHeld() })
    readUnlock(at.rw)
    spinUnlock(at.a)
    assertNoLocksHeld()
    expect(locksHeld(0 as CpuId)).toBe(0)
  })
})

describe('who is checked', () => {
  const wrong = (): void => {
    nest(at.a, at.b)
    nest(at.b, at.a)
    withIrqsOff(() => { nest(at.a, at.c) })
    spinLock(at.a)
    onCpu(1, () => { spinUnlock(at.a) })
    mightWaitFor(classA)
    beginAwaited(timerFunction)
    declareLockOrder([classA, classA])
    assertNoLocksHeld()
  }

  test.each([
    ['without debug checks', () => { start(false) }],
    ['with lock checks off', () => { start(true, LOCK_TAS, false) }],
  ])('LK-2: %s nothing of it is looked for', (_name, prepare) => {
    prepare()
    wrong()
    expect(locksHeld(0 as CpuId)).toBe(0)
  })

  test('LK-2: with them the same program is a BUG', () => {
    expect(wrong).toThrow('LK-2')
  })

  test('a thread that is no CPU has no stack of locks, and is checked for the rest', () => {
    onCpu(NO_CPU, () => {
      spinUnlockIrqrestore(at.a, spinLockIrqsave(at.a))
      expect(() => { spinUnlock(at.a) }).toThrow('LK-2')
      assertNoLocksHeld()
    })
  })
})
