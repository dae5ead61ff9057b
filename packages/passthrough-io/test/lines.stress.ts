// SPDX-License-Identifier: MIT
/** A level line that two guests share, on real threads, bounded. Never the only evidence: see the stepped tests. */
import { onCpu, stressThreads } from '@bottomhalf/testkit'
import { beforeEach, expect, test } from 'vitest'
import { boot, heap, settle, softirqs } from './boot.js'
import { createSharing, driveLine, eventsMissed, guestLine, lineState } from './lines.model.js'
import { devicesAreQuiet } from './lines.threads.js'

const CPUS = 4
let before: number[] = []

const run = (name: string, times: number) => stressThreads({
  threads: CPUS, module: new URL('./lines.threads.ts', import.meta.url), export: name, args: [times],
})

/** Nothing is left asserted, masked or waited for, and nothing was allocated. */
const atRest = () => {
  expect(devicesAreQuiet()).toBe(true)
  for (let turn = 0; turn < 4; turn++) {
    settle(CPUS)
    for (const guest of [0, 1]) onCpu(1 + guest, () => { driveLine(2, guest) })
  }
  expect([guestLine(0), guestLine(1)]).toEqual([[0, 0, 1], [0, 0, 1]])
  expect(lineState()).toEqual([false, false, false])
  expect(heap()).toEqual(before)
}

beforeEach(() => {
  boot(CPUS)
  createSharing()
  for (const cpu of [1, 2]) softirqs(cpu)
  settle(CPUS)
  before = heap()
})

test('I1, I10: every event of two devices that share a line reaches its own guest', async () => {
  const { results, failures } = await run('share', 100)
  expect(failures).toEqual([])
  expect(results[3]).toBe(100)
  expect([eventsMissed(0), eventsMissed(1)]).toEqual([0, 0])
  atRest()
}, 120_000)

test('I1, IRQ-5: a guest misses nothing while another binds and unbinds the line that they share', async () => {
  const { results, failures } = await run('shareWithRebinder', 100)
  expect(failures).toEqual([])
  expect(results[3]).toBe(100)
  expect(Number(results[2])).toBeGreaterThan(0)
  expect(eventsMissed(0)).toBe(0)
  atRest()
}, 120_000)
