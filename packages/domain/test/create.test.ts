// SPDX-License-Identifier: MIT
import { EEXIST, EINVAL, ENOMEM, type DomId } from '@bottomhalf/base'
import { failAllocation, handler, ld, load } from '@bottomhalf/machine'
import { rcuReadLock, rcuReadUnlock } from '@bottomhalf/rcu'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  Domain, DOMAIN_HVM, DOMAIN_PV, domainById, domainCreate, domainReferences, DOMID_FIRST_RESERVED, forEachDomain,
  isDomainDying, isHvmDomain, isIdleVcpu, MAX_PIRQS, MAX_VCPUS, putDomain, registerDomainPart, Vcpu, vcpuOf,
  vcpuRunnable, VPF_DOWN,
} from '../src/index.js'
import type { DomainConfig } from '../src/index.js'
import { boot, heap, settle } from './boot.js'

const calls: string[] = []
const results = new Map<string, number>()
const part = (name: string) => {
  const log = (what: string) => handler(`${name}.${what}`, (arg) => {
    const who = what.startsWith('vcpu') ? ` ${ld(arg + Vcpu.vcpuId)}` : ''
    calls.push(`${name}.${what}${who}`)
    return results.get(`${name}.${what}${who}`) ?? 0
  })
  return {
    domainInit: log('domainInit'), domainDestroy: log('domainDestroy'),
    vcpuInit: log('vcpuInit'), vcpuDestroy: log('vcpuDestroy'),
  }
}
const first = part('first')
const second = part('second')
const program = handler('program', () => 7)

const config = (change: Partial<DomainConfig> = {}): DomainConfig =>
  ({ domId: 1 as DomId, kind: DOMAIN_HVM, vcpus: 2, nrPirqs: 16, ...change })

/** Look a domain up as a reader does. */
function find(domId: number): number {
  rcuReadLock()
  const d = domainById(domId as DomId)
  rcuReadUnlock()
  return d
}

beforeEach(() => {
  boot()
  calls.length = 0
  results.clear()
})

describe('DOM-1: domainCreate', () => {
  test('makes a domain that is found by its id and has the one creation reference', () => {
    const d = domainCreate(config({ guestProgram: program, guestData: 5 }))
    expect(d).toBeGreaterThan(0)
    expect(find(1)).toBe(d)
    expect(domainReferences(d)).toBe(1)
    expect(isHvmDomain(d)).toBe(true)
    expect(isDomainDying(d)).toBe(false)
    expect([Domain.nrPirqs, Domain.guestProgram, Domain.guestData].map((at) => ld(d + at))).toEqual([16, program.id, 5])
  })

  test('makes its vCPUs, all down', () => {
    const d = domainCreate(config({ vcpus: 3 }))
    for (let n = 0; n < 3; n++) {
      const v = vcpuOf(d, n)
      expect([ld(v + Vcpu.domain), ld(v + Vcpu.vcpuId), load(v + Vcpu.pauseFlags)]).toEqual([d, n, 1 << VPF_DOWN])
      expect(vcpuRunnable(v)).toBe(false)
      expect(isIdleVcpu(v)).toBe(false)
    }
    expect([vcpuOf(d, -1), vcpuOf(d, 3)]).toEqual([0, 0])
  })

  test.each([
    ['an id below 0', { domId: -1 as DomId }],
    ['a reserved id', { domId: DOMID_FIRST_RESERVED as DomId }],
    ['an id that is no number', { domId: Number.NaN as DomId }],
    ['an unknown kind', { kind: 0 }],
    ['no vCPU', { vcpus: 0 }],
    ['too many vCPUs', { vcpus: MAX_VCPUS + 1 }],
    ['half a vCPU', { vcpus: 1.5 }],
    ['pIRQs below 0', { nrPirqs: -1 }],
    ['too many pIRQs', { nrPirqs: MAX_PIRQS + 1 }],
  ])('D4: refuses %s with -EINVAL and leaves nothing behind', (_what, change) => {
    const before = heap()
    expect(domainCreate(config(change))).toBe(-EINVAL)
    expect(heap()).toEqual(before)
    expect(find(1)).toBe(0)
  })

  test('takes the largest domain there may be', () => {
    const d = domainCreate(config({
      domId: (DOMID_FIRST_RESERVED - 1) as DomId, kind: DOMAIN_PV, vcpus: MAX_VCPUS, nrPirqs: MAX_PIRQS,
    }))
    expect(find(DOMID_FIRST_RESERVED - 1)).toBe(d)
    expect(isHvmDomain(d)).toBe(false)
    expect(vcpuOf(d, MAX_VCPUS - 1)).not.toBe(0)
  })

  test('D4: refuses an id in use with -EEXIST, and the domain that has it stays', () => {
    registerDomainPart(first)
    const d = domainCreate(config())
    const before = heap()
    calls.length = 0
    expect(domainCreate(config())).toBe(-EEXIST)
    expect(heap()).toEqual(before)
    expect(find(1)).toBe(d)
    expect(calls.slice(3)).toEqual(['first.vcpuDestroy 1', 'first.vcpuDestroy 0', 'first.domainDestroy'])
  })

  test('D4: each allocation that fails answers -ENOMEM and leaves nothing behind', () => {
    const before = heap()
    let failures = 0
    for (; failures < 20; failures++) {
      failAllocation(failures + 1)
      const result = domainCreate(config())
      failAllocation(0)
      if (result > 0) break
      expect(result).toBe(-ENOMEM)
      expect(heap()).toEqual(before)
      expect(find(1)).toBe(0)
    }
    // the domain, and a block for each of two vCPUs
    expect(failures).toBe(3)
  })
})

