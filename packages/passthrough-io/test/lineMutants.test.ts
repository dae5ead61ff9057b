// SPDX-License-Identifier: MIT
/** The claims of lineSuite.ts about pending lines can fail: `#pending` with one line altered. */
import { pirqRecordOf, vcpuOf } from '@bottomhalf/domain'
import { hvmGsiAssertCount, hvmPciIntxGsi } from '@bottomhalf/hvm'
import { msiSend } from '@bottomhalf/irq'
import { ld } from '@bottomhalf/machine'
import { vcpuUp } from '@bottomhalf/sched'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { dpciOf, hvmDpciEoi, HvmPirqDpci, ptIrqCreateBind } from '../src/index.js'
import { boot, holdTime, softirqs } from './boot.js'
import * as mutants from './pendingMutants.model.js'
import { createDomain, device, lineBind, linesEnded, makeLevel, mapDevice, ok, translateBind } from './setup.model.js'
import type { Pirq } from '@bottomhalf/base'

vi.mock('#pending', () => import('./pendingMutants.model.js'))

const GSI = hvmPciIntxGsi(3, 0)
let d = 0
const arrive = () => {
  msiSend(device(0))
  softirqs(0)
}
const pending = () => ld(dpciOf(pirqRecordOf(d, 5 as Pirq)) + HvmPirqDpci.pending)

afterEach(() => { vi.useRealTimers() })

beforeEach(() => {
  holdTime()
  boot()
  d = createDomain(1)
  makeLevel(mapDevice(d, 5, 0))
  ok(vcpuUp(vcpuOf(d, 0)))
  softirqs(0)
})

describe('a message comes while the guest serves the line', () => {
  const linesAfterEoi = (): number => {
    ok(ptIrqCreateBind(d, translateBind(5)))
    arrive()
    arrive()
    hvmDpciEoi(GSI)
    return hvmGsiAssertCount(d, GSI)
  }

  test('GL3: without a mutant it is asserted again', () => {
    expect(linesAfterEoi()).toBe(1)
  })

  test('GL3 twin: one that is not asserted again is missed', () => {
    mutants.chooseLineMutant(mutants.NOT_AGAIN)
    expect(linesAfterEoi()).toBe(0)
  })
})

describe('a stray EOI, then an interrupt and its EOI', () => {
  const endedAfterStray = (): number[] => {
    ok(ptIrqCreateBind(d, lineBind(5)))
    hvmDpciEoi(GSI)
    arrive()
    hvmDpciEoi(GSI)
    return [pending(), linesEnded()]
  }

  test('DP-9, U11: without a mutant the interrupt is ended by its own EOI', () => {
    expect(endedAfterStray()).toEqual([0, 1])
  })

  test('U11 twin: a count that goes below zero is at zero too early, and never again when it counts', () => {
    mutants.chooseLineMutant(mutants.WRAPS)
    expect(endedAfterStray()).not.toEqual([0, 1])
  })
})

test('I10 twin: a last EOI that does not reach the machine leaves the line to the time-out of IRQ-5', () => {
  mutants.chooseLineMutant(mutants.NO_MACHINE_EOI)
  ok(ptIrqCreateBind(d, lineBind(5)))
  arrive()
  hvmDpciEoi(GSI)
  expect([pending(), linesEnded()]).toEqual([0, 0])
})
