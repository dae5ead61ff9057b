// SPDX-License-Identifier: MIT
import { NO_CPU } from '@bottomhalf/machine'
import { Op } from '@bottomhalf/machine/engine'
import { exhaustive, lockstep, random, roundRobin, sample } from '@bottomhalf/testkit/lockstep'
import type { Exploration, InterruptPolicy, Lockstep } from '@bottomhalf/testkit/lockstep'
import { describe, expect, test } from 'vitest'
import {
  LOCK_TAS, LOCK_TICKET, PROFILE_HOLDS, PROFILE_WAITS, readLock, readTrylock, readUnlock, rwLockProfile, spinBarrier,
  spinIsLocked, SpinLock, spinLock, spinLockIrqsave, spinLockProfile, spinLockRecursive, spinTrylock, spinUnlock,
  spinUnlockIrqrestore, spinUnlockRecursive, writeLock, writeUnlock,
} from '../src/index.js'
import type { LockKind, SpinlockOptions } from '../src/index.js'
import {
  countInInterrupt, countWith, countWithIf, holdUntilFlag, interrupt, makeLocks, nest, places, readBoth, setFlag,
  writeBoth,
} from './locks.model.js'
import type { Form, Places } from './locks.model.js'

interface Setup {
  readonly cpus?: number
  readonly kind?: LockKind
  readonly debug?: boolean
  readonly interrupts?: InterruptPolicy
  readonly entry?: typeof setFlag
  readonly nsPerStep?: number
  readonly options?: SpinlockOptions
}

function start(setup: Setup): { m: Lockstep, at: Places } {
  const { cpus = 2, kind = LOCK_TAS, debug = false, interrupts = 'immediate', entry, nsPerStep = 0, options = {} } = setup
  const m = lockstep({
    cpus, debug, interrupts, nsPerStep, log: true, ...entry === undefined ? {} : { interruptEntry: entry },
  })
  m.call(0, () => makeLocks(kind, options))
  m.resetCounts()
  return { m, at: places() }
}

const kinds = [['test-and-set', LOCK_TAS], ['ticket', LOCK_TICKET]] as const
const clean = { complete: true, failure: undefined }
const valueOf = (m: Lockstep, address: number): number => m.memory[address] ?? 0

describe('accesses per operation, uncontended', () => {
  test('test-and-set: lock 1 ld, 1 cmpxchg; unlock 1 ld, 1 store; try as lock', () => {
    const { m, at } = start({})
    expect(m.countsOf(0, () => spinLock(at.a))).toEqual({ ld: 1, cmpxchg: 1 })
    expect(m.countsOf(0, () => spinUnlock(at.a))).toEqual({ ld: 1, store: 1 })
    expect(m.countsOf(0, () => spinTrylock(at.a))).toEqual({ ld: 1, cmpxchg: 1 })
    expect(m.countsOf(1, () => spinTrylock(at.a))).toEqual({ ld: 1, cmpxchg: 1 })
  })

  test('irqsave adds one operation to each', () => {
    const { m, at } = start({})
    expect(m.countsOf(0, () => spinLockIrqsave(at.a))).toEqual({ irqSave: 1, ld: 1, cmpxchg: 1 })
    expect(m.countsOf(0, () => spinUnlockIrqrestore(at.a, 0))).toEqual({ ld: 1, store: 1, irqRestore: 1 })
  })

  test('ticket: lock 1 ld, 1 fetchAdd, 1 look; unlock 1 ld, 1 load, 1 store', () => {
    const { m, at } = start({ kind: LOCK_TICKET })
    expect(m.countsOf(0, () => spinLock(at.a))).toEqual({ ld: 1, fetchAdd: 1, awaitWord: 1 })
    expect(m.countsOf(0, () => spinUnlock(at.a))).toEqual({ ld: 1, load: 1, store: 1 })
    expect(m.countsOf(0, () => spinTrylock(at.a))).toEqual({ ld: 1, load: 1, cmpxchg: 1 })
  })

  test('recursive: the second taking by the owner is no atomic but one look', () => {
    const { m, at } = start({})
    expect(m.countsOf(0, () => spinLockRecursive(at.a))).toEqual({ load: 1, ld: 2, cmpxchg: 1, store: 1, st: 1 })
    expect(m.countsOf(0, () => spinLockRecursive(at.a))).toEqual({ load: 1, ld: 1, st: 1 })
    expect(m.countsOf(0, () => spinUnlockRecursive(at.a))).toEqual({ ld: 1, st: 1 })
  })

  test('reader/writer: one atomic to take, one to release', () => {
    const { m, at } = start({})
    expect(m.countsOf(0, () => readLock(at.rw))).toEqual({ ld: 1, fetchAdd: 1 })
    expect(m.countsOf(0, () => readUnlock(at.rw))).toEqual({ ld: 1, fetchAdd: 1 })
    expect(m.countsOf(0, () => writeLock(at.rw))).toEqual({ ld: 1, cmpxchg: 1 })
    expect(m.countsOf(0, () => writeUnlock(at.rw))).toEqual({ ld: 1, fetchAdd: 1 })
  })
})

