// SPDX-License-Identifier: MIT
import {
  Behaviour, Device, deviceArrival, deviceCreate, Driver, driverCreate, Guest, guestCreate, type Misbehaviour,
} from '@bottomhalf/guest'
import { bootMachine } from '@bottomhalf/hypervisor'
import { createMsiIrq, IrqDesc, irqDescOf } from '@bottomhalf/irq'
import { formatMemory, ld, setCurrentCpu, st, store, stTime } from '@bottomhalf/machine'
import { LOCK_TAS, PROFILE_OFF } from '@bottomhalf/spinlock'
import { TASKLET_LOCK_GLOBAL } from '@bottomhalf/tasklet'
import { beforeEach, expect, test } from 'vitest'
import { accountOf, countPaused, excuseRest, outstanding } from '../src/accounts.js'
import { Lane } from '../src/pacing.js'
import type { DomId, Pirq } from '@bottomhalf/base'
import type { GuestUnit, Unit } from '../src/fleet.js'

function* never(): Generator<number, void> { /* no arrival of its own */ }

interface Counts { raised: number, delivered: number, coalesced: number, missed?: number, unservable?: number }

/** A bound device that raised `raised` arrivals, of which its driver has served some and missed some. */
function unitWith(counts: Counts, misbehaviour: Misbehaviour = {}): Unit {
  const device = deviceCreate()
  const driver = driverCreate({ device, gvec: 0x30, pirq: 0, workNs: 0 }, 0)
  for (let i = 0; i < counts.raised; i++) deviceArrival(device)
  st(driver + Driver.delivered, counts.delivered)
  st(driver + Driver.coalesced, counts.coalesced)
  st(driver + Driver.missed, counts.missed ?? 0)
  const scenario = { name: 'd', interrupt: { kind: 'msi' }, arrivals: { constant: 1 } } as const
  const guestData = guestCreate(driver, 0, misbehaviour)
  const guest: GuestUnit = {
    scenario: { name: 'g', cpu: 0, vcpus: 1, work: 0, devices: [scenario] }, domId: 1 as DomId, guestData, units: [],
    alive: true, paused: false, lives: 1, lines: new Map(),
    times: { runningNs: 0, eatenNs: 0, runnableNs: 0, blockedNs: 0 },
  }
  const excused = { gone: 0, crashed: 0, notEnded: 0, masked: 0, scribbled: 0, limited: 0 }
  const queues = [{ gvec: 0x30, device, driver, vcpuId: 0, unservable: counts.unservable ?? 0, excused }]
  const lane = new Lane(never(), () => undefined)
  return { guest, scenario, sbdf: 256, pirq: 0 as Pirq, slot: 0, queues, lane, plugged: true, bound: true }
}

beforeEach(() => { formatMemory({ cpus: 1 }) })

test('AC2: what is missing is lost: one completion that a driver dropped shows', () => {
  const unit = unitWith({ raised: 5, delivered: 1, coalesced: 3 })
  expect(accountOf(unit)).toMatchObject({ raised: 5, delivered: 1, coalesced: 3, unserved: { gone: 0 }, lost: 1 })
  expect(outstanding(unit)).toBe(1)
})

test('AC1: what a driver missed is unserved as far as the device was bound to nobody; the rest is lost', () => {
  const counts = { raised: 9, delivered: 2, coalesced: 3, missed: 4 }
  expect(accountOf(unitWith({ ...counts, unservable: 4 }))).toMatchObject({ unserved: { gone: 4 }, lost: 0 })
  expect(accountOf(unitWith({ ...counts, unservable: 3 }))).toMatchObject({ unserved: { gone: 3 }, lost: 1 })
  const unmissed = unitWith({ ...counts, missed: 0, unservable: 9 })
  expect(accountOf(unmissed)).toMatchObject({ unserved: { gone: 0 }, lost: 4 })
})

test('AC1: a device that is bound to nobody waits for nobody', () => {
  const unit = unitWith({ raised: 9, delivered: 2, coalesced: 3, unservable: 4 })
  unit.bound = false
  expect(outstanding(unit)).toBe(0)
  expect(accountOf(unit)).toMatchObject({ unserved: { gone: 4 }, lost: 0 })
})

