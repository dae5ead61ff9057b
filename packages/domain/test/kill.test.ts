// SPDX-License-Identifier: MIT
import { EAGAIN, EBUSY, EINVAL, ENOMEM, ERESTART, type DomId } from '@bottomhalf/base'
import { failAllocation, handler, ld, load, store } from '@bottomhalf/machine'
import { spinIsLocked } from '@bottomhalf/spinlock'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  Domain, DOMAIN_ALIVE, DOMAIN_DEAD, DOMAIN_DYING, DOMAIN_HVM, domainById, domainCreate, domainKill, domainPages,
  domainPagesAdd, domainReferences, domainUnpause, getDomain, isDomainDying, PAGE_GUEST, PAGE_KINDS, PAGE_L4_TABLE,
  PAGE_PAGING, PAGES_PER_STEP, PAGE_XEN, putDomain, setRelinquishOperations, setVcpuOperations, vcpuOf, vcpuPauses,
} from '../src/index.js'
import { boot, heap, settle } from './boot.js'

const calls: string[] = []
const answers: { events: number[], devices: number[] } = { events: [], devices: [] }
let current = 0
let pausesSeen = 0

const seam = (what: 'events' | 'devices') => handler(`testKill.${what}`, (d) => {
  pausesSeen = vcpuPauses(vcpuOf(d, 0))
  calls.push(`${what} ${load(d + Domain.dying)}`)
  return answers[what].shift() ?? 0
})
const events = seam('events')
const devices = seam('devices')
const nothing = handler('testKill.nothing', () => 0)
const currentHandler = handler('testKill.current', () => current)
const awaited = handler('testKill.await', () => { calls.push('await') })

let d = 0
let before: number[] = []
const pagesOf = (): number[] => Array.from({ length: PAGE_KINDS }, (_, kind) => domainPages(d, kind))
const total = (): number => pagesOf().reduce((sum, pages) => sum + pages)

function start(): void {
  boot()
  setVcpuOperations({ sleep: nothing, wake: nothing, awaitStopped: awaited, current: currentHandler })
  setRelinquishOperations({ eventChannels: events })
  setRelinquishOperations({ devices })
  Object.assign(answers, { events: [], devices: [] })
  calls.length = 0
  current = 0
  before = heap()
  d = domainCreate({ domId: 1 as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 1 })
  // the caller's reference
  expect(getDomain(d)).toBe(true)
}

function expectGone(): void {
  expect(domainReferences(d)).toBe(1)
  putDomain(d)
  expect(domainById(1 as DomId)).toBe(0)
  settle()
  expect(heap()).toEqual(before)
}

beforeEach(start)

describe('DOM-4: domainKill', () => {
  test('pauses and waits, makes the domain dying, tears down, makes it dead, gives the creation reference back', () => {
    expect(load(d + Domain.dying)).toBe(DOMAIN_ALIVE)
    expect(domainKill(d)).toBe(0)
    expect(calls).toEqual(['await', `events ${DOMAIN_DYING}`, `devices ${DOMAIN_DYING}`])
    expect(pausesSeen).toBe(1)
    expect(load(d + Domain.dying)).toBe(DOMAIN_DEAD)
    expectGone()
  })

  test('I11: a domain that was killed is gone, with all its pages', () => {
    for (let kind = 0; kind < PAGE_KINDS; kind++) expect(domainPagesAdd(d, kind, 5 + kind)).toBe(0)
    expect(domainKill(d)).toBe(0)
    expect(total()).toBe(0)
    expectGone()
  })

  test('killing oneself is refused with -EINVAL and changes nothing; another domain may be killed', () => {
    current = vcpuOf(d, 0)
    expect(domainKill(d)).toBe(-EINVAL)
    expect([isDomainDying(d), calls, vcpuPauses(current)]).toEqual([false, [], 0])
    const other = domainCreate({ domId: 2 as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 1 })
    expect(getDomain(other)).toBe(true)
    expect(domainKill(other)).toBe(0)
  })

  test('R2: -EAGAIN while another CPU is at it; nothing is done twice', () => {
    store(d + Domain.killing, 1)
    expect(domainKill(d)).toBe(-EAGAIN)
    expect([isDomainDying(d), calls]).toEqual([false, []])
    store(d + Domain.killing, 0)
    expect(domainKill(d)).toBe(0)
  })

  test('R2: between two calls nothing is held, and anybody may go on', () => {
    answers.devices.push(-ERESTART)
    expect(domainKill(d)).toBe(-EAGAIN)
    expect([load(d + Domain.killing), spinIsLocked(d + Domain.eventLock), spinIsLocked(d + Domain.pageLock)])
      .toEqual([0, false, false])
    expect([load(d + Domain.dying), domainReferences(d)]).toEqual([DOMAIN_DYING, 2])
    expect(domainKill(d)).toBe(0)
    expectGone()
  })

  test('R4: a domain that is dead is killed no more: the creation reference went back once', () => {
    expect([domainKill(d), domainKill(d)]).toEqual([0, 0])
    expect(calls).toHaveLength(3)
    expectGone()
  })

  test('an unpause of what others paused does not wake a dying domain', () => {
    answers.devices.push(-ERESTART)
    expect(domainKill(d)).toBe(-EAGAIN)
    expect(vcpuPauses(vcpuOf(d, 0))).toBe(1)
    expect(domainKill(d)).toBe(0)
    expect(vcpuPauses(vcpuOf(d, 0))).toBe(1)
    expect(() => { domainUnpause(d); domainUnpause(d) }).toThrow('DOM-3')
  })
})