describe('S1: one at a time, in every schedule', () => {
  /** Every CPU counts once under the lock; the count must be exact. */
  const counting = (cpus: number, kind: LockKind, form: Form, preemptions?: number): Exploration => {
    const { m, at } = start({ cpus, kind })
    return exhaustive(m, () => {
      for (let cpu = 0; cpu < cpus; cpu++) m.spawn(cpu, () => countWith(form, 1))
    }, () => { expect(valueOf(m, at.counter)).toBe(cpus) }, {
      accept: ['finished'], ...preemptions === undefined ? {} : { preemptions },
    })
  }

  test.each(kinds)('S1: %s: two CPUs lose no count in any schedule', (_name, kind) => {
    expect(counting(2, kind, 'lock')).toMatchObject(clean)
    expect(counting(2, kind, 'irqsave', 3)).toMatchObject(clean)
    expect(counting(2, kind, 'recursive', 3)).toMatchObject(clean)
  })

  test.each(kinds)('S1: %s: three CPUs lose no count in any schedule of two preemptions', (_name, kind) => {
    expect(counting(3, kind, 'lock', 2)).toMatchObject(clean)
  })

  test('S1: without the lock a count is lost', () => {
    expect(counting(2, LOCK_TAS, 'none').failure).toBeDefined()
  })

  test('RW2: two writers lose no count in any schedule; two readers who count do', () => {
    expect(counting(2, LOCK_TAS, 'write')).toMatchObject(clean)
    expect(counting(2, LOCK_TAS, 'readTrylock', 2).failure).toBeDefined()
  })

  const besideWriter = (locked: boolean, readers: number, preemptions: number): Exploration => {
    const { m } = start({ cpus: 1 + readers })
    return exhaustive(m, () => {
      m.spawn(0, () => writeBoth(1))
      for (let cpu = 1; cpu <= readers; cpu++) m.spawn(cpu, () => readBoth(locked), 'reader')
    }, () => { expect(m.call(0, () => readBoth(false))).toBe(false) }, { accept: ['finished'], preemptions })
  }

  test('RW1: the lock comes to rest beside a writer and readers, in any schedule of two preemptions', () => {
    expect(besideWriter(true, 2, 2)).toMatchObject(clean)
  })

  test('RW1: a reader sees a writer\'s change whole or not at all; without the lock it sees half', () => {
    const torn = (locked: boolean): Exploration => {
      const { m } = start({ cpus: 2 })
      const tasks: { value: unknown }[] = []
      return exhaustive(m, () => {
        m.spawn(0, () => writeBoth(1))
        tasks[0] = m.spawn(1, () => readBoth(locked))
      }, () => { expect(tasks[0]?.value).toBe(false) }, { accept: ['finished'] })
    }
    expect(torn(true)).toMatchObject(clean)
    expect(torn(false).failure).toBeDefined()
  })
})

