// SPDX-License-Identifier: MIT
import { Behaviour, deviceArrival, deviceCreate, Driver, driverCreate, Guest, guestCreate, type Misbehaviour } from '@bottomhalf/guest'
import { formatMemory, st, store } from '@bottomhalf/machine'
import { beforeEach, expect, test } from 'vitest'
import { accountOf, outstanding } from '../src/accounts.js'
import { Lane } from '../src/pacing.js'
import type { DomId, Pirq } from '@bottomhalf/base'
import type { Unit } from '../src/fleet.js'

function* never(): Generator<number, void> { /* no arrival of its own */ }

interface Counts { raised: number, delivered: number, coalesced: number, missed?: number, unservable?: number }

/** A bound device that raised `raised` arrivals, of which its driver has served some and missed some. */
function unitWith(counts: Counts, misbehaviour: Misbehaviour = {}): Unit {
  const device = deviceCreate()
  const driver = driverCreate(device, 0x30, 0, 0, 0)
  for (let i = 0; i < counts.raised; i++) deviceArrival(device)
  st(driver + Driver.delivered, counts.delivered)
  st(driver + Driver.coalesced, counts.coalesced)
  st(driver + Driver.missed, counts.missed ?? 0)
  const scenario = { name: 'd', interrupt: 'msi', arrivals: { constant: 1 } } as const
  const guestData = guestCreate(driver, 0, misbehaviour)
  const guest = { scenario: { name: 'g', cpu: 0, work: 0, devices: [scenario] }, domId: 1 as DomId, guestData, units: [] }
  const lane = new Lane(never(), () => undefined)
  return { guest, scenario, pirq: 0 as Pirq, device, driver, lane, bound: true, unservable: counts.unservable ?? 0 }
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
