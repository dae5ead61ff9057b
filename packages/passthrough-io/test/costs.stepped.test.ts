// SPDX-License-Identifier: MIT
/** What an interrupt costs, in operations of the machine: the hot path of everything (debug checks off). */
import { lockstep } from '@bottomhalf/testkit/lockstep'
import { beforeEach, describe, expect, test } from 'vitest'
import { dpciDomain, hvmDirqAssist, scheduleDpci } from '../src/index.js'
import { dpciSoftirq } from '../src/protocolSoftirq.js'
import { bootFire, GVECS, unbind } from './fire.model.js'
import { HVM_DPCI_SOFTIRQ, takeRequested } from './setup.model.js'
import type { Lockstep } from '@bottomhalf/testkit/lockstep'

let machine: Lockstep
let dpci = 0

beforeEach(() => {
  machine = lockstep({ cpus: 2, irqsOn: true, debug: false })
  dpci = machine.call(0, () => bootFire(2))
})

const schedule = () => { machine.call(0, () => scheduleDpci(dpci)) }
const costOfSchedule = () => machine.countsOf(0, () => scheduleDpci(dpci))
const costOfSoftirq = () => machine.countsOf(0, () => dpciSoftirq(HVM_DPCI_SOFTIRQ))
const costOfAssist = () => machine.countsOf(0, () => hvmDirqAssist(dpci))

describe('DP-1: scheduling', () => {
  test('DP-1: costs an atomic for the state, one for the reference, one for the softirq', () => {
    expect(costOfSchedule()).toEqual({ fetchOr: 1, fetchAdd: 1, testAndSetBit: 1, ld: 3, st: 3 })
  })

  test('DP-1: costs one atomic in all when a run is scheduled already', () => {
    schedule()
    expect(costOfSchedule()).toEqual({ fetchOr: 1 })
  })
})

describe('DP-2: the softirq', () => {
  test('DP-2: costs three atomics beside the assist: state before, reference, state after', () => {
    schedule()
    const whole = costOfSoftirq()
    const d = machine.call(0, () => dpciDomain(dpci))
    machine.call(0, () => takeRequested(d, GVECS[0]))
    schedule()
    const assist = costOfAssist()
    const own = Object.entries(whole).map(([name, n]) => [name, (n ?? 0) - (assist[name] ?? 0)])
    expect(Object.fromEntries(own.filter(([, n]) => n !== 0)))
      .toEqual({ cmpxchg: 1, fetchAdd: 1, fetchAnd: 1, irqDisable: 1, irqEnable: 1, ld: 3, st: 3 })
  })

  test('DP-2: costs no lock and no assist for a run that was cancelled', () => {
    schedule()
    machine.call(1, () => unbind(dpci))
    expect(costOfSoftirq()).toEqual({ cmpxchg: 2, fetchAnd: 1, irqDisable: 1, irqEnable: 1, ld: 2, st: 3 })
  })
})

describe('DP-7: the assist', () => {
  test('DP-7: costs one take of eventLock and one atomic when there is nothing to deliver', () => {
    expect(costOfAssist()).toEqual({ ld: 3, cmpxchg: 1, testAndClearBit: 1, store: 1 })
  })
})
