// SPDX-License-Identifier: MIT
/** DP-14 step by step: each box of the protocol, called on the CPU and at the moment that the case asks for. */
import { BugError } from '@bottomhalf/base'
import { CPU_DEAD, CPU_DOWN_PREPARE, CPU_DYING, CPU_UP_PREPARE, CpuEvent } from '@bottomhalf/cpu'
import { domainReferences, pirqRecordOf } from '@bottomhalf/domain'
import {
  callHandler, fetchAnd, fetchOr, handlerIdOf, irqsEnabled, load, st, store, xzalloc,
} from '@bottomhalf/machine'
import { dropSoftirqs, softirqPending } from '@bottomhalf/softirq'
import { onCpu } from '@bottomhalf/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  DPCI_MASKED, DPCI_QUEUED, DPCI_RUN, DPCI_SCHED, dpciActive, dpciDomain, dpciOf, HvmPirqDpci, protocolCpuDead,
  ptIrqCreateBind, ptIrqDestroyBind, scheduleDpci,
} from '../src/index.js'
import { dpciReset, dpciSoftirq } from '../src/protocolSoftirq.js'
import { boot, softirqs } from './boot.js'
import { createBound, HVM_DPCI_SOFTIRQ, isRequested, mapDevice, msiBind, ok, takeRequested } from './setup.model.js'
import type { Pirq } from '@bottomhalf/base'

const GVEC = 0x35
const BIT = 1 << HVM_DPCI_SOFTIRQ
let dpci = 0
let d = 0

const state = () => load(dpci + HvmPirqDpci.state)
const references = () => domainReferences(d) - 1
const arrive = (cpu: number) => { onCpu(cpu, () => { scheduleDpci(dpci) }) }
/** The softirq's handler once, as doSoftirq calls it. */
const serve = (cpu: number) => {
  onCpu(cpu, () => {
    dropSoftirqs(cpu)
    dpciSoftirq(HVM_DPCI_SOFTIRQ)
  })
}
const pending = (cpu: number) => (softirqPending(cpu) & BIT) !== 0
const recordOf = (pirq: number) => dpciOf(pirqRecordOf(d, pirq as Pirq))

beforeEach(() => {
  boot(3)
  dpci = createBound()
  d = dpciDomain(dpci)
})

describe('DP-1, DP-14: scheduling', () => {
  test('DP-1: turns SCHED, QUEUED and MASKED on, takes a reference, links and raises on this CPU', () => {
    arrive(1)
    expect(state()).toBe(DPCI_SCHED | DPCI_QUEUED | DPCI_MASKED)
    expect([references(), pending(0), pending(1)]).toEqual([1, false, true])
  })

  test('DP-4, P1: found SCHED and QUEUED on: no second reference, no second link, on any CPU', () => {
    arrive(1)
    arrive(1)
    arrive(0)
    expect([references(), pending(0), pending(1)]).toEqual([1, false, true])
  })

  test('P1: found QUEUED alone (cancelled, still linked): a reference, and no link', () => {
    arrive(1)
    dpciReset(dpci)
    arrive(0)
    expect([state(), references(), pending(0)]).toEqual([DPCI_SCHED | DPCI_QUEUED | DPCI_MASKED, 1, false])
    serve(1)
    expect([state(), references(), isRequested(d, GVEC)]).toEqual([0, 0, true])
  })

  test('P1, P2: found RUN alone: a reference, a link and a raise, so that a run comes after this one', () => {
    fetchOr(dpci + HvmPirqDpci.state, DPCI_RUN)
    arrive(1)
    expect([references(), pending(1)]).toEqual([1, true])
  })

  test('P4: a second record behind the first raises nothing: the first has', () => {
    mapDevice(d, 6, 1)
    ok(ptIrqCreateBind(d, msiBind(6)))
    arrive(1)
    dropSoftirqs(1)
    onCpu(1, () => { scheduleDpci(recordOf(6)) })
    expect(pending(1)).toBe(false)
    serve(1)
    expect([isRequested(d, 0x35), isRequested(d, 0x36), references()]).toEqual([true, true, 0])
  })
})