describe('waiting', () => {
  test('RW2: while a writer waits no new reader comes in; when the last reader leaves the writer goes on', () => {
    const { m, at } = start({ cpus: 4 })
    m.call(0, () => readLock(at.rw))
    expect(m.call(3, () => readTrylock(at.rw))).toBe(true)
    m.call(3, () => readUnlock(at.rw))
    const writers = [m.spawn(1, () => writeLock(at.rw)), m.spawn(2, () => writeLock(at.rw))]
    expect(m.run(roundRobin()).verdict).toBe('hang')
    expect(m.call(3, () => readTrylock(at.rw))).toBe(false)
    m.call(0, () => readUnlock(at.rw))
    expect(m.run(roundRobin()).verdict).toBe('hang')
    expect(writers.filter(({ done }) => done)).toHaveLength(1)
    expect(m.call(3, () => readTrylock(at.rw))).toBe(false)
    m.call(0, () => writeUnlock(at.rw))
    expect(m.run(roundRobin()).verdict).toBe('finished')
    m.call(0, () => writeUnlock(at.rw))
    expect(m.call(3, () => readTrylock(at.rw))).toBe(true)
  })

  test.each(kinds)('%s: a barrier waits for who holds the lock now', (_name, kind) => {
    const { m, at } = start({ kind })
    m.call(0, () => spinLock(at.a))
    m.spawn(1, () => spinBarrier(at.a))
    expect(m.run(roundRobin()).verdict).toBe('hang')
    m.call(0, () => spinUnlock(at.a))
    expect(m.run(roundRobin()).verdict).toBe('finished')
  })

  test('a barrier on a ticket lock does not wait for those who took it later', () => {
    const { m, at } = start({ cpus: 3, kind: LOCK_TICKET })
    m.call(0, () => spinLock(at.a))
    m.spawn(1, () => spinBarrier(at.a))
    m.run(roundRobin())
    m.spawn(2, () => spinLock(at.a))
    m.run(roundRobin())
    m.call(0, () => spinUnlock(at.a))
    expect(m.run(roundRobin()).verdict).toBe('finished')
    expect(m.call(0, () => spinIsLocked(at.a))).toBe(true)
  })

  test('S2: tickets go on behind the largest number', () => {
    const { m, at } = start({ kind: LOCK_TICKET })
    m.memory[at.a + SpinLock.state] = 0x7fffffff
    m.memory[at.a + SpinLock.serving] = 0x7fffffff
    for (const cpu of [0, 1]) m.spawn(cpu, () => countWith('lock', 2))
    expect(m.run(roundRobin()).verdict).toBe('finished')
    expect(m.call(0, () => spinTrylock(at.a))).toBe(true)
    expect([valueOf(m, at.counter), valueOf(m, at.a + SpinLock.serving)]).toEqual([4, -0x7ffffffd])
  })
})

describe('S2: fairness', () => {
  /** Whether CPUs counted in the order of their first operation on the lock word. */
  const inOrder = (kind: LockKind): Exploration => {
    const { m, at } = start({ cpus: 3, kind })
    return sample(m, () => {
      m.resetCounts()
      for (const cpu of [0, 1, 2]) m.spawn(cpu, () => countWith('lock', 1))
    }, () => {
      const drawing: readonly number[] = [Op.FetchAdd, Op.Cmpxchg]
      const came = m.log.filter(({ op, a }) => a === at.a && drawing.includes(op)).map(({ cpu }) => cpu)
      const served = m.log.filter(({ op, a }) => a === at.counter && op === Op.St).map(({ cpu }) => cpu)
      expect(served).toEqual([...new Set(came)])
    }, { runs: 300, seed: 11 })
  }

  test('S2: a ticket lock serves in the order of the tickets; test-and-set does not', () => {
    expect(inOrder(LOCK_TICKET)).toMatchObject(clean)
    expect(inOrder(LOCK_TAS).failure).toBeDefined()
  })

  test('S3: a try that fails leaves the queue as it was', () => {
    const { m, at } = start({ kind: LOCK_TICKET })
    m.call(0, () => spinLock(at.a))
    const before = valueOf(m, at.a)
    expect(m.call(1, () => spinTrylock(at.a))).toBe(false)
    expect(valueOf(m, at.a)).toBe(before)
  })
})

