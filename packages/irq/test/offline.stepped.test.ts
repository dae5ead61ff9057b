// SPDX-License-Identifier: MIT
import { declaredAreas, handlerIdOf, NO_CPU } from '@bottomhalf/machine'
import { lockstep, sample } from '@bottomhalf/testkit/lockstep'
import type { Lockstep } from '@bottomhalf/testkit/lockstep'
import { expect, test } from 'vitest'
import { IrqDesc, irqDescOf, msiIsMasked, unmappedArrivals } from '../src/index.js'
import { bootHost, foot, goAndCome, idleOnce, naiveOfflineHandler, storm } from './offline.model.js'
import { bootWithGuestIrq, send } from './programs.model.js'
import { Seen, seen } from './setup.model.js'

const bound = { runs: 600, seed: 20261127, plainIsQuiet: true }
const at = (machine: Lockstep, field: number): number => machine.memory[seen(field)] ?? 0

function machineUnderFire(): { machine: Lockstep, irq: number } {
  const machine = lockstep({ cpus: 3, irqsOn: true, interrupts: 'free' })
  return { machine, irq: machine.call(0, () => bootHost(3, 1)) }
}

const program = (machine: Lockstep, irq: number) => () => {
  machine.spawn(1, () => foot())
  machine.spawn(2, () => foot())
  machine.spawn(NO_CPU, () => send(4))
  machine.spawn(0, () => goAndCome(irq, 2))
}

const nothingLost = (machine: Lockstep) => () => {
  expect(at(machine, Seen.covered)).toBe(4)
  expect(at(machine, Seen.overlaps)).toBe(0)
  expect(at(machine, Seen.lastPirq)).toBe(0)      // vectors of the CPU that was down
  expect([0, 1, 2].map((cpu) => machine.call(0, () => unmappedArrivals(cpu)))).toEqual([0, 0, 0])
}

test('IRQ-8, CPU-4: a CPU goes down and comes back in the middle of a move, a device sends: no interrupt is lost', () => {
  const { machine, irq } = machineUnderFire()
  const result = sample(machine, program(machine, irq), nothingLost(machine), bound)
  expect(result.failure?.reason).toBeUndefined()
})

test('IRQ-8, OFF1: the twin that moves interrupts and does not look for what is on its way loses one', () => {
  const { machine, irq } = machineUnderFire()
  const twin = () => {
    program(machine, irq)()
    replaceNotifier(machine)
  }
  const result = sample(machine, twin, nothingLost(machine), bound)
  expect(result.failure).toBeDefined()
})

test('IRQ-3: by default the 10 001st arrival within 10 ms is limited, and the interrupt enabled 10 ms later', () => {
  const machine = lockstep({ cpus: 2, irqsOn: true })
  machine.call(0, () => bootWithGuestIrq(2, 1))
  const limited = () => machine.memory[machine.call(0, () => irqDescOf(1)) + IrqDesc.limited]
  const masked = () => machine.call(0, () => msiIsMasked(seen(Seen.msi)))
  machine.call(1, () => storm(1, 10_000))
  expect([at(machine, Seen.delivered), limited(), masked()]).toEqual([10_000, 0, false])
  machine.call(1, () => storm(1, 2))
  expect([at(machine, Seen.delivered), limited(), masked()]).toEqual([10_000, 2, true])
  machine.call(0, () => idleOnce())
  expect(masked()).toBe(false)
  expect(machine.nowNs()).toBe(10_000_000)      // virtual time: it passes only while all sleep
  machine.call(1, () => storm(1, 1))
  expect([at(machine, Seen.delivered), limited()]).toEqual([10_001, 2])
})

/** Let the twin be told of CPUs that go, in place of the package. */
function replaceNotifier(machine: Lockstep): void {
  const area = declaredAreas().global.find(({ structName }) => structName === 'cpuNotifiers')
  const chain = area?.fields.find(({ name }) => name === 'chain')
  if (area === undefined || chain === undefined) throw new Error('no chain of notifiers')
  const at = area.base + chain.offset
  const place = machine.memory.subarray(at, at + chain.words).indexOf(handlerIdOf('irqCpuNotifier'))
  machine.memory[at + place] = naiveOfflineHandler.id
}
