// SPDX-License-Identifier: MIT
import { BugError, EBUSY, EINVAL, ENOMEM } from '@bottomhalf/base'
import { boundMemory, failAllocation, ld, load, memoryHash, raiseVector, st, xzalloc } from '@bottomhalf/machine'
import { vcpuOf } from '@bottomhalf/domain'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { addGuestLocked, removeGuestLocked } from '../src/guestAction.js'
import { IrqGuestAction } from '../src/irqDesc.js'
import {
  createMsiIrq, destroyIrq, IrqDesc, irqDescOf, IrqStatus, MAX_GUESTS, msiIsMasked, msiIsPending, msiSend,
  pirqGuestBind,
  pirqGuestEoi, pirqGuestMask, pirqGuestUnbind, pirqNeedsEoi, pirqSetAffinity, requestIrq,
} from '../src/index.js'
import { boot, heap, holdBack, letIn, take } from './boot.js'
import { actionHandler, createDomain, makeLevel, map, ok, Seen, seen, tie } from './setup.model.js'

const msi = () => seen(Seen.msi)
const status = (irq: number) => ld(irqDescOf(irq) + IrqDesc.status)
const counted = (...fields: number[]) => fields.map((field) => load(seen(field)))
const hash = () => memoryHash(new Int32Array(boundMemory().buffer))

/** The level-triggered line of `irq` rises. */
function raise(irq: number): void {
  const desc = irqDescOf(irq)
  raiseVector(ld(desc + IrqDesc.cpu), ld(desc + IrqDesc.vector))
  take(ld(desc + IrqDesc.cpu))
}

let irq = 0
let d = 0
let pirq = 0

beforeEach(() => {
  boot(2)
  irq = createMsiIrq(msi(), 0)
  d = createDomain(1, 1)
  pirq = map(d, 5, irq)
})

const bind = (willShare = false) => pirqGuestBind(vcpuOf(d, 0), pirq, willShare)

describe('IRQ-6: pirqGuestBind', () => {
  test("IRQ-6: delivers the interrupt to the guest's pIRQ, on the CPU of its vCPU", () => {
    expect(bind()).toBe(0)
    ok(pirqGuestMask(pirq, false))
    msiSend(msi())
    expect(counted(Seen.delivered)).toEqual([0])
    take(1)
    expect(counted(Seen.delivered, Seen.lastPirq)).toEqual([1, pirq])
  })

  test('IRQ-6: aims at the vCPU before it unmasks: what was held back goes there', () => {
    msiSend(msi())
    ok(pirqGuestMask(pirq, false))
    expect(msiIsPending(msi())).toBe(true)
    ok(bind())
    take(0)
    expect(counted(Seen.delivered)).toEqual([0])
    take(1)
    expect(counted(Seen.delivered)).toEqual([1])
  })

  test('IRQ-6: DP-10: leaves the MSI masked until the guest unmasks it', () => {
    ok(bind())
    expect(msiIsMasked(msi())).toBe(true)
    expect(pirqGuestMask(pirq, false)).toBe(0)
    expect(msiIsMasked(msi())).toBe(false)
  })

  test('IRQ-6: of a pIRQ that is tied to nothing answers -EINVAL', () => {
    expect(pirqGuestBind(vcpuOf(d, 0), tie(d, 6, 0), false)).toBe(-EINVAL)
  })

  test('IRQ-6: of an interrupt that the host has answers -EBUSY', () => {
    ok(requestIrq(irq, actionHandler, 0))
    const before = heap()
    expect(bind()).toBe(-EBUSY)
    expect(heap()).toEqual(before)
  })

  test('IRQ-2: and the host does not get one that a guest has', () => {
    ok(bind())
    expect(requestIrq(irq, actionHandler, 0)).toBe(-EBUSY)
    expect(destroyIrq(irq)).toBe(-EBUSY)
  })

  test('IRQ-6: without memory answers -ENOMEM and changes nothing', () => {
    const before = hash()
    failAllocation(1)
    expect(bind()).toBe(-ENOMEM)
    expect(hash()).toBe(before)
  })

  test('IRQ-6, REL2: of a second guest needs no memory', () => {
    const other = tie(createDomain(2, 0), 5, irq)
    expect(bind(true)).toBe(0)
    const before = heap()
    failAllocation(1)
    expect(pirqGuestBind(vcpuOf(d, 0), other, true)).toBe(0)
    failAllocation(0)
    expect(heap()).toEqual(before)
  })

  test.each([[false, false], [false, true], [true, false]])('IRQ-5: of a second guest answers -EBUSY unless both share (%s, %s)', (one, two) => {
    const other = tie(createDomain(2, 0), 5, irq)
    expect(bind(one)).toBe(0)
    const before = heap()
    expect(pirqGuestBind(vcpuOf(d, 0), other, two)).toBe(-EBUSY)
    expect(heap()).toEqual(before)
  })

  test('IRQ-5: takes up to 7 guests that share, then answers -EBUSY; the interrupt goes to each', () => {
    makeLevel(irq)
    const pirqs = Array.from({ length: MAX_GUESTS + 1 }, (_, n) => tie(d, n, irq))
    const results = pirqs.map((each) => pirqGuestBind(vcpuOf(d, 0), each, true))
    expect(results).toEqual([...Array<number>(MAX_GUESTS).fill(0), -EBUSY])
    raise(irq)
    expect(counted(Seen.delivered)).toEqual([MAX_GUESTS])
  })

  test('IRQ-6: twice of one pIRQ answers -EBUSY', () => {
    ok(bind(true))
    expect(bind(true)).toBe(-EBUSY)
  })
})