describe('DOM-5: relinquishing', () => {
  test('R3: a step that answers -ERESTART is called again, those before it are not, those after it have not begun', () => {
    expect(domainPagesAdd(d, PAGE_PAGING, 1)).toBe(0)
    answers.events.push(-ERESTART, -ERESTART)
    answers.devices.push(-ERESTART)
    const results: number[] = []
    for (let result = -EAGAIN; result !== 0;) {
      result = domainKill(d)
      results.push(result)
      if (result !== 0) expect(domainPages(d, PAGE_PAGING)).toBe(1)
    }
    expect(results).toEqual([-EAGAIN, -EAGAIN, -EAGAIN, 0])
    const steps = calls.map((call) => call.split(' ')[0])
    expect(steps).toEqual(['await', 'events', 'events', 'events', 'devices', 'devices'])
    expectGone()
  })

  test('PCI-3: a step that fails stops the kill with its errno; killed again, it goes on there', () => {
    answers.devices.push(-EBUSY)
    expect(domainKill(d)).toBe(-EBUSY)
    expect(load(d + Domain.dying)).toBe(DOMAIN_DYING)
    expect(domainKill(d)).toBe(0)
    expect(calls.filter((call) => call.startsWith('events'))).toHaveLength(1)
    expectGone()
  })

  test('kinds of pages go in order, level by level, and a bounded number at a time', () => {
    for (let kind = 0; kind < PAGE_KINDS; kind++) expect(domainPagesAdd(d, kind, PAGES_PER_STEP + 1)).toBe(0)
    for (let left = total(), result = -EAGAIN; result !== 0;) {
      result = domainKill(d)
      const pages = pagesOf()
      const first = pages.findIndex((count) => count > 0)
      const later = first < 0 ? [] : pages.slice(first + 1)
      expect(later.every((count) => count === PAGES_PER_STEP + 1)).toBe(true)
      // what was left of one kind, and one step of the next
      expect(left - total()).toBeLessThanOrEqual(PAGES_PER_STEP + 1)
      left = total()
    }
    expect(total()).toBe(0)
    expectGone()
  })

  test('a step with exactly as many pages as it may give back is done', () => {
    expect(domainPagesAdd(d, PAGE_GUEST, PAGES_PER_STEP)).toBe(0)
    expect(domainKill(d)).toBe(0)
    expectGone()
  })

  test('XSA-344: the number of calls is that of the pages, and each call gives back no more than its share', () => {
    expect(domainPagesAdd(d, PAGE_GUEST, 10 * PAGES_PER_STEP)).toBe(0)
    let calls = 1
    while (domainKill(d) === -EAGAIN) calls++
    expect(calls).toBe(10)
  })

  test('any answers of the seams and any pages: each step is done once, in order, and all is given back', () => {
    const answer = fc.array(fc.constantFrom(-ERESTART, -EBUSY), { maxLength: 4 })
    const pages = fc.array(fc.nat(150), { minLength: PAGE_KINDS, maxLength: PAGE_KINDS })
    fc.assert(fc.property(answer, answer, pages, (ofEvents, ofDevices, counts) => {
      start()
      Object.assign(answers, { events: [...ofEvents], devices: [...ofDevices] })
      for (const [kind, count] of counts.entries()) if (count > 0) expect(domainPagesAdd(d, kind, count)).toBe(0)
      const errors: number[] = []
      for (let result = 1; result !== 0;) {
        result = domainKill(d)
        if (result !== 0) errors.push(result)
      }
      const seams = [...ofEvents, ...ofDevices].map((result) => result === -ERESTART ? -EAGAIN : result)
      const steps = counts.reduce((sum, count) => sum + Math.max(0, Math.ceil(count / PAGES_PER_STEP) - 1), 0)
      expect(errors).toEqual([...seams, ...Array.from({ length: steps }, () => -EAGAIN)])
      expect(calls).toHaveLength(3 + ofEvents.length + ofDevices.length)
      expectGone()
    }), { numRuns: 60 })
  })
})

describe('pages', () => {
  test.each([[-1, 1], [PAGE_KINDS, 1], [0.5, 1], [PAGE_XEN, 0], [PAGE_XEN, -3], [PAGE_XEN, 1.5]])(
    'kind %d, number %d is refused with -EINVAL', (kind, count) => {
      const blocks = heap()
      expect(domainPagesAdd(d, kind, count)).toBe(-EINVAL)
      expect(heap()).toEqual(blocks)
    })

  test('each allocation that fails answers -ENOMEM and changes nothing', () => {
    expect(domainPagesAdd(d, PAGE_L4_TABLE, 2)).toBe(0)
    const blocks = heap()
    for (let n = 1; n <= 3; n++) {
      failAllocation(n)
      expect(domainPagesAdd(d, PAGE_L4_TABLE, 3)).toBe(-ENOMEM)
      failAllocation(0)
      expect([heap(), domainPages(d, PAGE_L4_TABLE)]).toEqual([blocks, 2])
    }
  })

  test('G1: none comes to a dying domain', () => {
    answers.events.push(-ERESTART)
    expect(domainKill(d)).toBe(-EAGAIN)
    expect(domainPagesAdd(d, PAGE_GUEST, 1)).toBe(-EINVAL)
  })

  test('I11: a domain that is freed with pages left is a BUG', () => {
    expect(domainPagesAdd(d, PAGE_GUEST, 1)).toBe(0)
    expect(ld(d + Domain.relinquishStep)).toBe(0)
    putDomain(d)
    putDomain(d)
    expect(() => { settle() }).toThrow('I11')
  })
})
