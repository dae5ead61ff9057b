// SPDX-License-Identifier: MIT
import { formatMemory, setCurrentCpu } from '@bottomhalf/machine'
import { onNoCpu, stressThreads } from '@bottomhalf/testkit'
import { expect, test } from 'vitest'
import { boot, PIRQS } from './many.threads.js'

const DOMAINS = 10_000

const name = `I11, DOM-2: ${DOMAINS} domains created and killed leave the heap where it was; one can have ${PIRQS} bound pIRQs`

test(name, async () => {
  formatMemory({ cpus: 2, debug: false })
  setCurrentCpu(0)
  boot()
  const { failures, results } = await onNoCpu(() => stressThreads({
    threads: 3, module: new URL('./many.threads.ts', import.meta.url), export: 'run', asCpus: false, args: [2, DOMAINS],
    timeoutMs: 250_000,
  }))
  expect(failures).toEqual([])
  expect(results[2]).toEqual({ words: 0, blocks: 0, faults: [], bound: PIRQS })
}, 300_000)