describe('IRQ-6: pirqGuestUnbind', () => {
  test('IRQ-6: I2: after it nothing is delivered, not even what was on its way', () => {
    ok(bind())
    ok(pirqGuestMask(pirq, false))
    holdBack(1)
    msiSend(msi())
    expect(pirqGuestUnbind(pirq)).toBe(0)
    letIn(1)
    expect(counted(Seen.delivered)).toEqual([0])
  })

  test('IRQ-6: shuts the interrupt when the last guest goes, and frees what the bind allocated', () => {
    const before = heap()
    ok(bind())
    ok(pirqGuestUnbind(pirq))
    expect(status(irq)).toBe(IrqStatus.DISABLED)
    expect(msiIsMasked(msi())).toBe(true)
    expect(heap()).toEqual(before)
    expect(requestIrq(irq, actionHandler, 0)).toBe(0)
  })

  test('IRQ-6: leaves the others bound', () => {
    makeLevel(irq)
    const other = tie(createDomain(2, 0), 5, irq)
    ok(bind(true))
    ok(pirqGuestBind(vcpuOf(d, 0), other, true))
    expect(pirqGuestUnbind(pirq)).toBe(0)
    raise(irq)
    expect(counted(Seen.delivered, Seen.lastPirq, Seen.shutdowns)).toEqual([1, other, 0])
  })

  test('IRQ-6: of a pIRQ that is not bound answers -EINVAL; while others are bound it is a BUG', () => {
    expect(pirqGuestUnbind(pirq)).toBe(-EINVAL)
    expect(pirqGuestUnbind(tie(d, 9, 0))).toBe(-EINVAL)
    ok(bind())
    expect(() => pirqGuestUnbind(tie(d, 6, irq))).toThrow(BugError)
  })

  test('IRQ-6: a hundred binds and unbinds leave heap and memory as they were', () => {
    ok(bind())
    ok(pirqGuestUnbind(pirq))
    const before = heap()
    for (let n = 0; n < 100; n++) {
      expect(bind()).toBe(0)
      expect(pirqGuestUnbind(pirq)).toBe(0)
    }
    expect(heap()).toEqual(before)
    expect(status(irq)).toBe(IrqStatus.DISABLED)
  })
})

