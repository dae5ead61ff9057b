// SPDX-License-Identifier: MIT
/** Real threads on one record, bounded. Never the only evidence: see the stepped tests. */
import { domainReferences } from '@bottomhalf/domain'
import { load } from '@bottomhalf/machine'
import { stressThreads } from '@bottomhalf/testkit'
import { beforeEach, expect, test } from 'vitest'
import { dpciDomain, HvmPirqDpci } from '../src/index.js'
import { boot, heap, settle } from './boot.js'
import { createFire } from './fire.model.js'
import { Fire } from './fire.threads.js'

const CPUS = 4
const LAST = CPUS - 1

export function stressSuite(conditions: readonly string[]): void {
  let dpci = 0
  let before: number[] = []
  const run = (name: string, times: number) => stressThreads({
    threads: CPUS, module: new URL('./fire.threads.ts', import.meta.url), export: name, args: [dpci, times, LAST], conditions,
  })
  const atRest = () => {
    settle(CPUS)
    expect(load(dpci + HvmPirqDpci.state)).toBe(0)
    expect(domainReferences(dpciDomain(dpci))).toBe(1)
    expect(heap()).toEqual(before)
  }

  beforeEach(() => {
    boot(CPUS)
    dpci = createFire()
    settle(CPUS)
    before = heap()
  })

  test('I1: arrivals spread over three CPUs are all seen by the guest', async () => {
    const { results, failures } = await run('spread', 1000)
    expect(failures).toEqual([])
    expect(results[LAST]).toBe(load(Fire.base + Fire.seen))
    expect(results.slice(0, LAST).reduce((sum: number, n) => sum + Number(n), 0)).toBeGreaterThan(0)
    atRest()
  }, 120_000)

  test('I2 to I6: two hundred unbinds and binds under fire end, and leave nothing behind', async () => {
    const { results, failures } = await run('rebinding', 200)
    expect(failures).toEqual([])
    expect(results[0]).toBe(200)
    expect(Number(results[LAST])).toBeGreaterThan(0)
    atRest()
  }, 120_000)
}
