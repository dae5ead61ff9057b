// SPDX-License-Identifier: MIT
import { EBUSY, EINVAL, type DomId } from '@bottomhalf/base'
import { handler, ld, load, store } from '@bottomhalf/machine'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  DOMAIN_HVM, domainCrash, domainCreate, domainIsShutDown, domainPause, domainPauseByController, domainPauseNosync,
  domainResume, domainShutdown, domainShutdownReason, domainUnpause, domainUnpauseByController, MAX_CONTROLLER_PAUSES,
  setVcpuOperations, SHUTDOWN_CRASH, SHUTDOWN_POWEROFF, SHUTDOWN_REBOOT, SHUTDOWN_SUSPEND, SHUTDOWN_WATCHDOG, Vcpu,
  vcpuOf, vcpuPause, vcpuPauseNosync, vcpuPauses, vcpuRunnable, vcpuUnpause, VPF_DOWN,
} from '../src/index.js'
import { boot } from './boot.js'

const calls: string[] = []
const log = (what: string) => handler(`testPause.${what}`, (v) => { calls.push(`${what} ${ld(v + Vcpu.vcpuId)}`) })
const operations = {
  sleep: log('sleep'), wake: log('wake'), awaitStopped: log('await'), current: handler('testPause.current', () => 0),
}
let d = 0
let v = 0
let w = 0

beforeEach(() => {
  boot()
  setVcpuOperations(operations)
  d = domainCreate({ domId: 1 as DomId, kind: DOMAIN_HVM, vcpus: 2, nrPirqs: 1 })
  v = vcpuOf(d, 0)
  w = vcpuOf(d, 1)
  for (const each of [v, w]) store(each + Vcpu.pauseFlags, 0)
  calls.length = 0
})

describe('DOM-3: pausing', () => {
  test('Q1: pauses of a vCPU nest: it sleeps at once, and wakes when the last one is taken back', () => {
    vcpuPauseNosync(v)
    vcpuPauseNosync(v)
    expect([vcpuPauses(v), vcpuRunnable(v), vcpuRunnable(w)]).toEqual([2, false, true])
    vcpuUnpause(v)
    expect([vcpuRunnable(v), calls]).toEqual([false, ['sleep 0', 'sleep 0']])
    vcpuUnpause(v)
    expect([vcpuRunnable(v), calls.slice(2)]).toEqual([true, ['wake 0']])
  })

  test('the synchronous forms wait, each vCPU after all were told; the others do not', () => {
    vcpuPause(w)
    expect(calls.splice(0)).toEqual(['sleep 1', 'await 1'])
    domainPause(d)
    expect(calls.splice(0)).toEqual(['sleep 0', 'sleep 1', 'await 0', 'await 1'])
    domainPauseNosync(d)
    expect(calls).toEqual(['sleep 0', 'sleep 1'])
  })

  test('a pause changes no other reason not to run, and leaves them in place', () => {
    store(v + Vcpu.pauseFlags, 1 << VPF_DOWN)
    vcpuPauseNosync(v)
    vcpuUnpause(v)
    expect(load(v + Vcpu.pauseFlags)).toBe(1 << VPF_DOWN)
    expect(vcpuRunnable(v)).toBe(false)
  })

  test('an unpause of what is not paused is a BUG', () => {
    expect(() => { vcpuUnpause(v) }).toThrow('DOM-3')
    boot()
    d = domainCreate({ domId: 1 as DomId, kind: DOMAIN_HVM, vcpus: 1, nrPirqs: 1 })
    expect(() => { domainUnpause(d) }).toThrow('DOM-3')
  })

  test('Q2: a vCPU runs exactly when nobody pauses it or its domain, under any sequence', () => {
    const commands = fc.array(fc.record({
      what: fc.constantFrom('pause', 'unpause'), whom: fc.constantFrom('domain', 'controller', 'v', 'w'),
    }), { maxLength: 60 })
    fc.assert(fc.property(commands, (sequence) => {
      boot()
      setVcpuOperations(operations)
      d = domainCreate({ domId: 1 as DomId, kind: DOMAIN_HVM, vcpus: 2, nrPirqs: 1 })
      v = vcpuOf(d, 0)
      w = vcpuOf(d, 1)
      for (const each of [v, w]) store(each + Vcpu.pauseFlags, 0)
      const model = { domain: 0, controller: 0, v: 0, w: 0 }
      for (const { what, whom } of sequence) {
        if (what === 'unpause' && whom === 'controller') {
          expect(domainUnpauseByController(d)).toBe(model.controller > 0 ? 0 : -EINVAL)
        } else if (what === 'pause' && whom === 'controller') expect(domainPauseByController(d)).toBe(0)
        else if (what === 'unpause' && model[whom] === 0) continue
        else if (whom === 'domain') (what === 'pause' ? domainPause : domainUnpause)(d)
        else (what === 'pause' ? vcpuPause : vcpuUnpause)(whom === 'v' ? v : w)
        model[whom] = Math.max(0, model[whom] + (what === 'pause' ? 1 : -1))
        const ofDomain = model.domain + model.controller
        expect([vcpuPauses(v), vcpuPauses(w)]).toEqual([ofDomain + model.v, ofDomain + model.w])
        expect([vcpuRunnable(v), vcpuRunnable(w)]).toEqual([ofDomain + model.v === 0, ofDomain + model.w === 0])
      }
    }), { numRuns: 200 })
  })

  test('a control operation takes back no more pauses than control operations asked for', () => {
    domainPause(d)
    expect(domainUnpauseByController(d)).toBe(-EINVAL)
    expect(vcpuPauses(v)).toBe(1)
  })

  test('a control operation asks for a bounded number of pauses; one more is refused and changes nothing', () => {
    for (let n = 0; n < MAX_CONTROLLER_PAUSES; n++) expect(domainPauseByController(d)).toBe(0)
    expect(domainPauseByController(d)).toBe(-EBUSY)
    expect([vcpuPauses(v), vcpuPauses(w)]).toEqual([MAX_CONTROLLER_PAUSES, MAX_CONTROLLER_PAUSES])
    for (let n = 0; n < MAX_CONTROLLER_PAUSES; n++) expect(domainUnpauseByController(d)).toBe(0)
    expect(domainUnpauseByController(d)).toBe(-EINVAL)
    expect(vcpuRunnable(v)).toBe(true)
  })
})