describe('IRQ-7: pirqGuestEoi', () => {
  test('IRQ-7: only the first EOI per interrupt counts', () => {
    makeLevel(irq)
    ok(bind())
    raise(irq)
    expect(counted(Seen.acks, Seen.ends)).toEqual([1, 0])
    pirqGuestEoi(pirq)
    pirqGuestEoi(pirq)
    expect(counted(Seen.ends)).toEqual([1])
    raise(irq)
    expect(counted(Seen.ends)).toEqual([1])
    pirqGuestEoi(pirq)
    expect(counted(Seen.ends)).toEqual([2])
  })

  test('IRQ-5: a shared line is released by the last guest that finishes, one that unbinds counts', () => {
    makeLevel(irq)
    const others = [6, 7].map((n) => tie(d, n, irq))
    ok(bind(true))
    for (const other of others) ok(pirqGuestBind(vcpuOf(d, 0), other, true))
    raise(irq)
    pirqGuestEoi(others[1] ?? 0)
    pirqGuestEoi(others[1] ?? 0)
    ok(pirqGuestUnbind(pirq))
    expect(counted(Seen.ends)).toEqual([0])
    pirqGuestEoi(others[0] ?? 0)
    expect(counted(Seen.ends)).toEqual([1])
  })

  test('IRQ-4: a maskable MSI waits for no EOI', () => {
    ok(bind())
    expect(pirqNeedsEoi(pirq)).toBe(false)
    makeLevel(irq)
    expect(pirqNeedsEoi(pirq)).toBe(true)
  })

  test('IRQ-7: does nothing for a pIRQ that is not bound', () => {
    makeLevel(irq)
    pirqGuestEoi(pirq)
    pirqGuestEoi(tie(d, 9, 0))
    expect(counted(Seen.ends)).toEqual([0])
  })
})

test('IRQ-5, IRQ-7: guests that come, finish and go in any order keep their own bits', () => {
  const operation = fc.record({ op: fc.constantFrom('add' as const, 'remove' as const, 'interrupt' as const), at: fc.nat(6) })
  fc.assert(fc.property(fc.array(operation, { maxLength: 30 }), (operations) => {
    const action = xzalloc(IrqGuestAction.sizeWords, IrqGuestAction.tag)
    const model: { id: number, owes: boolean }[] = []
    let id = 1
    for (const { op, at } of operations) {
      if (op === 'add' && model.length < MAX_GUESTS) {
        addGuestLocked(action, id)
        model.push({ id: id++, owes: false })
      } else if (op === 'remove' && at < model.length) {
        removeGuestLocked(action, at)
        model.splice(at, 1)
      } else if (op === 'interrupt') {
        st(action + IrqGuestAction.inFlight, at)
        model.forEach((guest, i) => { guest.owes = (at >> i & 1) !== 0 })
        st(action + IrqGuestAction.inFlight, at & ((1 << model.length) - 1))
      }
    }
    expect(ld(action + IrqGuestAction.guests)).toBe(model.length)
    expect(model.map((_, i) => ld(action + IrqGuestAction.pirqs + i))).toEqual(model.map((guest) => guest.id))
    const owing = model.reduce((bits, guest, i) => bits | (guest.owes ? 1 << i : 0), 0)
    expect(ld(action + IrqGuestAction.inFlight)).toBe(owing)
  }))
})

test('GV-1: an interrupt that passthrough does not take goes to the event channel', () => {
  ok(bind())
  ok(pirqGuestMask(pirq, false))
  st(seen(Seen.takesNothing), 1)
  msiSend(msi())
  take(1)
  expect(counted(Seen.delivered, Seen.events)).toEqual([1, 1])
})

test('IRQ-6: pirqSetAffinity and pirqGuestMask answer -EINVAL for a pIRQ tied to nothing', () => {
  expect([pirqSetAffinity(tie(d, 9, 0), 0), pirqGuestMask(tie(d, 9, 0), true)]).toEqual([-EINVAL, -EINVAL])
  expect(pirqSetAffinity(pirq, 0)).toBe(0)
})