describe('DP-2: the softirq', () => {
  test('DP-2: with an empty list does nothing', () => {
    serve(0)
    expect([state(), references()]).toEqual([0, 0])
  })

  test('DP-2: found SCHED on: assist, reference paid back, nothing left on', () => {
    arrive(0)
    serve(0)
    expect([state(), references(), isRequested(d, GVEC), pending(0)]).toEqual([0, 0, true, false])
  })

  test('DP-5: found SCHED off (cancelled): no assist, no reference touched, unlinked', () => {
    arrive(0)
    dpciReset(dpci)
    serve(0)
    expect([state(), references(), isRequested(d, GVEC)]).toEqual([0, 0, false])
    arrive(1)
    expect(pending(1)).toBe(true)
  })

  test('P3, I3: found RUN on: put back on this CPU and raised again, not run; served when the other has left', () => {
    arrive(0)
    fetchOr(dpci + HvmPirqDpci.state, DPCI_RUN)
    serve(0)
    expect([isRequested(d, GVEC), pending(0), references()]).toEqual([false, true, 1])
    expect(state()).toBe(DPCI_SCHED | DPCI_QUEUED | DPCI_MASKED | DPCI_RUN)
    serve(0)
    expect([isRequested(d, GVEC), pending(0)]).toEqual([false, true])
    fetchAnd(dpci + HvmPirqDpci.state, ~DPCI_RUN)
    serve(0)
    expect([state(), isRequested(d, GVEC), references()]).toEqual([0, true, 0])
  })

  test('P3: put back leaves IF as it was, on', () => {
    arrive(0)
    fetchOr(dpci + HvmPirqDpci.state, DPCI_RUN)
    serve(0)
    expect(irqsEnabled()).toBe(true)
  })

  test('P3: found RUN on and SCHED off: put back too, and runs nothing later', () => {
    arrive(0)
    dpciReset(dpci)
    fetchOr(dpci + HvmPirqDpci.state, DPCI_RUN)
    serve(0)
    expect(state()).toBe(DPCI_QUEUED | DPCI_RUN)
    fetchAnd(dpci + HvmPirqDpci.state, ~DPCI_RUN)
    serve(0)
    expect([state(), isRequested(d, GVEC), references()]).toEqual([0, false, 0])
  })

  test('DP-2: takes the whole list at once: what is put back waits for the next turn', () => {
    mapDevice(d, 6, 1)
    ok(ptIrqCreateBind(d, msiBind(6)))
    arrive(0)
    scheduleDpci(recordOf(6))
    fetchOr(dpci + HvmPirqDpci.state, DPCI_RUN)
    serve(0)
    expect([isRequested(d, 0x35), isRequested(d, 0x36), pending(0)]).toEqual([false, true, true])
  })

  test('DP-2: serves records in the order in which they were linked', () => {
    const records = [dpci]
    for (let n = 1; n < 6; n++) {
      mapDevice(d, 5 + n, n)
      ok(ptIrqCreateBind(d, msiBind(5 + n)))
      records.push(recordOf(5 + n))
    }
    for (const record of [...records].reverse()) scheduleDpci(record)
    softirqs(0)
    for (let n = 0; n < 6; n++) expect(takeRequested(d, 0x35 + n)).toBe(true)
    expect([references(), records.some((record) => dpciActive(record))]).toEqual([0, false])
  })

  test('DP-3: an arrival between the look at the state and the assist is served by a run of its own', () => {
    // a CPU is inside and has looked at the state: RUN on, the arrival's mark still on
    store(dpci + HvmPirqDpci.state, DPCI_RUN | DPCI_MASKED)
    arrive(1)
    expect([references(), pending(1)]).toEqual([1, true])
    serve(1)
    expect([pending(1), isRequested(d, GVEC)]).toEqual([true, false])
    fetchAnd(dpci + HvmPirqDpci.state, ~DPCI_RUN)
    serve(1)
    expect([isRequested(d, GVEC), state()]).toEqual([true, 0])
  })
})

