// SPDX-License-Identifier: MIT
import { BugError, type DomId } from '@bottomhalf/base'
import { ld } from '@bottomhalf/machine'
import { rcuReadLock, rcuReadUnlock } from '@bottomhalf/rcu'
import { declareLockOrder, spinLock } from '@bottomhalf/spinlock'
import { onCpu } from '@bottomhalf/testkit'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  Domain, DOMAIN_HVM, domainById, domainCreate, domainListLockClass, domainReferences, eventLockClass, getDomain,
  getDomainById, getKnownAliveDomain, putDomain,
} from '../src/index.js'
import { boot, heap, settle } from './boot.js'

const create = (domId = 1): number => domainCreate({ domId: domId as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 8 })
const id = (n: number): DomId => n as DomId

describe('DOM-2: references', () => {
  beforeEach(() => { boot() })

  test('getDomain and putDomain count', () => {
    const d = create()
    expect(getDomain(d)).toBe(true)
    getKnownAliveDomain(d)
    expect(domainReferences(d)).toBe(3)
    putDomain(d)
    putDomain(d)
    expect(domainReferences(d)).toBe(1)
  })

  test('getDomainById takes a reference, and finds nothing where there is nothing', () => {
    const d = create()
    expect(getDomainById(id(1))).toBe(d)
    expect(domainReferences(d)).toBe(2)
    expect(getDomainById(id(65))).toBe(0)
  })

  test('D2: the last put destroys: no get succeeds, the id is free, a reader still has the memory', () => {
    const before = heap()
    const d = create()
    rcuReadLock()
    expect(domainById(id(1))).toBe(d)
    putDomain(d)
    expect(domainReferences(d)).toBeLessThan(0)
    expect(getDomain(d)).toBe(false)
    expect(domainById(id(1))).toBe(0)
    settle()
    // the grace period waits for this read section
    expect(ld(d + Domain.domId)).toBe(1)
    expect(heap()).not.toEqual(before)
    rcuReadUnlock()
    settle()
    expect(heap()).toEqual(before)
  })

  test('D3: the memory waits for readers on other CPUs too', () => {
    boot(2)
    const before = heap()
    const d = create()
    onCpu(1, rcuReadLock)
    putDomain(d)
    settle(2)
    expect(heap()).not.toEqual(before)
    onCpu(1, rcuReadUnlock)
    settle(2)
    expect(heap()).toEqual(before)
  })

  test('an id can be used again before the old domain is freed', () => {
    const old = create()
    rcuReadLock()
    putDomain(old)
    const fresh = create()
    expect(fresh).toBeGreaterThan(0)
    expect(fresh).not.toBe(old)
    expect(domainById(id(1))).toBe(fresh)
    rcuReadUnlock()
    settle()
    expect(getDomainById(id(1))).toBe(fresh)
  })

  test('getKnownAliveDomain is a BUG when nobody holds a reference', () => {
    const d = create()
    putDomain(d)
    expect(() => { getKnownAliveDomain(d) }).toThrow(BugError)
  })

  test('I4: putDomain of a reference that nobody holds is a BUG', () => {
    const d = create()
    putDomain(d)
    expect(() => { putDomain(d) }).toThrow('I4')
  })

  test('LK-4: a put under a lock that stands inside the domain list lock is a BUG, though it is not the last', () => {
    declareLockOrder([domainListLockClass, eventLockClass])
    const d = create()
    expect(getDomain(d)).toBe(true)
    putDomain(d)
    expect(getDomain(d)).toBe(true)
    spinLock(d + Domain.eventLock)
    expect(() => { putDomain(d) }).toThrow('BUG: LK-')
  })

  test('the list is that of a plain map under any sequence of create, get, put and look-up', () => {
    const commands = fc.array(fc.record({
      what: fc.constantFrom('create', 'get', 'put', 'find', 'settle'),
      // few ids, three to a bucket
      domId: fc.constantFrom(1, 2, 65, 66, 129, 130),
    }), { maxLength: 60 })
    fc.assert(fc.property(commands, (sequence) => {
      boot()
      const before = heap()
      const model = new Map<number, { d: number, references: number }>()
      for (const { what, domId } of sequence) {
        const entry = model.get(domId)
        if (what === 'create') {
          const d = create(domId)
          expect(d > 0).toBe(entry === undefined)
          if (entry === undefined) model.set(domId, { d, references: 1 })
        } else if (what === 'get') {
          expect(getDomainById(id(domId))).toBe(entry?.d ?? 0)
          if (entry !== undefined) entry.references++
        } else if (what === 'put' && entry !== undefined) {
          putDomain(entry.d)
          if (--entry.references === 0) model.delete(domId)
        } else if (what === 'settle') {
          settle()
        }
        for (const [key, { d, references }] of model) {
          expect([domainById(id(key)), domainReferences(d)]).toEqual([d, references])
        }
      }
      for (const { d, references } of model.values()) for (let n = 0; n < references; n++) putDomain(d)
      settle()
      expect(heap()).toEqual(before)
    }), { numRuns: 200 })
  })
})
