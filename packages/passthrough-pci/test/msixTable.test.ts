// SPDX-License-Identifier: MIT
/** PCI-8: a guest's accesses to its vector table. */
import { EBUSY, EINVAL, ENODEV, ENOMEM } from '@bottomhalf/base'
import { msiIsMasked, msiSend, MSI_GUEST_MASKED, MSI_HOST_MASKED, MsiEntry, unmappedArrivals } from '@bottomhalf/irq'
import { load } from '@bottomhalf/machine'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  deassignDevice, MSIX_DONE, MSIX_NOT_MINE, MSIX_TO_MODEL, msixModelDone, msixTableRead, msixTableWrite,
  msixtblPtRegister, msixtblPtUnregister, PCI_MSI, PCI_MSIX, pciFunctionMsi, pciMapMsi, pciMaskMsi, pciRemoveDevice,
  pciUnmapMsi, assignDevice,
} from '../src/index.js'
import { boot, eachAllocationFails, heap, isRequested, settle } from './boot.js'
import { add, bind, createDomain, endpoint, GVEC, MSIX_ENTRIES, NIC, ok, passThrough, startDying } from './setup.model.js'
import type { Pirq } from '@bottomhalf/base'

const P = (n: number) => n as Pirq
const TABLE = 0x1_2345_6000 + 0x800
const field = (nr: number, name: number) => TABLE + 16 * nr + name
const LOW = 0
const HIGH = 4
const DATA = 8
const CONTROL = 12

let d = 0
const write = (nr: number, name: number, value: number) => msixTableWrite(d, field(nr, name), value)
const read = (nr: number, name: number) => msixTableRead(d, field(nr, name))
const hardware = (nr: number) => load(pciFunctionMsi(NIC, nr) + MsiEntry.control)
const guestMask = (nr: number) => (hardware(nr) & MSI_GUEST_MASKED) !== 0

beforeEach(() => {
  boot()
  d = createDomain(1)
})

