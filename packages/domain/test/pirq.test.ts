// SPDX-License-Identifier: MIT
import { BugError, type DomId, type Pirq } from '@bottomhalf/base'
import { failAllocation, ld, st, xmalloc } from '@bottomhalf/machine'
import { rcuReadLock, rcuReadUnlock } from '@bottomhalf/rcu'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  DOMAIN_HVM, domainCreate, PirqRecord, pirqRecordGetOrCreate, pirqRecordNextBatch, pirqRecordOf,
  pirqRecordRemove, putDomain,
} from '../src/index.js'
import { boot, heap, settle } from './boot.js'

const pirq = (n: number): Pirq => n as Pirq
let d = 0

beforeEach(() => {
  boot()
  d = domainCreate({ domId: 1 as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 2000 })
})

describe('IRQ-10: pIRQ records', () => {
  test('P1: a record has its domain and number, everything else is 0', () => {
    const record = pirqRecordGetOrCreate(d, pirq(1500))
    expect(ld(record + PirqRecord.domain)).toBe(d)
    expect(ld(record + PirqRecord.pirq)).toBe(1500)
    for (const at of [PirqRecord.evtchn, PirqRecord.irq, PirqRecord.dpci]) expect(ld(record + at)).toBe(0)
    expect(pirqRecordOf(d, pirq(1500))).toBe(record)
    expect(pirqRecordGetOrCreate(d, pirq(1500))).toBe(record)
    expect(pirqRecordOf(d, pirq(1499))).toBe(0)
  })

  test('a number out of range is a BUG of the caller', () => {
    expect(() => pirqRecordGetOrCreate(d, pirq(2000))).toThrow('IRQ-10')
    expect(() => pirqRecordGetOrCreate(d, pirq(-1))).toThrow('IRQ-10')
  })

  test('each allocation that fails answers 0 and leaves nothing behind', () => {
    const before = heap()
    let failures = 0
    for (; failures < 20; failures++) {
      failAllocation(failures + 1)
      const record = pirqRecordGetOrCreate(d, pirq(1500))
      failAllocation(0)
      if (record !== 0) break
      expect(heap()).toEqual(before)
      expect(pirqRecordOf(d, pirq(1500))).toBe(0)
    }
    // the record, and three nodes down to number 1500
    expect(failures).toBe(4)
  })

  test('P2: a removed record is found no more at once, and freed when no reader can stand on it', () => {
    const before = heap()
    const record = pirqRecordGetOrCreate(d, pirq(7))
    rcuReadLock()
    pirqRecordRemove(record)
    expect(pirqRecordOf(d, pirq(7))).toBe(0)
    settle()
    expect(ld(record + PirqRecord.pirq)).toBe(7)
    expect(heap()).toContain(record)
    rcuReadUnlock()
    settle()
    expect(heap()).toEqual(before)
  })

  test('removing a record twice is a BUG', () => {
    const record = pirqRecordGetOrCreate(d, pirq(7))
    pirqRecordRemove(record)
    expect(() => { pirqRecordRemove(record) }).toThrow(BugError)
  })

  test('come in batches by number, each once', () => {
    const numbers = [1999, 3, 64, 65, 700]
    const records = new Map(numbers.map((n) => [n, pirqRecordGetOrCreate(d, pirq(n))]))
    const out = xmalloc(4, 0)
    const met: [number, number][] = []
    for (let from = 0; ;) {
      const count = pirqRecordNextBatch(d, pirq(from), 2, out)
      for (let i = 0; i < count; i++) met.push([ld(out + 2 * i), ld(out + 2 * i + 1)])
      if (count < 2) break
      from = ld(out + 2 * (count - 1)) + 1
    }
    expect(met).toEqual([3, 64, 65, 700, 1999].map((n) => [n, records.get(n)]))
  })

  test('go with their domain', () => {
    putDomain(d)
    settle()
    const empty = heap()
    boot()
    const other = domainCreate({ domId: 1 as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 2000 })
    for (const n of [0, 5, 900]) st(pirqRecordGetOrCreate(other, pirq(n)) + PirqRecord.evtchn, 1)
    pirqRecordRemove(pirqRecordOf(other, pirq(5)))
    putDomain(other)
    settle()
    settle()
    expect(heap()).toEqual(empty)
  })
})
