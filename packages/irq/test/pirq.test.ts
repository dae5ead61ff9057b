// SPDX-License-Identifier: MIT
import { EBUSY, EEXIST, EINVAL, ENOMEM, ENOSPC } from '@bottomhalf/base'
import { PirqRecord, pirqRecordOf, vcpuOf } from '@bottomhalf/domain'
import { boundMemory, failAllocation, liveBlocks, load, memoryHash, st } from '@bottomhalf/machine'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  cleanUpPirq, createMsiIrq, destroyIrq, findFreePirq, mapDomainPirq, msiSend, pirqGuestBind, pirqGuestMask,
  pirqGuestUnbind,
  unmapDomainPirq,
} from '../src/index.js'
import { boot, settle, take } from './boot.js'
import { createDomain, ok, Seen, seen } from './setup.model.js'
import type { Pirq } from '@bottomhalf/base'

const P = (n: number) => n as Pirq
const records = () => liveBlocks().filter((block) => block.tag === PirqRecord.tag).length
const hash = () => memoryHash(new Int32Array(boundMemory().buffer))

let irq = 0
let d = 0
beforeEach(() => {
  boot(1)
  irq = createMsiIrq(seen(Seen.msi), 0)
  d = createDomain(1, 0)
})

describe('IRQ-9: mapDomainPirq', () => {
  test('IRQ-9: ties a number to an interrupt, and tells passthrough of the new record', () => {
    expect(mapDomainPirq(d, P(5), irq)).toBe(0)
    expect([load(seen(Seen.initialised)), records()]).toEqual([1, 1])
    expect(pirqGuestBind(vcpuOf(d, 0), pirqRecordOf(d, P(5)), false)).toBe(0)
  })

  test.each([['below 0', -1], ['beyond the last', 16]])('IRQ-9: refuses a number %s with -EINVAL', (_what, n) => {
    expect([mapDomainPirq(d, P(n), irq), unmapDomainPirq(d, P(n))]).toEqual([-EINVAL, -EINVAL])
  })

  test('IRQ-9: refuses an interrupt that does not exist with -EINVAL', () => {
    expect(mapDomainPirq(d, P(5), irq + 1)).toBe(-EINVAL)
    expect(records()).toBe(0)
  })

  test('IRQ-9: refuses a number that is tied with -EEXIST, and the mapping stays (XSA-237)', () => {
    ok(mapDomainPirq(d, P(5), irq))
    expect([mapDomainPirq(d, P(5), irq), mapDomainPirq(d, P(5), irq)]).toEqual([-EEXIST, -EEXIST])
    expect(unmapDomainPirq(d, P(5))).toBe(0)
  })

  test('IRQ-9: refuses an interrupt that another number has with -EBUSY, and leaves no record', () => {
    ok(mapDomainPirq(d, P(5), irq))
    expect(mapDomainPirq(d, P(6), irq)).toBe(-EBUSY)
    settle()
    expect(records()).toBe(1)
  })

  test('IRQ-9: without memory answers -ENOMEM and changes nothing', () => {
    const before = hash()
    for (const nth of [1, 2]) {
      failAllocation(nth)
      expect(mapDomainPirq(d, P(5), irq)).toBe(-ENOMEM)
      expect([pirqRecordOf(d, P(5)), records()]).toEqual([0, 0])
      if (nth === 1) expect(hash()).toBe(before)
    }
    failAllocation(0)
    expect(mapDomainPirq(d, P(5), irq)).toBe(0)
  })

  test('IRQ-9: an interrupt that a number is tied to is not destroyed', () => {
    ok(mapDomainPirq(d, P(5), irq))
    expect(destroyIrq(irq)).toBe(-EBUSY)
    ok(unmapDomainPirq(d, P(5)))
    expect(destroyIrq(irq)).toBe(0)
  })
})

describe('IRQ-9: unmapDomainPirq', () => {
  test('IRQ-9: of a number that is not tied answers -EINVAL', () => {
    expect(unmapDomainPirq(d, P(5))).toBe(-EINVAL)
    ok(mapDomainPirq(d, P(5), irq))
    expect([unmapDomainPirq(d, P(5)), unmapDomainPirq(d, P(5))]).toEqual([0, -EINVAL])
  })

  test('IRQ-9: unbinds a bound number by force, and keeps the number until the guest has unbound it itself', () => {
    ok(mapDomainPirq(d, P(5), irq))
    const record = pirqRecordOf(d, P(5))
    ok(pirqGuestBind(vcpuOf(d, 0), record, false))
    ok(pirqGuestMask(record, false))
    expect(unmapDomainPirq(d, P(5))).toBe(0)
    msiSend(seen(Seen.msi))
    take(0)
    expect(load(seen(Seen.delivered))).toBe(0)
    expect([mapDomainPirq(d, P(5), irq), unmapDomainPirq(d, P(5))]).toEqual([-EBUSY, -EINVAL])
    expect(pirqRecordOf(d, P(5))).toBe(record)
    expect(pirqGuestUnbind(record)).toBe(0)
    expect(mapDomainPirq(d, P(5), irq)).toBe(0)
  })
})

describe('IRQ-10: a record', () => {
  test('IRQ-10: is freed through RCU when its last part is at rest', () => {
    ok(mapDomainPirq(d, P(5), irq))
    ok(unmapDomainPirq(d, P(5)))
    expect([pirqRecordOf(d, P(5)), records()]).toEqual([0, 1])
    settle()
    expect(records()).toBe(0)
  })

  test.each([['passthrough', () => { st(seen(Seen.isDirty), 1) }, () => { st(seen(Seen.isDirty), 0) }],
    ['an event channel', (record: number) => { st(record + PirqRecord.evtchn, 3) }, (record: number) => { st(record + PirqRecord.evtchn,
      0) }],
  ])('stays while %s keeps it, and goes at the next clean-up', (_what, keep, release) => {
    ok(mapDomainPirq(d, P(5), irq))
    const record = pirqRecordOf(d, P(5))
    keep(record)
    ok(unmapDomainPirq(d, P(5)))
    expect(pirqRecordOf(d, P(5))).toBe(record)
    release(record)
    cleanUpPirq(record)
    settle()
    expect(records()).toBe(0)
  })

  test('IRQ-10: a thousand maps and unmaps leave no record behind', () => {
    for (let n = 0; n < 1000; n++) {
      expect(mapDomainPirq(d, P(n % 16), irq)).toBe(0)
      expect(unmapDomainPirq(d, P(n % 16))).toBe(0)
      if (n % 50 === 0) settle()
    }
    settle()
    expect(records()).toBe(0)
  })
})

describe('IRQ-9: free numbers', () => {
  test('IRQ-9: are searched from the top downward', () => {
    expect(findFreePirq(d)).toBe(15)
    ok(mapDomainPirq(d, P(15), irq))
    expect(findFreePirq(d)).toBe(14)
  })

  test('IRQ-9: run out with -ENOSPC', () => {
    for (let n = 0; n < 16; n++) ok(mapDomainPirq(d, P(n), createMsiIrq(seen(Seen.msi), 0)))
    expect(findFreePirq(d)).toBe(-ENOSPC)
  })
})
