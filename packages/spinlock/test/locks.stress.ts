// SPDX-License-Identifier: MIT
/** Real threads: more of them than cores, so that holders lose their core while others wait. */
import { formatMemory } from '@bottomhalf/machine'
import { stressThreads } from '@bottomhalf/testkit'
import type { StressResult } from '@bottomhalf/testkit'
import { describe, expect, test } from 'vitest'
import { LOCK_TAS, LOCK_TICKET, PROFILE_WAITS, rwIsLocked, spinIsLocked, spinLockProfile } from '../src/index.js'
import type { LockKind, SpinlockOptions } from '../src/index.js'
import type { Form } from './locks.model.js'
import { makeLocks, places } from './locks.model.js'
import { counted } from './locks.threads.js'

const THREADS = 4
const module = new URL('./locks.threads.ts', import.meta.url)

interface Setup { readonly kind?: LockKind, readonly debug?: boolean, readonly options?: SpinlockOptions }

function start({ kind = LOCK_TAS, debug = false, options = {} }: Setup): void {
  formatMemory({ cpus: THREADS, debug })
  makeLocks(kind, options)
}

async function count(forms: readonly Form[], times: number, irqsOn: boolean): Promise<void> {
  const { failures } = await stressThreads({ threads: THREADS, module, export: 'count', args: [forms, times, irqsOn] })
  expect(failures).toEqual([])
  const at = places()
  expect([spinIsLocked(at.a), rwIsLocked(at.rw)]).toEqual([false, false])
}

describe('S1: a plain counter is exact under a lock', () => {
  // a ticket that waits for a thread without a core costs a time slice, so tickets count less far
  const kinds = [['test-and-set', LOCK_TAS, 40_000], ['ticket', LOCK_TICKET, 1_500]] as const

  test.each(kinds)('S1: %s: plain and recursive forms', async (_name, kind, times) => {
    start({ kind })
    await count(['lock', 'recursive'], times, false)
    expect(counted()).toBe(2 * THREADS * times)
  })

  test.each(kinds)('S1: %s: tries', async (_name, kind, times) => {
    start({ kind })
    await count(['trylock', 'recursiveTry'], times, false)
    expect(counted()).toBe(2 * THREADS * times)
  })

  test.each(kinds)('S1: %s: irq forms', async (_name, kind, times) => {
    start({ kind })
    await count(['irq', 'irqsave'], times, true)
    expect(counted()).toBe(2 * THREADS * times)
  })

  test.each(kinds)('S1: %s: with checks and profile, and every acquisition is in the profile', async (_name, kind) => {
    const times = 1_000
    start({ kind, debug: true, options: { profile: PROFILE_WAITS } })
    await count(['lock', 'recursive', 'trylock'], times, true)
    const { acquisitions, contended } = spinLockProfile(places().a)
    expect([counted(), acquisitions]).toEqual([3 * THREADS * times, 3 * THREADS * times])
    expect(contended).toBeLessThanOrEqual(acquisitions)
  })

  test('RW2: writers', async () => {
    start({})
    await count(['write', 'writeTrylock'], 20_000, false)
    expect(counted()).toBe(2 * THREADS * 20_000)
  })
})

describe('the checks above can see: without exclusion counts are lost', () => {
  /** Count until one was lost; how many rounds that took at most is bounded. */
  const loses = async (form: Form): Promise<boolean> => {
    start({})
    for (let rounds = 1; rounds <= 20; rounds++) {
      await count([form], 300_000, false)
      if (counted() < rounds * THREADS * 300_000) return true
    }
    return false
  }

  test('S1: no lock loses counts', async () => { expect(await loses('none')).toBe(true) })

  test('RW2: a lock that is only read loses counts', async () => { expect(await loses('readTrylock')).toBe(true) })
})

describe('RW1: two words that writers keep equal', () => {
  const tornReads = async (times: number, locked: boolean): Promise<number> => {
    start({})
    const { results, failures }: StressResult =
      await stressThreads({ threads: THREADS, module, export: 'readOrWrite', args: [times, locked] })
    expect(failures).toEqual([])
    return (results as number[]).reduce((sum, torn) => sum + torn, 0)
  }

  test('RW1: no reader sees half a write', async () => { expect(await tornReads(20_000, true)).toBe(0) })

  test('RW1: readers without the lock do', async () => {
    let torn = 0
    for (let rounds = 0; torn === 0 && rounds < 20; rounds++) torn = await tornReads(200_000, false)
    expect(torn).toBeGreaterThan(0)
  })
})