describe('PCI-8: a registered vector table', () => {
  beforeEach(() => {
    passThrough(d, 2)
    ok(msixtblPtRegister(d, P(5), TABLE))
  })

  test('PCI-8: has the mask bit for the guest, or-ed with the host\'s in the hardware', () => {
    expect(write(0, CONTROL, 1)).toBe(MSIX_DONE)
    expect([msiIsMasked(pciFunctionMsi(NIC, 0)), read(0, CONTROL), read(1, CONTROL)]).toEqual([true, 1, 0])
    ok(pciMaskMsi(NIC, 0, true))
    expect(write(0, CONTROL, 0)).toBe(MSIX_DONE)
    expect([msiIsMasked(pciFunctionMsi(NIC, 0)), read(0, CONTROL)]).toEqual([true, 0])
    ok(pciMaskMsi(NIC, 0, false))
    expect(msiIsMasked(pciFunctionMsi(NIC, 0))).toBe(false)
  })

  test('PCI-8: holds a masked message back and lets it go with the unmask', () => {
    write(0, CONTROL, 1)
    msiSend(pciFunctionMsi(NIC, 0))
    settle()
    expect(isRequested(d, GVEC)).toBe(false)
    write(0, CONTROL, 0)
    settle()
    expect(isRequested(d, GVEC)).toBe(true)
  })

  test('PCI-8: keeps address and data for the device model, and the hardware as it is', () => {
    const before = [0, 1, 2, 3].map(hardware)
    for (const [name, value] of [[LOW, 0xfee01000], [HIGH, 7], [DATA, 0x4055]] as const) {
      expect(write(1, name, value)).toBe(MSIX_DONE)
    }
    expect([LOW, HIGH, DATA].map((name) => read(1, name))).toEqual([0xfee01000, 7, 0x4055])
    expect([0, 1, 2, 3].map(hardware)).toEqual(before)
  })

  test('MX2: sends the unmask of a marked entry to the device model first, and replays it', () => {
    write(0, CONTROL, 1)
    write(0, DATA, 0x4055)
    expect([write(0, CONTROL, 0), guestMask(0)]).toEqual([MSIX_TO_MODEL, true])
    expect([write(0, CONTROL, 0), guestMask(0), read(0, CONTROL)]).toEqual([MSIX_DONE, true, 1])
    expect([msixModelDone(d, field(0, CONTROL)), guestMask(0), read(0, CONTROL)]).toEqual([MSIX_DONE, false, 0])
    expect([write(0, CONTROL, 1), write(0, CONTROL, 0)]).toEqual([MSIX_DONE, MSIX_DONE])
  })

  test('MX3: a mask between the unmask and its replay wins', () => {
    write(0, CONTROL, 1)
    write(0, DATA, 0x4055)
    write(0, CONTROL, 0)
    write(0, CONTROL, 1)
    expect([msixModelDone(d, field(0, CONTROL)), guestMask(0)]).toEqual([MSIX_DONE, true])
  })

  test('MX2: asks the device model again if the guest wrote while it looked', () => {
    write(0, CONTROL, 1)
    write(0, DATA, 0x4055)
    write(0, CONTROL, 0)
    write(0, DATA, 0x4056)
    expect([msixModelDone(d, field(0, CONTROL)), guestMask(0)]).toEqual([MSIX_TO_MODEL, true])
    expect([msixModelDone(d, field(0, CONTROL)), guestMask(0)]).toEqual([MSIX_DONE, false])
  })

  test('PCI-8: delivers to the new vector after the device model bound it', () => {
    write(0, CONTROL, 1)
    write(0, DATA, 0x4055)
    msiSend(pciFunctionMsi(NIC, 0))
    expect(write(0, CONTROL, 0)).toBe(MSIX_TO_MODEL)
    ok(bind(d, 5, read(0, DATA) & 0xff))
    msixModelDone(d, field(0, CONTROL))
    settle()
    expect([isRequested(d, GVEC), isRequested(d, 0x55)]).toEqual([false, true])
  })

  test('PCI-8: is the pages that it lies in: writes beside the entries are dropped, others are not its own', () => {
    const page = TABLE - 0x800
    expect([page, page + 0xffc, field(0, LOW) + 2, field(MSIX_ENTRIES, CONTROL)].map((at) => msixTableWrite(d, at, -1)))
      .toEqual([MSIX_DONE, MSIX_DONE, MSIX_DONE, MSIX_DONE])
    expect([page - 4, page + 0x1000].map((at) => msixTableWrite(d, at, -1))).toEqual([MSIX_NOT_MINE, MSIX_NOT_MINE])
    expect([page, field(MSIX_ENTRIES, LOW), page - 4].map((at) => msixTableRead(d, at))).toEqual([-1, -1, -1])
    expect(Array.from({ length: MSIX_ENTRIES }, (_, nr) => read(nr, LOW))).toEqual([0, 0, 0, 0])
  })

  test('PCI-8: is its own guest\'s', () => {
    const other = createDomain(65)
    expect([msixTableWrite(other, field(0, CONTROL), 1), msixTableRead(other, field(0, CONTROL)), guestMask(0)])
      .toEqual([MSIX_NOT_MINE, -1, false])
  })

  test('MX1: never reaches the hardware of an entry without an interrupt', () => {
    msiSend(pciFunctionMsi(NIC, 3))
    expect([write(3, CONTROL, 0), hardware(3) & (MSI_GUEST_MASKED | MSI_HOST_MASKED), read(3, CONTROL)])
      .toEqual([MSIX_DONE, MSI_GUEST_MASKED | MSI_HOST_MASKED, 0])
    settle()
    expect(unmappedArrivals(0)).toBe(0)
    // the bit that the guest wrote counts as soon as there is one
    ok(pciMapMsi(d, { sbdf: NIC, kind: PCI_MSIX, first: 3, count: 1 }, P(9)))
    expect(guestMask(3)).toBe(false)
    write(3, CONTROL, 1)
    ok(pciUnmapMsi(d, { sbdf: NIC, kind: PCI_MSIX, first: 3, count: 1 }))
    expect([read(3, CONTROL), hardware(3) & MSI_HOST_MASKED]).toEqual([1, MSI_HOST_MASKED])
  })

  test('PCI-8: is one counted record: the last binding takes it along', () => {
    ok(msixtblPtRegister(d, P(6), TABLE))
    expect(msixtblPtRegister(d, P(6), TABLE + 16)).toBe(-EBUSY)
    ok(msixtblPtUnregister(d, P(5)))
    expect(write(0, CONTROL, 1)).toBe(MSIX_DONE)
    ok(msixtblPtUnregister(d, P(6)))
    expect([write(0, CONTROL, 0), msixtblPtUnregister(d, P(6))]).toEqual([MSIX_NOT_MINE, -ENODEV])
  })

  test.each([
    ['deassigned', () => deassignDevice(d, NIC)],
    ['removed', () => pciRemoveDevice(NIC)],
  ])('PCI-8: goes with its device, however many bindings it has: %s', (_how, take) => {
    ok(msixtblPtRegister(d, P(6), TABLE))
    ok(take())
    expect([write(0, CONTROL, 1), read(0, CONTROL)]).toEqual([MSIX_NOT_MINE, -1])
  })

  test('PCI-8: leaves no memory', () => {
    ok(msixtblPtUnregister(d, P(5)))
    settle()
    const before = heap()
    ok(msixtblPtRegister(d, P(5), TABLE))
    ok(msixtblPtUnregister(d, P(5)))
    settle()
    expect(heap()).toEqual(before)
  })
})

