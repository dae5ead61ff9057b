// SPDX-License-Identifier: MIT
/** PCI-5, PCI-6: the end of a domain's passthrough. */
import { EINVAL, ERESTART } from '@bottomhalf/base'
import { Domain, domainReferences, pirqRecordOf, putDomain } from '@bottomhalf/domain'
import { msiSend, pirqIrqNumber } from '@bottomhalf/irq'
import { ld, liveBlocks, load } from '@bottomhalf/machine'
import {
  DPCI_MAPPED, DPCI_QUEUED, dpciOf, HvmPirqDpci, PT_IRQ_TYPE_MSI, ptIrqDestroyBind,
} from '@bottomhalf/passthrough-io'
import { doSoftirq } from '@bottomhalf/softirq'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  assignDevice, deassignDevice, msixTableWrite, MSIX_NOT_MINE, msixtblPtRegister, PCI_MSIX, pciCleanDpciIrqs,
  pciDeviceOwner, pcidevsLocked, pciFunctionMsi, pciMapMsi, pciMsiIrq, pciReleaseDevices, pciReleaseDevicesHandler,
  pciSbdf,
} from '../src/index.js'
import { boot, heap, isRequested, settle } from './boot.js'
import {
  add, bind, bridge, createDomain, endpoint, GVEC, legacy, NIC, ok, passThrough, refuseRequest, startDying,
} from './setup.model.js'
import type { Pirq } from '@bottomhalf/base'

const P = (n: number) => n as Pirq
let d = 0
beforeEach(() => {
  boot()
  d = createDomain(1, 64)
})

const record = (pirq: number) => dpciOf(pirqRecordOf(d, P(pirq)))
const flags = (pirq: number) => ld(record(pirq) + HvmPirqDpci.flags)
const state = (pirq: number) => load(record(pirq) + HvmPirqDpci.state)
/** An interrupt arrives, and no softirq is served. */
const arrive = (nr: number) => msiSend(pciFunctionMsi(NIC, nr))

describe('PCI-5: pciCleanDpciIrqs', () => {
  test('PCI-5: unbinds every mapped pIRQ, and frees what passthrough kept of the domain', () => {
    add(endpoint(NIC, { msix: { entries: 40, bar: 0, offset: 0 } }))
    ok(assignDevice(d, NIC))
    ok(pciMapMsi(d, { sbdf: NIC, kind: PCI_MSIX, first: 0, count: 40 }, P(5)))
    const before = heap().length
    for (let n = 0; n < 40; n++) ok(bind(d, 5 + n, GVEC + n))
    startDying(d)
    ok(pciCleanDpciIrqs(d))
    expect([ld(d + Domain.hvmIrqDpci), heap().length]).toEqual([0, before])
    expect(Array.from({ length: 40 }, (_, n) => flags(5 + n))).not.toContain(DPCI_MAPPED)
    // tied they are still: that is the devices' part
    expect(pirqIrqNumber(pirqRecordOf(d, P(5)))).toBeGreaterThan(0)
  })

  test('DP-16: answers -ERESTART until no record is active, mapped or not', () => {
    passThrough(d, 2)
    arrive(1)
    ok(ptIrqDestroyBind(d, { type: PT_IRQ_TYPE_MSI, pirq: P(6), gvec: 0, gflags: 0 }))
    expect(state(6) & DPCI_QUEUED).toBe(DPCI_QUEUED)
    startDying(d)
    expect([pciCleanDpciIrqs(d), flags(5), flags(6)]).toEqual([-ERESTART, 0, 0])
    expect(ld(d + Domain.hvmIrqDpci)).not.toBe(0)
    doSoftirq()
    ok(pciCleanDpciIrqs(d))
    expect(ld(d + Domain.hvmIrqDpci)).toBe(0)
  })

  test('H5: never unbinds twice: what a pass unbound is not mapped in the next', () => {
    passThrough(d, 2)
    arrive(0)
    startDying(d)
    expect(pciCleanDpciIrqs(d)).toBe(-ERESTART)
    const unbound = liveBlocks().length
    expect([pciCleanDpciIrqs(d), pciCleanDpciIrqs(d), liveBlocks().length]).toEqual([-ERESTART, -ERESTART, unbound])
    doSoftirq()
    expect([pciCleanDpciIrqs(d), pciCleanDpciIrqs(d)]).toEqual([0, 0])
    expect(domainReferences(d)).toBe(2)
  })

  test('I2: delivers nothing that was under way', () => {
    passThrough(d, 1)
    arrive(0)
    startDying(d)
    expect(pciCleanDpciIrqs(d)).toBe(-ERESTART)
    settle()
    expect(isRequested(d, GVEC)).toBe(false)
  })

  test('PCI-5: is nothing to a domain without passthrough, and a BUG to one that lives', () => {
    expect(() => pciCleanDpciIrqs(d)).toThrow('PCI-5')
    startDying(d)
    ok(pciCleanDpciIrqs(d))
  })

  test('U9: nothing is bound behind its back', () => {
    passThrough(d, 1)
    startDying(d)
    ok(pciCleanDpciIrqs(d))
    expect(bind(d, 5, GVEC)).toBe(-EINVAL)
  })
})

