// SPDX-License-Identifier: MIT
import { BugError, EBUSY, EINVAL, ENOMEM, ENOSPC } from '@bottomhalf/base'
import { CpuState } from '@bottomhalf/cpu'
import {
  cpuArea, failAllocation, formatMemory, handler, irqsEnabled, ld, load, memoryHash, boundMemory, raiseVector,
} from '@bottomhalf/machine'
import { setupSpinlocks, spinIsLocked } from '@bottomhalf/spinlock'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  createMsiIrq, destroyIrq, freeIrq, IrqDesc, irqDescOf, IrqStatus, irqSetAffinity, msiIsMasked, MSI_GUEST_MASKED,
  msiSend, msiUnmask, requestIrq, setupIrqs, unmappedArrivals,
} from '../src/index.js'
import { descAt } from '../src/irqDesc.js'
import { boot, heap, holdBack, letIn, take } from './boot.js'
import { actionHandler, IRQS, makeLevel, ok, Seen, seen } from './setup.model.js'

const msi = () => seen(Seen.msi)
const status = (irq: number) => ld(irqDescOf(irq) + IrqDesc.status)
const hash = () => memoryHash(new Int32Array(boundMemory().buffer))
const counted = (...fields: number[]) => fields.map((field) => load(seen(field)))

const found: unknown[] = []
const lookingHandler = handler('looking', (irq) => {
  found.push(irqsEnabled(), spinIsLocked(irqDescOf(irq) + IrqDesc.lock), status(irq) & IrqStatus.INPROGRESS)
})
const againHandler = handler('again', () => {
  found.push(found.length)
  if (found.length < 3) msiSend(msi())
})
const freeingHandler = handler('freeing', (irq) => { found.push(irq) })

beforeEach(() => {
  boot(2)
  found.length = 0
})

/** An MSI on `cpu`, not masked by any guest. */
function create(cpu = 0): number {
  const irq = createMsiIrq(msi(), cpu)
  msiUnmask(msi(), MSI_GUEST_MASKED)
  return irq
}

describe('IRQ-1: descriptors', () => {
  test('IRQ-1: an interrupt is created shut and masked, with a descriptor, and nobody bound', () => {
    const irq = create(1)
    expect(irq).toBe(1)
    const desc = irqDescOf(irq)
    expect([status(irq), ld(desc + IrqDesc.action), ld(desc + IrqDesc.cpu), ld(desc + IrqDesc.msi)])
      .toEqual([IrqStatus.DISABLED, 0, 1, msi()])
    expect(msiIsMasked(msi())).toBe(true)
  })

  test('IRQ-1: numbers that nobody created, and those out of range, have none', () => {
    expect([-1, 0, 1, IRQS, IRQS + 1].map(irqDescOf)).toEqual([0, 0, 0, 0, 0])
  })

  test('IRQ-1: creation on a CPU that is not online answers -EINVAL', () => {
    expect(createMsiIrq(msi(), 7)).toBe(-EINVAL)
    expect(irqDescOf(1)).toBe(0)
  })

  test('IRQ-1: all numbers are given out once, then -ENOSPC; a destroyed one is free again', () => {
    const all = Array.from({ length: IRQS }, () => create())
    expect(all).toEqual(Array.from({ length: IRQS }, (_, i) => i + 1))
    expect(create()).toBe(-ENOSPC)
    expect(destroyIrq(5)).toBe(0)
    expect(create()).toBe(5)
  })

  test('IRQ-1: one that is in use is not destroyed', () => {
    const irq = create()
    expect(requestIrq(irq, actionHandler, 0)).toBe(0)
    expect(destroyIrq(irq)).toBe(-EBUSY)
    expect(freeIrq(irq)).toBe(0)
    expect(destroyIrq(irq)).toBe(0)
    expect(destroyIrq(irq)).toBe(-EINVAL)
  })

  test('IRQ-1: a controller is asked for each operation it has, and not for those it has not', () => {
    const irq = create()
    makeLevel(irq)
    ok(requestIrq(irq, actionHandler, 0))
    raiseVector(0, ld(irqDescOf(irq) + IrqDesc.vector))
    ok(freeIrq(irq))
    expect(counted(Seen.startups, Seen.acks, Seen.actions, Seen.ends, Seen.shutdowns)).toEqual([1, 1, 1, 1, 1])
  })
})