describe('DP-5, DP-6: cancel and active', () => {
  test('DP-5: cancel turns SCHED and QUEUED into QUEUED alone, and MASKED off (R4); the reference is back', () => {
    arrive(0)
    dpciReset(dpci)
    expect([state(), references()]).toEqual([DPCI_QUEUED, 0])
  })

  test('DP-5: a second cancel pays nothing back', () => {
    arrive(0)
    dpciReset(dpci)
    dpciReset(dpci)
    expect(references()).toBe(0)
  })

  test('DP-5: cancel leaves RUN alone: who is inside pays for what it took', () => {
    fetchOr(dpci + HvmPirqDpci.state, DPCI_RUN)
    dpciReset(dpci)
    expect(state()).toBe(DPCI_RUN)
  })

  test.each([
    ['scheduled', DPCI_SCHED, true], ['running', DPCI_RUN, true], ['still linked', DPCI_QUEUED, true],
    ['at rest', 0, false], ['only marked', DPCI_MASKED, false],
  ])('DP-6: a record that is %s is active: %s', (_what, bits, active) => {
    store(dpci + HvmPirqDpci.state, bits)
    expect(dpciActive(dpci)).toBe(active)
  })

  test('U3: unbind while a CPU is inside and SCHED is on again: the queued run does nothing and pays nothing', () => {
    fetchOr(dpci + HvmPirqDpci.state, DPCI_RUN)
    arrive(0)
    ok(ptIrqDestroyBind(d, msiBind(5)))
    fetchAnd(dpci + HvmPirqDpci.state, ~DPCI_RUN)
    softirqs(0)
    expect([state(), references(), isRequested(d, GVEC)]).toEqual([0, 0, false])
  })
})

describe('DP-13: a dead CPU', () => {
  test('H3: its records move, linked and QUEUED, to the CPU that handles the death, which serves them', () => {
    mapDevice(d, 6, 1)
    ok(ptIrqCreateBind(d, msiBind(6)))
    arrive(1)
    onCpu(1, () => { scheduleDpci(recordOf(6)) })
    dropSoftirqs(1)
    onCpu(2, () => { protocolCpuDead(1) })
    expect([pending(1), pending(2), state() & DPCI_QUEUED]).toEqual([false, true, DPCI_QUEUED])
    softirqs(2)
    expect([isRequested(d, 0x35), isRequested(d, 0x36), references(), state()]).toEqual([true, true, 0, 0])
  })

  test('DP-13: its records go behind those of the other CPU', () => {
    mapDevice(d, 6, 1)
    ok(ptIrqCreateBind(d, msiBind(6)))
    arrive(2)
    onCpu(1, () => { scheduleDpci(recordOf(6)) })
    onCpu(2, () => { protocolCpuDead(1) })
    softirqs(2)
    expect([isRequested(d, 0x35), isRequested(d, 0x36), references()]).toEqual([true, true, 0])
  })

  test('DP-13: with an empty list nothing is raised', () => {
    onCpu(2, () => { protocolCpuDead(1) })
    expect(pending(2)).toBe(false)
  })

  test('DP-13: the notifier moves the records at CPU_DEAD, and at no other event', () => {
    const event = xzalloc(CpuEvent.sizeWords, CpuEvent.tag)
    const notify = (action: number) => {
      st(event + CpuEvent.action, action)
      st(event + CpuEvent.cpu, 1)
      return onCpu(2, () => callHandler(handlerIdOf('dpciCpuNotify'), event))
    }
    expect(notify(CPU_UP_PREPARE)).toBe(0)
    arrive(1)
    expect([CPU_DOWN_PREPARE, CPU_DYING].map(notify)).toEqual([0, 0])
    expect(pending(2)).toBe(false)
    expect(() => notify(CPU_UP_PREPARE)).toThrow(BugError)
    expect([notify(CPU_DEAD), pending(2), notify(CPU_UP_PREPARE)]).toEqual([0, true, 0])
  })

  test('DP-13: UP_PREPARE: the list of a CPU that comes back is empty', () => {
    arrive(1)
    onCpu(2, () => { protocolCpuDead(1) })
    serve(1)
    expect(isRequested(d, GVEC)).toBe(false)
    arrive(1)
    softirqs(2)
    expect([isRequested(d, GVEC), state()]).toEqual([true, 0])
  })
})

test('I5: with debug checks a record that is linked while it is on a list is a BUG', () => {
  arrive(0)
  fetchAnd(dpci + HvmPirqDpci.state, ~DPCI_QUEUED)
  expect(() => { arrive(1) }).toThrow(BugError)
})
