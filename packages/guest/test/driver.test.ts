// SPDX-License-Identifier: MIT
import { formatMemory, ld, st, store } from '@bottomhalf/machine'
import { lineIsAsserted, msiIsPending, setupIrqs } from '@bottomhalf/irq'
import { beforeEach, expect, test } from 'vitest'
import { RING_WORDS } from '../src/device.js'
import { driverInterrupt, driverLoad, driverOf } from '../src/driver.js'
import {
  Device, deviceArrival, deviceCreate, deviceCreateOnLine, deviceEnableLine, deviceInterrupt, deviceRaised, Driver,
  driverCounts, driverCreate, histogramRead,
} from '../src/index.js'

let device = 0
let driver = 0

beforeEach(() => {
  formatMemory({ cpus: 1 })
  device = deviceCreate()
  driver = driverCreate({ device, gvec: 0x30, pirq: 3, workNs: 0 }, 0)
})

const samples = (): number => {
  const counts: number[] = []
  histogramRead(ld(driver + Driver.latency), counts)
  return counts.reduce((a, b) => a + b, 0)
}

test('DEV1: an arrival is in the ring and counted before its message goes out; a masked message is held back', () => {
  deviceArrival(device)
  expect(deviceRaised(device)).toBe(1)
  expect(msiIsPending(device + Device.msi)).toBe(true)
})

test('DRV1: one run serves all arrivals that its look covers: delivered counts runs, coalesced the rest', () => {
  for (let i = 0; i < 3; i++) deviceArrival(device)
  driverInterrupt(driver)
  deviceArrival(device)
  driverInterrupt(driver)
  expect(driverCounts(driver)).toEqual({ delivered: 2, coalesced: 2, missed: 0, empty: 0 })
  expect(samples()).toBe(2)
})

test('a run that finds nothing is empty: neither delivered nor coalesced, and no latency', () => {
  deviceInterrupt(device)
  driverInterrupt(driver)
  expect(driverCounts(driver)).toEqual({ delivered: 0, coalesced: 0, missed: 0, empty: 1 })
  expect(samples()).toBe(0)
})

test('a lost arrival shows as the difference between both counts: the twin of "nothing lost"', () => {
  for (let i = 0; i < 5; i++) deviceArrival(device)
  driverInterrupt(driver)
  st(driver + Driver.coalesced, ld(driver + Driver.coalesced) - 1)      // a driver that dropped one completion
  const { delivered, coalesced } = driverCounts(driver)
  expect(deviceRaised(device) - delivered - coalesced).toBe(1)
})

test('more arrivals than the ring has places are all counted, and so are those behind a wrap of the index', () => {
  store(device + Device.producer, 0x7fffffff)
  st(driver + Driver.consumed, 0x7fffffff)
  for (let i = 0; i < RING_WORDS + 5; i++) deviceArrival(device)
  driverInterrupt(driver)
  expect(driverCounts(driver)).toEqual({ delivered: 1, coalesced: RING_WORDS + 4, missed: 0, empty: 0 })
})

test('DEV2: a device raises its line once, its driver lowers it, and a device that may not holds none up', () => {
  expect(setupIrqs(4)).toBe(0)
  const onLine = deviceCreateOnLine(20)
  const itsDriver = driverCreate({ device: onLine, gvec: 0x40, pirq: 4, gsi: 16, workNs: 0 }, 0)
  for (let i = 0; i < 3; i++) deviceArrival(onLine)
  expect(lineIsAsserted(20)).toBe(true)
  driverInterrupt(itsDriver)                                            // DRV3
  expect(lineIsAsserted(20)).toBe(false)
  expect(driverCounts(itsDriver)).toMatchObject({ delivered: 1, coalesced: 2 })
  deviceInterrupt(onLine)
  deviceEnableLine(onLine, false)
  deviceArrival(onLine)
  expect(lineIsAsserted(20)).toBe(false)
  expect(deviceRaised(onLine)).toBe(4)
})

test('DRV2: a driver loaded anew misses what came before, serves what comes after, and each arrival is counted once', () => {
  for (let i = 0; i < 3; i++) deviceArrival(device)
  driverInterrupt(driver)
  for (let i = 0; i < 4; i++) deviceArrival(device)
  driverLoad(driver)
  for (let i = 0; i < 2; i++) deviceArrival(device)
  driverInterrupt(driver)
  expect(driverCounts(driver)).toEqual({ delivered: 2, coalesced: 3, missed: 4, empty: 0 })
  expect(samples()).toBe(2)
})

test('DRV2: what a run served between bind and load is not missed', () => {
  for (let i = 0; i < 4; i++) deviceArrival(device)
  driverLoad(driver)
  st(driver + Driver.loadsSeen, 1)                                      // the run came before it could see the load
  driverInterrupt(driver)
  driverLoad(driver)
  driverInterrupt(driver)
  expect(driverCounts(driver)).toEqual({ delivered: 1, coalesced: 3, missed: 0, empty: 1 })
})

test('a guest finds the driver of a vector in its chain, or none', () => {
  const second = driverCreate({ device, gvec: 0x31, pirq: 4, workNs: 0 }, driver)
  expect(driverOf(second, 0x30, 0)).toBe(driver)
  expect(driverOf(second, 0x31, 0)).toBe(second)
  expect(driverOf(second, 0x32, 0)).toBe(0)
})
