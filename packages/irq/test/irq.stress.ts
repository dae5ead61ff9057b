// SPDX-License-Identifier: MIT
import { formatMemory, ld, load, setCurrentCpu } from '@bottomhalf/machine'
import { stressThreads } from '@bottomhalf/testkit'
import { describe, expect, test } from 'vitest'
import {
  createLineIrq, createMsiIrq, IrqDesc, irqDescOf, LINE_LEVEL, LINE_LEVEL_EOI, lineIsInService, lineIsMasked,
  MSI_GUEST_MASKED, msiUnmask, requestIrq, unmappedArrivals,
} from '../src/index.js'
import { GSI, Stress } from './irq.threads.js'
import { actionHandler, createDomain, map, ok, Seen, seen, setupMachine } from './setup.model.js'

const CPUS = 4
const ROUNDS = 400
const module = new URL('./irq.threads.ts', import.meta.url)

describe('on real threads', () => {
  test.each([['UNMASK', LINE_LEVEL], ['EOI', LINE_LEVEL_EOI]] as const)(
    'IRQ-2, IRQ-6, IRQ-8, I1, I2: 400 moves, binds and unbinds (ack kind %s), CPUs down and up, under two devices', async (_n, sort) => {
      formatMemory({ cpus: CPUS + 2 })      // the devices' threads stand where two more CPUs would, and leave
      setCurrentCpu(0)
      setupMachine(CPUS)
      const irq = createMsiIrq(seen(Seen.msi), 0)
      msiUnmask(seen(Seen.msi), MSI_GUEST_MASKED)
      ok(requestIrq(irq, actionHandler, 0))
      const d = createDomain(1, 1)
      const pirq = map(d, 5, createLineIrq(GSI, sort, 1))
      const { results, failures } = await stressThreads({
        threads: CPUS + 2, module, export: 'main', args: [CPUS, ROUNDS, irq, d, pirq],
      })
      expect(failures).toEqual([])
      expect(load(Stress.base + Stress.failures)).toBe(0)
      expect(load(seen(Seen.covered))).toBe(results[CPUS])
      expect(load(seen(Seen.overlaps))).toBe(0)
      expect(ld(irqDescOf(irq) + IrqDesc.action)).toBeGreaterThan(0)
      // the guest is gone: its line is shut, and no CPU owes it anything
      expect([lineIsMasked(GSI), lineIsInService(GSI)]).toEqual([true, false])
      expect(Array.from({ length: CPUS }, (_, cpu) => unmappedArrivals(cpu))).toEqual([0, 0, 0, 0])
    })
})