describe('LK-6: interrupts while waiting', () => {
  /** CPU 0 holds the lock until an interrupt on CPU 1, which waits for the lock, has come. */
  const verdict = (kind: LockKind, form: Form, irqsOn: boolean, debug: boolean): string => {
    const { m } = start({ kind, entry: setFlag, debug })
    m.spawn(0, () => holdUntilFlag())
    for (let steps = 0; m.choices().length > 0 && steps < 200; steps++) m.step(m.choices()[0] ?? 0)
    m.spawn(1, () => countWithIf(irqsOn, form))
    m.run(roundRobin())
    m.call(NO_CPU, () => interrupt(1))
    return m.run(roundRobin()).verdict
  }

  test.each([['without', false], ['with', true]])('LK-6: %s checks: the unfair irq forms take interrupts while they wait', (_n, debug) => {
    expect(verdict(LOCK_TAS, 'irq', true, debug)).toBe('finished')
    expect(verdict(LOCK_TAS, 'irqsave', true, debug)).toBe('finished')
  })

  test('LK-6: they do not if IF was off', () => {
    expect(verdict(LOCK_TAS, 'irqsave', false, false)).toBe('hang')
  })

  test('LK-6: ticket forms do not', () => {
    expect(verdict(LOCK_TICKET, 'irq', true, false)).toBe('hang')
    expect(verdict(LOCK_TICKET, 'irqsave', true, false)).toBe('hang')
  })

  test.each(kinds)('LD2: %s: an interrupt taken in the wait for a lock may take it first: no false alarm', (_name, kind) => {
    const { m, at } = start({ kind, entry: countInInterrupt, debug: true, interrupts: 'free' })
    m.call(NO_CPU, () => interrupt(0))
    const result = exhaustive(m, () => {
      m.spawn(0, () => countWithIf(true, 'irqsave'))
      m.spawn(1, () => countWithIf(true, 'irqsave'))
    }, () => { expect(valueOf(m, at.counter)).toBe(3) }, { accept: ['finished'], preemptions: 1 })
    expect(result).toMatchObject(clean)
  })

  test.each(kinds)('LK-6: %s: after the wait the lock is held with IF = 0, in every schedule of two preemptions', (_name, kind) => {
    const { m, at } = start({ kind, entry: countInInterrupt, interrupts: 'free' })
    m.call(NO_CPU, () => interrupt(0))
    for (const form of ['irq', 'irqsave'] as const) {
      const result = exhaustive(m, () => {
        m.spawn(0, () => countWithIf(true, form))
        m.spawn(1, () => countWithIf(true, form))
      }, () => { expect(valueOf(m, at.counter)).toBe(3) }, { accept: ['finished'], preemptions: 2 })
      expect(result).toMatchObject(clean)
    }
  })

  test.each(kinds)('I7: %s: an interrupt that takes a lock which its CPU holds with IF = 1 hangs; with IF = 0 it cannot', (_name, kind) => {
    const beside = (form: Form): Exploration => {
      const { m, at } = start({ cpus: 1, kind, entry: countInInterrupt, interrupts: 'free' })
      m.call(NO_CPU, () => interrupt(0))
      return exhaustive(m, () => { m.spawn(0, () => countWithIf(true, form)) }, () => {
        expect(valueOf(m, at.counter)).toBe(2)
      }, { accept: ['finished'] })
    }
    expect(beside('irqsave')).toMatchObject(clean)
    expect(beside('lock').failure?.reason).toContain('hang; CPU 0 waits for lockTest')
  })
})