describe('DOM-3: shutdown', () => {
  test.each([SHUTDOWN_POWEROFF, SHUTDOWN_REBOOT, SHUTDOWN_SUSPEND, SHUTDOWN_CRASH, SHUTDOWN_WATCHDOG])(
    'for reason %i pauses the domain without waiting, and keeps the reason', (reason) => {
      expect([domainShutdownReason(d), domainIsShutDown(d)]).toEqual([-1, false])
      expect(domainShutdown(d, reason)).toBe(0)
      expect(domainShutdownReason(d)).toBe(reason)
      expect(calls).toEqual(['sleep 0', 'sleep 1'])
      expect([vcpuRunnable(v), vcpuRunnable(w)]).toEqual([false, false])
    })

  test.each([-1, 5, 1.5, Number.NaN])('for reason %d is refused with -EINVAL and changes nothing', (reason) => {
    expect(domainShutdown(d, reason)).toBe(-EINVAL)
    expect([domainShutdownReason(d), vcpuRunnable(v), calls]).toEqual([-1, true, []])
  })

  test('is complete when no vCPU runs any more', () => {
    store(w + Vcpu.isRunning, 1)
    expect(domainShutdown(d, SHUTDOWN_REBOOT)).toBe(0)
    expect(domainIsShutDown(d)).toBe(false)
    store(w + Vcpu.isRunning, 0)
    expect(domainIsShutDown(d)).toBe(true)
  })

  test('Q3: the first reason stands, and the domain is paused once', () => {
    domainCrash(d)
    expect(domainShutdown(d, SHUTDOWN_SUSPEND)).toBe(0)
    domainCrash(d)
    expect(domainShutdownReason(d)).toBe(SHUTDOWN_CRASH)
    expect(vcpuPauses(v)).toBe(1)
  })

  test('Q3: only a domain that was suspended is resumed, once; then it may be shut down again', () => {
    expect(domainResume(d)).toBe(-EINVAL)
    expect(domainShutdown(d, SHUTDOWN_SUSPEND)).toBe(0)
    expect([domainResume(d), domainResume(d)]).toEqual([0, -EINVAL])
    expect([domainShutdownReason(d), vcpuRunnable(v)]).toEqual([-1, true])
    domainCrash(d)
    expect([domainResume(d), vcpuRunnable(v)]).toEqual([-EINVAL, false])
  })
})
