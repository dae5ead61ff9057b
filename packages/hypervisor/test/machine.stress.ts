// SPDX-License-Identifier: MIT
// The whole machine on real threads, with every device interrupting all the time: bounded, every run ends.
import { formatMemory, setCurrentCpu } from '@bottomhalf/machine'
import { onNoCpu, stressThreads } from '@bottomhalf/testkit'
import { expect, test } from 'vitest'
import { boot, type StressReport, type Work } from './machine.threads.js'

const CPUS = 3

async function stress(work: Work, rounds: number, forget = false): Promise<StressReport | undefined> {
  formatMemory({ cpus: CPUS, debug: true })
  setCurrentCpu(0)
  boot()
  const { failures, results } = await onNoCpu(() => stressThreads({
    threads: CPUS + 2, module: new URL('./machine.threads.ts', import.meta.url), export: 'run', asCpus: false,
    args: [CPUS, work, rounds, forget], timeoutMs: 100_000,
  }))
  expect(failures).toEqual([])
  return results[CPUS] as StressReport | undefined
}

const clean = { lost: 0, faults: [], leaked: 0 }

test('DOM-4, DOM-6, I11: 24 domains created and killed under fire leave nothing', async () => {
  expect(await stress('kill', 24)).toMatchObject(clean)
}, 300_000)

test('CPU-4, IRQ-8, DP-13, I1: 2 of 3 CPUs taken down and up 16 times under fire lose nothing', async () => {
  expect(await stress('hotplug', 16)).toMatchObject(clean)
}, 300_000)

test('SCH-2, DP-10, I1: 8 vCPUs moved over 3 CPUs 96 times under fire lose nothing', async () => {
  expect(await stress('affinity', 96)).toMatchObject(clean)
}, 300_000)

test('PCI-2, IRQ-9, I1, I11: 4 devices pulled out and plugged in again 32 times under fire lose and leave nothing', async () => {
  expect(await stress('remove', 32)).toMatchObject(clean)
}, 300_000)

test('twin: one message that was counted and not sent is found lost', async () => {
  expect(await stress('affinity', 4, true)).toMatchObject({ lost: 1 })
}, 300_000)