describe('PCI-8: msixtblPtRegister', () => {
  test('PCI-8: is refused for addresses, pIRQs and domains that cannot be', () => {
    passThrough(d, 1)
    for (const address of [-16, 8, 0.5, 2 ** 44, NaN]) expect(msixtblPtRegister(d, P(5), address)).toBe(-EINVAL)
    expect(msixtblPtRegister(d, P(6), TABLE)).toBe(-ENODEV)
    expect(msixtblPtRegister(createDomain(2), P(5), TABLE)).toBe(-ENODEV)
    startDying(d)
    expect(msixtblPtRegister(d, P(5), TABLE)).toBe(-EINVAL)
  })

  test('PCI-8: is refused for a pIRQ that is an MSI', () => {
    add(endpoint(NIC))
    ok(assignDevice(d, NIC))
    ok(pciMapMsi(d, { sbdf: NIC, kind: PCI_MSI, first: 0, count: 1 }, P(5)))
    expect(msixtblPtRegister(d, P(5), TABLE)).toBe(-ENODEV)
  })

  test('PCI-8: leaves nothing without memory', () => {
    passThrough(d, 1)
    expect(eachAllocationFails(() => msixtblPtRegister(d, P(5), TABLE), -ENOMEM)).toBe(1)
  })

  test('PCI-8: covers a table of several pages', () => {
    const big = NIC + 8
    add(endpoint(big, { msix: { entries: 600, bar: 0, offset: 0 } }))
    ok(assignDevice(d, big))
    ok(pciMapMsi(d, { sbdf: big, kind: PCI_MSIX, first: 599, count: 1 }, P(5)))
    ok(msixtblPtRegister(d, P(5), TABLE))
    expect([write(599, DATA, 9), read(599, DATA), msixTableWrite(d, TABLE - 0x800 + 0x3000, 1)])
      .toEqual([MSIX_DONE, 9, MSIX_NOT_MINE])
  })
})

describe('PCI-8 against a model', () => {
  type Step = 'mask' | 'unmask' | 'data' | 'done' | 'hostMask' | 'hostUnmask'
  const kinds: Step[] = ['mask', 'unmask', 'data', 'done', 'hostMask', 'hostUnmask']
  const steps = fc.array(fc.constantFrom(...kinds), { minLength: 1, maxLength: 30 })

  test('PCI-8: any sequence of guest, model and host: open while nobody masks it, once the model has seen it', () => {
    fc.assert(fc.property(steps, (sequence) => {
      boot()
      d = createDomain(1)
      passThrough(d, 1)
      ok(msixtblPtRegister(d, P(5), TABLE))
      const m = { guest: false, host: false, data: 0, marked: false, asked: false }
      let n = 0
      for (const step of sequence) {
        n++
        switch (step) {
          case 'mask': Object.assign(m, { guest: true, asked: false }); break
          case 'unmask':
            if (m.marked && !m.asked) Object.assign(m, { asked: true, marked: false })
            else if (!m.asked) m.guest = false
            break
          case 'data': Object.assign(m, { data: n, marked: true }); break
          case 'done':
            if (m.asked && m.marked) m.marked = false
            else if (m.asked) Object.assign(m, { asked: false, guest: false })
            break
          case 'hostMask': m.host = true; break
          case 'hostUnmask': m.host = false; break
        }
        perform(step, n)
        expect([read(0, CONTROL), read(0, DATA), msiIsMasked(pciFunctionMsi(NIC, 0))])
          .toEqual([m.guest ? 1 : 0, m.data, m.guest || m.host])
      }
    }), { numRuns: 80 })
  })

  function perform(what: Step, n: number): void {
    switch (what) {
      case 'mask': write(0, CONTROL, 1); return
      case 'unmask': write(0, CONTROL, 0); return
      case 'data': write(0, DATA, n); return
      case 'done': msixModelDone(d, field(0, CONTROL)); return
      case 'hostMask': ok(pciMaskMsi(NIC, 0, true)); return
      case 'hostUnmask': ok(pciMaskMsi(NIC, 0, false))
    }
  }
})