describe('LD1: order, in every schedule', () => {
  const abba = (debug: boolean, accept: readonly ('bug' | 'finished' | 'hang')[]): Exploration => {
    const { m, at } = start({ debug })
    return exhaustive(m, () => {
      m.spawn(0, () => nest(at.a, at.b))
      m.spawn(1, () => nest(at.b, at.a))
    }, () => { /* the verdict decides */ }, { accept, preemptions: 2 })
  }

  test('LD1: two CPUs that take two locks in opposite order are a BUG in every schedule, whether they deadlock or not', () => {
    expect(abba(true, ['bug'])).toMatchObject(clean)
  })

  test('LD1: an order that is known is only looked at: its witness stays the first', () => {
    const { m, at } = start({ debug: true })
    const first = m.countsOf(0, () => nest(at.a, at.b))
    const second = m.countsOf(1, () => nest(at.a, at.b))
    expect([first['fetchOr'], second['fetchOr']]).toEqual([1, undefined])
    m.call(1, () => spinLock(at.b))
    expect(() => m.call(1, () => spinLock(at.a))).toThrow('before: test B inside test A (CPU 0 held test A)')
  })

  test('LD1: without checks most schedules go well, and one deadlocks', () => {
    expect(abba(false, ['finished']).failure?.reason).toContain('hang')
    expect(abba(false, ['hang']).failure?.reason).toContain('finished')
  })
})

describe('LK-3: profile, in virtual time', () => {
  const measured = (kind: LockKind, options: SpinlockOptions): { m: Lockstep, at: Places } => {
    const setup = start({ kind, options, nsPerStep: 10 })
    for (const cpu of [0, 1]) setup.m.spawn(cpu, () => countWith('lock', 20))
    expect(setup.m.run(random(5)).verdict).toBe('finished')
    return setup
  }

  test.each(kinds)('LK-3: %s: every acquisition is counted, contended ones are those that waited', (_name, kind) => {
    const { m, at } = measured(kind, { profile: PROFILE_WAITS })
    const profile = m.call(0, () => spinLockProfile(at.a))
    expect(profile.acquisitions).toBe(40)
    expect(profile.contended).toBeGreaterThan(0)
    expect(profile.contended).toBeLessThan(40)
    expect(profile.longestWaitNs).toBeGreaterThan(0)
    expect(profile.waitedNs).toBeGreaterThanOrEqual(profile.longestWaitNs)
    expect(profile.waitedNs).toBeLessThanOrEqual(profile.contended * profile.longestWaitNs)
    expect([profile.heldNs, profile.longestHeldNs]).toEqual([0, 0])
  })

  test.each(kinds)('LK-3: %s: hold times are those between taking and releasing', (_name, kind) => {
    const { m, at } = measured(kind, { profile: PROFILE_HOLDS })
    const profile = m.call(0, () => spinLockProfile(at.a))
    expect(profile.acquisitions).toBe(40)
    expect(profile.longestHeldNs).toBeGreaterThan(0)
    expect(profile.heldNs).toBeGreaterThanOrEqual(profile.longestHeldNs)
    expect(profile.heldNs).toBeLessThanOrEqual(m.nowNs())
  })

  test('LK-3: alone nothing waits, and each hold takes as many steps as the next', () => {
    const { m, at } = start({ options: { profile: PROFILE_HOLDS }, nsPerStep: 10 })
    m.call(0, () => countWith('lock', 5))
    const { acquisitions, contended, waitedNs, heldNs, longestHeldNs } = m.call(0, () => spinLockProfile(at.a))
    expect({ acquisitions, contended, waitedNs }).toEqual({ acquisitions: 5, contended: 0, waitedNs: 0 })
    expect(heldNs).toBe(5 * longestHeldNs)
  })

  test('LK-3: writers are profiled', () => {
    const { m, at } = start({ options: { profile: PROFILE_HOLDS }, nsPerStep: 10 })
    for (const cpu of [0, 1]) m.spawn(cpu, () => countWith('write', 20))
    expect(m.run(random(5)).verdict).toBe('finished')
    const { acquisitions, contended, waitedNs, heldNs, longestHeldNs } = m.call(0, () => rwLockProfile(at.rw))
    expect(longestHeldNs).toBeGreaterThanOrEqual(10)
    expect(heldNs).toBeGreaterThanOrEqual(40 * 10)
    expect(acquisitions).toBe(40)
    expect(contended).toBeGreaterThan(0)
    expect(waitedNs).toBeGreaterThanOrEqual(contended * 10)
  })

  test('LK-3: no profile, no words: all stay 0', () => {
    const { m, at } = measured(LOCK_TAS, {})
    const profile = m.call(0, () => spinLockProfile(at.a))
    expect(Object.values(profile)).toEqual([0, 0, 0, 0, 0, 0])
  })
})