describe('IRQ-2: doIrq', () => {
  test('IRQ-2: an interrupt runs the action of its descriptor', () => {
    ok(requestIrq(create(), actionHandler, 0))
    msiSend(msi())
    expect(counted(Seen.actions)).toEqual([1])
  })

  test('IRQ-2: a vector that belongs to nobody is counted on its CPU, and is not fatal', () => {
    raiseVector(1, 0x99)
    take(1)
    expect([unmappedArrivals(0), unmappedArrivals(1)]).toEqual([0, 1])
    expect(ld(cpuArea(1, CpuState) + CpuState.unmappedVectors)).toBe(0)
  })

  test("IRQ-2: the host's action runs with its descriptor unlocked, IF = 1 and INPROGRESS", () => {
    const irq = create()
    ok(requestIrq(irq, lookingHandler, irq))
    msiSend(msi())
    expect(found).toEqual([true, false, IrqStatus.INPROGRESS])
    expect(status(irq)).toBe(0)
  })

  test('IRQ-2: an arrival during the action is served by the CPU that runs it, after it', () => {
    ok(requestIrq(create(), againHandler, 0))
    msiSend(msi())
    expect(found).toEqual([0, 1, 2])
  })

  test('IRQ-2: an arrival with no action is dropped', () => {
    const irq = create()
    ok(requestIrq(irq, actionHandler, 0))
    holdBack(0)
    msiSend(msi())
    ok(freeIrq(irq))
    letIn(0)
    expect(counted(Seen.actions)).toEqual([0])
    expect(unmappedArrivals(0)).toBe(0)
  })

  test('IRQ-2: what was held back while the interrupt was shut comes when it is started', () => {
    const irq = create()
    msiSend(msi())
    expect(counted(Seen.actions)).toEqual([0])
    ok(requestIrq(irq, actionHandler, 0))
    expect(counted(Seen.actions)).toEqual([1])
  })
})

describe('requestIrq, freeIrq', () => {
  test('IRQ-2: requestIrq and freeIrq answer -EINVAL for an interrupt that does not exist, and for one without host action', () => {
    expect([requestIrq(1, actionHandler, 0), freeIrq(1)]).toEqual([-EINVAL, -EINVAL])
    expect(freeIrq(create())).toBe(-EINVAL)
  })

  test('IRQ-2: a second request answers -EBUSY, and nothing is left of it', () => {
    const irq = create()
    ok(requestIrq(irq, actionHandler, 0))
    const before = heap()
    expect(requestIrq(irq, freeingHandler, 1)).toBe(-EBUSY)
    expect(heap()).toEqual(before)
    msiSend(msi())
    expect([found, counted(Seen.actions)]).toEqual([[], [1]])
  })

  test('IRQ-2: without memory a request answers -ENOMEM and changes nothing', () => {
    const irq = create()
    const before = hash()
    failAllocation(1)
    expect(requestIrq(irq, actionHandler, 0)).toBe(-ENOMEM)
    expect(hash()).toBe(before)
  })

  test('IRQ-2: a freed action is gone from the heap, and the interrupt is shut', () => {
    const irq = create()
    const before = heap()
    ok(requestIrq(irq, actionHandler, 0))
    ok(freeIrq(irq))
    expect(heap()).toEqual(before)
    expect([status(irq), msiIsMasked(msi())]).toEqual([IrqStatus.DISABLED, true])
  })
})

test('IRQ-1: an interrupt in use that has no descriptor is a BUG', async () => {
  const { knownIrqDesc } = await import('../src/irqDesc.js')
  expect(() => knownIrqDesc(3)).toThrow(BugError)
})

test('IRQ-8: irqSetAffinity answers -EINVAL for an interrupt that does not exist, or a CPU not online', () => {
  expect(irqSetAffinity(1, 0)).toBe(-EINVAL)
  expect(irqSetAffinity(create(), 9)).toBe(-EINVAL)
})

test('IRQ-1: without memory for descriptors or lines the set-up answers -ENOMEM, and nothing is left allocated', () => {
  for (const nth of [1, 2]) {
    formatMemory({ cpus: 1, debug: true })
    setupSpinlocks({})
    failAllocation(nth)
    expect(setupIrqs(8)).toBe(-ENOMEM)
    expect(heap()).toEqual([])
  }
})

test('IRQ-1: descriptors that different CPUs use share no cache line', () => {
  expect((descAt(2) - descAt(1)) % 32).toBe(0)
  expect(descAt(1) % 32).toBe(0)
})