test('AC1: a guest that would stop serving is excused when it has, by its own word, and not before', () => {
  const unit = unitWith({ raised: 9, delivered: 2, coalesced: 3 }, { neverEoi: 1, crash: 1 })
  const behaviour = unit.guest.guestData + Guest.behaviour
  expect(accountOf(unit).lost).toBe(4)
  store(behaviour + Behaviour.owesEoi, 1)
  expect(accountOf(unit)).toMatchObject({ unserved: { notEnded: 4 }, lost: 0 })
  store(behaviour + Behaviour.crashed, 1)
  expect(accountOf(unit)).toMatchObject({ unserved: { crashed: 4, notEnded: 0 }, lost: 0 })
  expect(outstanding(unit)).toBe(0)
})

test('AC1: what a guest raised behind its own mask is unserved by its own word, for messages too, and lost without it', () => {
  const unit = unitWith({ raised: 9, delivered: 2, coalesced: 3 }, { maskForEver: 1 })
  expect(accountOf(unit)).toMatchObject({ unserved: { masked: 0 }, lost: 4 })
  store(unit.guest.guestData + Guest.behaviour + Behaviour.masked, 1)
  expect(accountOf(unit)).toMatchObject({ unserved: { masked: 4 }, lost: 0 })
  expect(outstanding(unit)).toBe(0)
})

test('AC3: a guest that stopped serving and is killed is excused for what it left, and not for what it loses in its next life', () => {
  const unit = unitWith({ raised: 9, delivered: 2, coalesced: 3 }, { crash: 1 })
  store(unit.guest.guestData + Guest.behaviour + Behaviour.crashed, 1)
  excuseRest(unit)
  store(unit.guest.guestData + Guest.behaviour + Behaviour.crashed, 0)
  const { device = 0, driver = 0 } = unit.queues[0] ?? {}
  st(driver + Driver.missed, 4)                                          // its driver was loaded anew
  expect(accountOf(unit)).toMatchObject({ unserved: { crashed: 4 }, lost: 0 })
  deviceArrival(device)
  expect(accountOf(unit)).toMatchObject({ unserved: { crashed: 4 }, lost: 1 })
})

test('AC1: what a paused guest had not served is unserved if it is killed so, and nothing if it goes on', () => {
  const unit = unitWith({ raised: 9, delivered: 2, coalesced: 3 })
  countPaused(unit)
  st((unit.queues[0]?.driver ?? 0) + Driver.missed, 4)
  expect(accountOf(unit)).toMatchObject({ unserved: { gone: 4 }, lost: 0 })
  st((unit.queues[0]?.driver ?? 0) + Driver.missed, 0)
  expect(accountOf(unit)).toMatchObject({ unserved: { gone: 0 }, lost: 4 })
})

test('AC4: what a storm left is unserved while its last interrupt is one that was limited, and lost once one came through', () => {
  setCurrentCpu(0)
  bootMachine({
    lockKind: LOCK_TAS, lockProfile: PROFILE_OFF, taskletLock: TASKLET_LOCK_GLOBAL, irqs: 4, guestPrograms: [],
  })
  const unit = unitWith({ raised: 9, delivered: 2, coalesced: 3 })
  const irq = createMsiIrq(ld((unit.queues[0]?.device ?? 0) + Device.message), 0)
  const desc = irqDescOf(irq)
  expect(accountOf(unit)).toMatchObject({ unserved: { limited: 0 }, lost: 4 })
  st(desc + IrqDesc.limited, 1)
  stTime(desc + IrqDesc.windowStartNs, Number.NEGATIVE_INFINITY)         // it was enabled, and nothing has come since
  expect(accountOf(unit)).toMatchObject({ unserved: { limited: 4 }, lost: 0, limitedInterrupts: 1 })
  stTime(desc + IrqDesc.windowStartNs, 0)
  expect(accountOf(unit)).toMatchObject({ unserved: { limited: 0 }, lost: 4, limitedInterrupts: 1 })
})