describe('A1: parts', () => {
  test('are made domain first, then vCPU by vCPU, and unmade backwards', () => {
    registerDomainPart(first)
    registerDomainPart(second)
    const d = domainCreate(config())
    const made = [
      'first.domainInit', 'second.domainInit', 'first.vcpuInit 0', 'second.vcpuInit 0', 'first.vcpuInit 1',
      'second.vcpuInit 1',
    ]
    expect(calls).toEqual(made)
    calls.length = 0
    putDomain(d)
    expect(calls).toEqual([])
    settle()
    expect(calls).toEqual(made.map((call) => call.replace('Init', 'Destroy')).reverse())
  })

  test.each([
    'first.domainInit', 'second.domainInit', 'first.vcpuInit 0', 'second.vcpuInit 0', 'first.vcpuInit 1',
    'second.vcpuInit 1',
  ])('an error of %s undoes exactly what was made before it, and is the result', (failing) => {
    registerDomainPart(first)
    registerDomainPart(second)
    results.set(failing, -ENOMEM)
    const before = heap()
    expect(domainCreate(config())).toBe(-ENOMEM)
    const made = calls.slice(0, calls.indexOf(failing))
    const undone = calls.slice(calls.indexOf(failing) + 1)
    expect(undone).toEqual(made.map((call) => call.replace('Init', 'Destroy')).reverse())
    expect(heap()).toEqual(before)
    expect(find(1)).toBe(0)
  })

  test('that have no function for a step are passed over', () => {
    registerDomainPart({ vcpuInit: second.vcpuInit })
    registerDomainPart({ domainDestroy: first.domainDestroy })
    const d = domainCreate(config({ vcpus: 1 }))
    putDomain(d)
    settle()
    expect(calls).toEqual(['second.vcpuInit 0', 'first.domainDestroy'])
  })
})

describe('the list', () => {
  test('D3: forEachDomain meets each domain once and stops at the first true', () => {
    // ids that share a bucket, created out of order
    const ids = [130, 2, 66, 1]
    for (const id of ids) domainCreate(config({ domId: id as DomId }))
    const met: number[] = []
    forEachDomain((d) => { met.push(ld(d + Domain.domId)); return false })
    expect(met).toEqual([1, 2, 66, 130])
    met.length = 0
    forEachDomain((d) => { met.push(ld(d + Domain.domId)); return ld(d + Domain.domId) === 66 })
    expect(met).toEqual([1, 2, 66])
  })
})
