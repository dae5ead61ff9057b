// SPDX-License-Identifier: MIT
import type { DomId } from '@bottomhalf/base'
import { DOMAIN_HVM, domainCreate } from '@bottomhalf/domain'
import { formatMemory, irqEnable, load, setCurrentCpu, store } from '@bottomhalf/machine'
import { stressThreads } from '@bottomhalf/testkit'
import { expect, test } from 'vitest'
import { bringUp, Ring, run, setupMachine, VCPUS } from './migrate.threads.js'

const TOKENS = 3
const sum = (field: number): number =>
  Array.from({ length: VCPUS }, (_, n) => load(Ring.base + field + n)).reduce((total, each) => total + each)

test('SCH-2, X1, V1: 7 vCPUs that sleep, wake and move between 3 pCPUs lose no token, and none runs twice at once',
  async () => {
    const total = 20_000
    expect(run).toBeTypeOf('function')
    formatMemory({ cpus: 3, debug: true })
    setCurrentCpu(0)
    setupMachine(3)
    setCurrentCpu(0)
    irqEnable()
    const d = domainCreate({ domId: 1 as DomId, kind: DOMAIN_HVM, vcpus: VCPUS, nrPirqs: 1 })
    for (let n = 0; n < TOKENS; n++) store(Ring.base + Ring.tokens + 2 * n, 1)
    bringUp(d, VCPUS)
    const { failures } = await stressThreads({
      threads: 3, module: new URL('./migrate.threads.ts', import.meta.url), export: 'run', args: [total],
    })
    expect(failures).toEqual([])
    expect(load(Ring.base + Ring.passed)).toBeGreaterThanOrEqual(total)
    expect([sum(Ring.tokens), sum(Ring.rounds)]).toEqual([TOKENS, load(Ring.base + Ring.passed)])
    expect(load(Ring.base + Ring.twice)).toBe(0)
    expect(load(Ring.base + Ring.moves)).toBeGreaterThan(VCPUS)
  })
