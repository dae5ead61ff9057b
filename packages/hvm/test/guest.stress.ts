// SPDX-License-Identifier: MIT
import { cpuArea, formatMemory, ld, load, setCurrentCpu } from '@bottomhalf/machine'
import { stressThreads } from '@bottomhalf/testkit'
import { expect, test } from 'vitest'
import { Box, bringUp, makeGuest, reading, setupMachine } from './guest.threads.js'

test('GV-6, GV-8, W2: 2 guests that sleep when they can read the last count of each of 2 senders: no interrupt is lost',
  async () => {
    const [guests, senders, rounds] = [2, 2, 20_000]
    formatMemory({ cpus: guests + senders, debug: true })
    setCurrentCpu(0)
    setupMachine(guests + senders)
    bringUp(makeGuest(1, { pins: [0, 1], program: reading }), guests)
    const { failures } = await stressThreads({
      threads: guests + senders, module: new URL('./guest.threads.ts', import.meta.url), export: 'runOrSend',
      args: [guests, senders, rounds],
    })
    expect(failures).toEqual([])
    for (let cpu = 0; cpu < guests; cpu++) {
      const box = cpuArea(cpu, Box)
      for (let i = 0; i < senders; i++) {
        expect([load(box + Box.sent + i), load(box + Box.seen + i)]).toEqual([rounds, rounds])
      }
      // taken at least once for each sender; what came while one waited is one with it
      expect(ld(box + Box.taken)).toBeGreaterThan(1)
      expect(ld(box + Box.taken)).toBeLessThanOrEqual(senders * rounds)
    }
  })
