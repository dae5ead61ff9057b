// SPDX-License-Identifier: MIT
// Out of memory at every place where an operation allocates, and random words for every operation.
import { ENOMEM, type DomId, type Pirq } from '@bottomhalf/base'
import { LINE_LEVEL } from '@bottomhalf/irq'
import { PT_IRQ_TYPE_MSI, PT_IRQ_TYPE_PCI } from '@bottomhalf/passthrough-io'
import { PCI_MSIX } from '@bottomhalf/passthrough-pci'
import { changesOf, failEachAllocation } from '@bottomhalf/testkit/lockstep'
import fc from 'fast-check'
import { beforeAll, describe, expect, test } from 'vitest'
import { CONTROL_WORDS, Operation, requests, type ControlRequest } from '../src/index.js'
import { haltingProgram } from './control.model.js'
import { A, C, D, freshMsi, leakyOperation, newDomain, operate } from './operations.model.js'
import { newWorld, type World } from './world.js'

const one = 1 as DomId
const two = 2 as DomId

let world: World
let msi = 0

beforeAll(() => {
  world = newWorld()
  msi = world.machine.call(0, () => freshMsi())
})

/** Let each allocation of an operation fail: how many were there. */
function failuresOf(request: ControlRequest<unknown>): number {
  return failEachAllocation({ attempt: () => world.ask(request), refusal: -ENOMEM, state: () => world.state() })
}

describe('DOM-1, DP-10, PCI-2: each allocation fails once, -ENOMEM, and the state is byte for byte as before', () => {
  test.each<[string, number, () => ControlRequest<unknown>]>([
    ['createDomain', 4, () => newDomain(7)],
    ['bindMsi, the first binding of its domain', 3, () =>
      requests.bindMsi({ domId: two, pirq: 4 as Pirq, msi, gvec: 0x50, gflags: 0 })],
    ['mapMessages', 1, () => requests.mapMessages(one, { sbdf: A, kind: PCI_MSIX, first: 1, count: 3 }, 4 as Pirq)],
    ['registerTable', 1, () => requests.registerTable(one, 2 as Pirq, 0xfe00_0000)],
    ['bindIrq of a line', 2, () =>
      requests.bindIrq(one, { type: PT_IRQ_TYPE_PCI, pirq: 3 as Pirq, bus: 0, device: 1, intx: 0 })],
    ['mapLine', 1, () => requests.mapLine(two, 4, 22, LINE_LEVEL)],
    ['addDevice', 1, () => requests.addDevice({ sbdf: D })],
  ])('%s', (_, atLeast, request) => {
    const before = world.machine.snapshot()
    const failed = failuresOf(request())
    world.machine.restore(before)
    expect(failed).toBeGreaterThanOrEqual(atLeast)
  })

  test.each<[string, () => ControlRequest<unknown>]>([
    ['killDomain', () => requests.killDomain(one)],
    ['pauseDomain', () => requests.pauseDomain(one)],
    ['unbindIrq', () => requests.unbindIrq(one, { type: PT_IRQ_TYPE_MSI, pirq: 2 as Pirq })],
    ['unbindMsi', () => requests.unbindMsi(one, 1 as Pirq)],
    ['unpauseDomain', () => requests.unpauseDomain(one)],
    ['shutdownDomain', () => requests.shutdownDomain(one, 1)],
    ['setAffinity', () => requests.setAffinity(one, 1, [0])],
    ['setSchedule', () => requests.setSchedule(one, 512, 50)],
    ['unmapLine', () => requests.unmapLine(one, 3 as Pirq)],
    ['unmapMessages', () => requests.unmapMessages(one, { sbdf: A, kind: PCI_MSIX, first: 0, count: 1 })],
    ['bindIrq, an update', () => requests.bindIrq(one, { type: PT_IRQ_TYPE_MSI, pirq: 2 as Pirq, gvec: 0x66 })],
    ['assignDevice', () => requests.assignDevice(one, C)],
    ['deassignDevice', () => requests.deassignDevice(one, A)],
    ['removeDevice', () => requests.removeDevice(A)],
  ])('%s allocates nothing, so it cannot fail for want of memory', (_, request) => {
    const before = world.machine.snapshot()
    const failed = failuresOf(request())
    world.state()
    world.machine.restore(before)
    expect(failed).toBe(0)
  })

  test('twin: an operation that forgets a block when its second allocation fails is found', () => {
    const attempt = (): number => world.machine.call(0, () => leakyOperation())
    expect(() => failEachAllocation({ attempt, refusal: -ENOMEM, state: () => world.state() }))
      .toThrow('allocation 2 failed, and the operation changed MsiEntry at')
  })
})

describe('DOM-6: random words', () => {
  /** Numbers that mean something, and any. */
  const word = fc.oneof(
    { weight: 4, arbitrary: fc.integer({ min: -2, max: 9 }) },
    { weight: 2, arbitrary: fc.constantFrom(A, D, 0x0200, 0x40, -1, 256, haltingProgram.id, 0x7fffffff, -0x80000000) },
    { weight: 1, arbitrary: fc.integer() },
  )
  const request = fc.record({
    operation: fc.oneof(fc.constantFrom(...Object.values(Operation)), fc.integer({ min: -2, max: 40 })),
    args: fc.array(word, { maxLength: CONTROL_WORDS }),
  // not the test's own operations; and here nobody runs CPU 1, which has a part in its own going
  }).filter(({ operation, args }) => operation < 30 && (operation !== Operation.CpuDown || args[0] !== 1))

  test('no crash, and no change on refusal: 400 requests', () => {
    const start = world.machine.snapshot()
    const before = world.state()
    let done = 0
    fc.assert(fc.property(request, ({ operation, args }) => {
      const result = world.machine.call(0, () => operate({ operation: operation as Operation, args }))
      const changes = changesOf(before, world.state())
      world.machine.restore(start)
      if (result < 0 && changes.length > 0) throw new Error(`${result}, and a change of ${changes.join(', ')}`)
      if (result === 0) done++
    }), { numRuns: 400, seed: 20261127 })
    world.machine.restore(start)
    expect(done).toBeGreaterThan(5)
  }, 300_000)
})
