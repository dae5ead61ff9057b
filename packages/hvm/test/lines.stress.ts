// SPDX-License-Identifier: MIT
import { formatMemory, load, setCurrentCpu } from '@bottomhalf/machine'
import { stressThreads } from '@bottomhalf/testkit'
import { expect, test } from 'vitest'
import { bringUp, hvmPciIntxGsi, Line, makeGuest, prepareLine, serving, setupMachine } from './lines.threads.js'

test('GV-2, GV-3, IA3: 2 devices share a level line: a guest that sleeps when it can serves all that they want', async () => {
  const [devices, rounds] = [2, 10_000]
  expect([hvmPciIntxGsi(0, 0), hvmPciIntxGsi(15, 3)]).toEqual([16, 16])
  formatMemory({ cpus: 1 + devices, debug: true })
  setCurrentCpu(0)
  setupMachine(1 + devices)
  const d = makeGuest(1, { pins: [0], program: serving })
  bringUp(d, 1)
  prepareLine(d, devices)
  const { failures } = await stressThreads({
    threads: 1 + devices, module: new URL('./lines.threads.ts', import.meta.url), export: 'serveOrAssert', args: [rounds],
    timeoutMs: 40_000,
  })
  expect(failures).toEqual([])
  for (let device = 0; device < devices; device++) {
    expect([load(Line.base + Line.wanted + device), load(Line.base + Line.seen + device)]).toEqual([rounds, rounds])
  }
  const [taken, ends] = [load(Line.base + Line.taken), load(Line.base + Line.ends)]
  expect(taken).toBeGreaterThan(1)
  expect(taken).toBeLessThanOrEqual(devices * rounds + 1)
  expect(ends).toBeLessThanOrEqual(taken)
})