describe('PCI-6: pciReleaseDevices', () => {
  test('I11: gives every device back, and leaves nothing of the domain when that dies', () => {
    add(bridge(pciSbdf(0, 0, 30, 0), 5))
    for (const slot of [1, 2]) add(legacy(pciSbdf(0, 5, slot, 0)))
    add(endpoint(pciSbdf(3, 0, 0, 0)))
    passThrough(d, 3)
    ok(msixtblPtRegister(d, P(5), 0x10000))
    ok(assignDevice(d, pciSbdf(0, 5, 1, 0)))
    ok(assignDevice(d, pciSbdf(3, 0, 0, 0)))
    expect(domainReferences(d)).toBe(5)
    startDying(d)
    ok(pciReleaseDevices(d))
    const devices = [NIC, pciSbdf(3, 0, 0, 0), pciSbdf(0, 5, 1, 0), pciSbdf(0, 5, 2, 0)]
    expect([devices.map(pciDeviceOwner), domainReferences(d)]).toEqual([[0, 0, 0, 0], 1])
    expect([msixTableWrite(d, 0x10000, 1), pciMsiIrq(NIC, 0)]).toEqual([MSIX_NOT_MINE, 0])
    putDomain(d)
    settle()
    // what is left was there with the hardware
    expect(heap()).toHaveLength(heapOfHardware())
  })

  test('RL3: passes -ERESTART up with pcidevs dropped, and keeps the devices until the runs are over', () => {
    passThrough(d, 1)
    arrive(0)
    startDying(d)
    expect([pciReleaseDevices(d), pcidevsLocked(), pciDeviceOwner(NIC)]).toEqual([-ERESTART, false, d])
    doSoftirq()
    expect([pciReleaseDevices(d), pcidevsLocked(), pciDeviceOwner(NIC)]).toEqual([0, false, 0])
    expect([pciReleaseDevices(d), domainReferences(d)]).toEqual([0, 1])
  })

  test('PCI-3: a device that cannot be taken back stops it, and is tried again at the next call', () => {
    passThrough(d, 1)
    add(endpoint(NIC + 8))
    ok(assignDevice(d, NIC + 8))
    startDying(d)
    refuseRequest(2)
    expect([pciReleaseDevices(d), pciDeviceOwner(NIC), pciDeviceOwner(NIC + 8)]).toEqual([-5, 0, d])
    expect(domainReferences(d)).toBe(2)
    refuseRequest(0)
    ok(pciReleaseDevices(d))
    expect([pciDeviceOwner(NIC + 8), domainReferences(d)]).toEqual([0, 1])
  })

  test('IRQ-9: a pIRQ that was untied by force goes with it', () => {
    passThrough(d, 1)
    ok(deassignDevice(d, NIC))
    startDying(d)
    ok(pciReleaseDevices(d))
    expect(pirqRecordOf(d, P(5))).toBe(0)
  })

  test('PCI-6: leaves the devices of others alone', () => {
    const other = createDomain(2)
    passThrough(d, 1)
    startDying(other)
    ok(pciReleaseDevices(other))
    expect([pciDeviceOwner(NIC), flags(5) & DPCI_MAPPED]).toEqual([d, DPCI_MAPPED])
  })

  test('PCI-6: can be named by a seam', () => {
    expect(pciReleaseDevicesHandler.id).toBeGreaterThan(0)
  })

  /** Blocks of a machine with the hardware of the first test, and no domain. */
  function heapOfHardware(): number {
    boot()
    add(bridge(pciSbdf(0, 0, 30, 0), 5))
    for (const slot of [1, 2]) add(legacy(pciSbdf(0, 5, slot, 0)))
    add(endpoint(pciSbdf(3, 0, 0, 0)))
    add(endpoint(NIC))
    return heap().length
  }
})
