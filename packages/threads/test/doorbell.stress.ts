// SPDX-License-Identifier: MIT
import { createSharedMemory } from '@bottomhalf/machine/provide'
import { loadable } from '@bottomhalf/testkit'
import { expect, test } from 'vitest'
import { startMachine } from '../src/index.js'
import type { Sent } from './doorbell.threads.js'

async function sendTo(cpuMain: string, times: number): Promise<Sent> {
  const entry = await loadable(new URL('./doorbell.threads.ts', import.meta.url))
  const machine = startMachine({ cpus: 1, entry, cpuMain, memory: createSharedMemory(1 << 18) })
  const agent = await machine.startAgent({ module: entry, exportName: 'send', data: times })
  const sent = await agent.done as Sent
  await machine.stop()
  return sent
}

test('CPU-3, N1: of 100 000 vectors to a CPU that sleeps or falls asleep every one wakes it', async () => {
  const times = 100_000
  const sent = await sendTo('sleeps', times)
  expect(sent).toMatchObject({ answered: times, lost: false })
  expect(sent.asleep).toBeGreaterThan(times / 4)
}, 120_000)

test('twin: a CPU that looks before it sets its doorbell oversleeps', async () => {
  expect(await sendTo('sleepsCarelessly', 100_000)).toMatchObject({ lost: true })
}, 120_000)
