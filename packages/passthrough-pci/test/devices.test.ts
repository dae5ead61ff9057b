// SPDX-License-Identifier: MIT
/** PCI-2, PCI-3, PCI-7: devices come and go, change owners, and are stopped when they storm. */
import { EBUSY, EINVAL, ENODEV, ENOMEM, EPERM } from '@bottomhalf/base'
import { domainReferences } from '@bottomhalf/domain'
import { ld } from '@bottomhalf/machine'
import { requestIrq } from '@bottomhalf/irq'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import {
  assignDevice, deassignDevice, FAULT_THRESHOLD, findUpstreamBridge, OWNER_HARDWARE_DOMAIN, OWNER_HYPERVISOR, PCI_MSI,
  PCI_MSIX, pciAddDevice, pciCheckDisableDevice, PciCommand, pciConfRead, pciConfWrite, pciDeviceOwner,
  pciEnableMsi, pciEnableVirtualFunctions, pciHideDevice, pciMapMsi, pciMsiIrq, pciPlugFunction, pciRemoveDevice,
  PciReg, pciSbdf,
} from '../src/index.js'
import { devLocked } from '../src/segment.js'
import { PciDev } from '../src/records.js'
import { boot, eachAllocationFails, heap, settle } from './boot.js'
import {
  actionHandler, add, bridge, createDomain, endpoint, Iommu, legacy, NIC, ok, refuseRequest, startDying,
} from './setup.model.js'
import type { Pirq } from '@bottomhalf/base'

let d = 0
let other = 0
const start = (): void => {
  boot()
  d = createDomain(1)
  other = createDomain(2)
}
beforeEach(start)

const requests = () => ld(Iommu.base + Iommu.requests)
const contexts = (sbdf: number) => Array.from({ length: 8 }, (_, i) => ld(devLocked(sbdf) + PciDev.contexts + i))
const command = (sbdf: number) => pciConfRead(sbdf, PciReg.COMMAND, 2)
const enableMaster = (sbdf: number) => ok(pciConfWrite(sbdf, PciReg.COMMAND, 2, PciCommand.MEMORY | PciCommand.MASTER))

describe('PCI-2: a device that is added', () => {
  test('PCI-2: belongs to the hardware domain and reaches its memory', () => {
    add(endpoint(NIC))
    expect([pciDeviceOwner(NIC), contexts(NIC)[0]]).toEqual([OWNER_HARDWARE_DOMAIN, OWNER_HARDWARE_DOMAIN])
    expect(pciDeviceOwner(NIC + 1)).toBe(-ENODEV)
  })

  test('PCI-2: must be there', () => {
    expect([pciAddDevice(NIC, {}), pciRemoveDevice(NIC)]).toEqual([-ENODEV, -ENODEV])
  })

  test('PCI-2: stays as it is when it is added again', () => {
    add(endpoint(NIC))
    ok(assignDevice(d, NIC))
    const before = heap()
    ok(pciAddDevice(NIC, {}))
    expect([pciDeviceOwner(NIC), heap()]).toEqual([d, before])
  })

  test('PCI-2: leaves nothing when an allocation fails', () => {
    ok(pciPlugFunction(endpoint(NIC)))
    expect(eachAllocationFails(() => pciAddDevice(NIC, {}), -ENOMEM)).toBeGreaterThanOrEqual(2)
  })

  test('PCI-2: leaves nothing, ACS included, when the IOMMU refuses', () => {
    ok(pciPlugFunction(endpoint(NIC, { acs: 0x1f })))
    const before = heap()
    refuseRequest(1)
    expect(pciAddDevice(NIC, {})).toBe(-5)
    expect([heap(), pciConfRead(NIC, 0x106, 2), pciDeviceOwner(NIC)]).toEqual([before, 0, -ENODEV])
  })

  test('PCI-2: adds its physical function first if it is a virtual one', () => {
    const pf = virtual(2)
    ok(pciAddDevice(pf + 0x81, { isVirtfn: true, physfn: pf & 0xffff }))
    expect([pciDeviceOwner(pf), pciDeviceOwner(pf + 0x81)]).toEqual([OWNER_HARDWARE_DOMAIN, OWNER_HARDWARE_DOMAIN])
    expect(pciRemoveDevice(pf)).toBe(-EBUSY)
    ok(pciRemoveDevice(pf + 0x81))
    ok(pciRemoveDevice(pf))
  })

  test('PCI-2: takes the physical function that it brought away again when it cannot be added', () => {
    const pf = virtual(1)
    expect(eachAllocationFails(() => pciAddDevice(pf + 0x80, { isVirtfn: true, physfn: pf & 0xffff }), -ENOMEM))
      .toBeGreaterThanOrEqual(4)
    ok(pciRemoveDevice(pf + 0x80))
    ok(pciRemoveDevice(pf))
    const before = heap()
    refuseRequest(2)
    expect(pciAddDevice(pf + 0x80, { isVirtfn: true, physfn: pf & 0xffff })).toBe(-5)
    expect([heap(), pciDeviceOwner(pf)]).toEqual([before, -ENODEV])
  })

  test('PCI-2: keeps a physical function that was known before, when it cannot be added', () => {
    const pf = virtual(1)
    ok(pciAddDevice(pf, {}))
    refuseRequest(1)
    expect(pciAddDevice(pf + 0x80, { isVirtfn: true, physfn: pf & 0xffff })).toBe(-5)
    expect(pciDeviceOwner(pf)).toBe(OWNER_HARDWARE_DOMAIN)
  })

  test('PCI-2: is refused as a virtual function of another one, or with information that makes no sense', () => {
    const pf = virtual(1)
    add(endpoint(NIC))
    expect([
      pciAddDevice(pf + 0x80, { isVirtfn: true, physfn: NIC }),
      pciAddDevice(NIC, { isVirtfn: true, physfn: pf & 0xffff }),
      pciAddDevice(NIC, { isVirtfn: true }), pciAddDevice(NIC, { physfn: 3 }),
      pciAddDevice(NIC, { isVirtfn: true, isExtfn: true, physfn: 3 }),
    ]).toEqual([-ENODEV, -ENODEV, -EINVAL, -EINVAL, -EINVAL])
  })

  /** A physical function with `count` virtual ones in their slots. */
  function virtual(count: number): number {
    const sbdf = pciSbdf(0, 4, 0, 0)
    const sriov = { totalVfs: 4, firstOffset: 0x80, stride: 1, vfDeviceId: 0x1515, vfMsixEntries: 3 }
    ok(pciPlugFunction(endpoint(sbdf, { sriov })))
    ok(pciEnableVirtualFunctions(sbdf, count))
    return sbdf
  }
})

describe('PCI-2: a device that is removed', () => {
  test('PCI-2: leaves nothing, and no memory that it reaches', () => {
    ok(pciPlugFunction(endpoint(NIC)))
    const before = heap()
    ok(pciAddDevice(NIC, {}))
    ok(pciRemoveDevice(NIC))
    expect([heap(), ld(Iommu.base + Iommu.lastTo)]).toEqual([before, -1])
  })

  test('PCI-2: has its messages cleaned', () => {
    add(endpoint(NIC))
    ok(pciEnableMsi({ sbdf: NIC, kind: PCI_MSIX, first: 1, count: 2 }, 0))
    const before = heap().length
    ok(pciRemoveDevice(NIC))
    expect(heap().length).toBeLessThan(before)
    ok(pciAddDevice(NIC, {}))
    expect([0, 1, 2].map((nr) => pciMsiIrq(NIC, nr))).toEqual([0, 0, 0])
  })

  test('PCI-2: is known still while the host uses one of its interrupts', () => {
    add(endpoint(NIC))
    ok(pciEnableMsi({ sbdf: NIC, kind: PCI_MSI, first: 0, count: 1 }, 0))
    ok(requestIrq(pciMsiIrq(NIC, 0), actionHandler, 0))
    expect(pciRemoveDevice(NIC)).toBe(-EBUSY)
    expect(pciDeviceOwner(NIC)).toBe(OWNER_HARDWARE_DOMAIN)
  })

  test('PCI-2: goes away from a guest too, and pays back the reference', () => {
    add(endpoint(NIC))
    ok(assignDevice(d, NIC))
    ok(pciMapMsi(d, { sbdf: NIC, kind: PCI_MSIX, first: 0, count: 1 }, 5 as Pirq))
    enableMaster(NIC)
    ok(pciRemoveDevice(NIC))
    expect([domainReferences(d), command(NIC), pciDeviceOwner(NIC)]).toEqual([1, 0, -ENODEV])
  })

  test('PCI-2: stays known, and the guest\'s, if the IOMMU refuses', () => {
    add(endpoint(NIC))
    ok(assignDevice(d, NIC))
    refuseRequest(1)
    expect([pciRemoveDevice(NIC), pciDeviceOwner(NIC), domainReferences(d)]).toEqual([-5, d, 2])
    ok(pciRemoveDevice(NIC))
  })
})

describe('PCI-3: assignDevice', () => {
  test('PCI-3: gives the hardware domain\'s device to a guest, with a reference', () => {
    add(endpoint(NIC))
    ok(assignDevice(d, NIC))
    expect([pciDeviceOwner(NIC), contexts(NIC)[0], domainReferences(d)]).toEqual([d, d, 2])
  })

  test('PCI-3: -ENODEV for none, -EBUSY for another\'s, -EPERM for a bridge, -EINVAL for a dying domain', () => {
    expect(assignDevice(d, NIC)).toBe(-ENODEV)
    add(endpoint(NIC))
    add(bridge(pciSbdf(0, 0, 30, 0), 5))
    add(endpoint(NIC + 8))
    ok(pciHideDevice(NIC + 8))
    ok(assignDevice(other, NIC))
    expect([NIC, NIC + 8, pciSbdf(0, 0, 30, 0)].map((at) => assignDevice(d, at))).toEqual([-EBUSY, -EBUSY, -EPERM])
    expect(assignDevice(other, NIC)).toBe(-EBUSY)
    expect(pciDeviceOwner(NIC + 8)).toBe(OWNER_HYPERVISOR)
    ok(deassignDevice(other, NIC))
    startDying(d)
    expect(assignDevice(d, NIC)).toBe(-EINVAL)
    expect([domainReferences(d), domainReferences(other)]).toEqual([1, 1])
  })

  test('PCI-3: leaves a device alone whose interrupts the hardware domain uses', () => {
    add(endpoint(NIC))
    ok(pciEnableMsi({ sbdf: NIC, kind: PCI_MSI, first: 0, count: 1 }, 0))
    expect([assignDevice(d, NIC), pciDeviceOwner(NIC)]).toEqual([-EBUSY, OWNER_HARDWARE_DOMAIN])
  })

  test('AS2: a refusal of any of its steps is undone', () => {
    phantoms()
    for (let step = 1; step <= 4; step++) {
      refuseRequest(step)
      expect(assignDevice(d, NIC)).toBe(-5)
      expect([pciDeviceOwner(NIC), domainReferences(d), contexts(NIC).slice(0, 4)]).toEqual([0, 1, [0, 0, 0, 0]])
    }
    refuseRequest(5)
    expect(assignDevice(d, NIC)).toBe(0)
  })

  test('AS2: what cannot be taken back is not said to be: it stays the domain\'s', () => {
    phantoms()
    refuseRequest(3, true)
    expect([assignDevice(d, NIC), pciDeviceOwner(NIC), domainReferences(d)]).toEqual([-5, d, 2])
    refuseRequest(0)
    ok(deassignDevice(d, NIC))
    expect([pciDeviceOwner(NIC), domainReferences(d), contexts(NIC).slice(0, 4)]).toEqual([0, 1, [0, 0, 0, 0]])
  })
})

describe('PCI-3: deassignDevice', () => {
  test('PCI-3: gives the device back, reset, without interrupts', () => {
    add(endpoint(NIC))
    ok(assignDevice(d, NIC))
    const before = heap()
    ok(pciMapMsi(d, { sbdf: NIC, kind: PCI_MSIX, first: 0, count: 3 }, 5 as Pirq))
    enableMaster(NIC)
    ok(deassignDevice(d, NIC))
    settle()
    expect([pciDeviceOwner(NIC), contexts(NIC)[0], command(NIC), pciMsiIrq(NIC, 0)]).toEqual([0, 0, 0, 0])
    expect(domainReferences(d)).toBe(1)
    expect(heap()).toEqual(before)
  })

  test('PCI-3: answers -ENODEV for none, for the hardware domain\'s, for another\'s', () => {
    add(endpoint(NIC))
    add(endpoint(NIC + 8))
    ok(assignDevice(other, NIC))
    expect([NIC, NIC + 8, NIC + 16].map((at) => deassignDevice(d, at))).toEqual([-ENODEV, -ENODEV, -ENODEV])
  })

  test('PCI-3: that fails says so, leaves it the domain\'s but quiet, and can be tried again', () => {
    phantoms()
    ok(assignDevice(d, NIC))
    enableMaster(NIC)
    refuseRequest(2)
    expect([deassignDevice(d, NIC), pciDeviceOwner(NIC), command(NIC), domainReferences(d)]).toEqual([-5, d, 0, 2])
    refuseRequest(0)
    ok(deassignDevice(d, NIC))
    // the phantom that was back already was not asked for again
    expect([requests(), pciDeviceOwner(NIC), domainReferences(d)]).toEqual([3, 0, 1])
  })
})

describe('PCI-3: what moves together', () => {
  const outer = pciSbdf(0, 0, 30, 0)
  const cards = [pciSbdf(0, 5, 3, 0), pciSbdf(0, 6, 1, 0), pciSbdf(0, 5, 4, 0)]
  const owners = () => cards.map(pciDeviceOwner)
  const build = () => {
    add(bridge(outer, 5, 6))
    add(bridge(pciSbdf(0, 5, 1, 0), 6))
    for (const card of cards) add(legacy(card))
    add(endpoint(NIC))
  }

  test('PCI-3: all that is behind one legacy bridge, bridges within it aside', () => {
    build()
    expect(cards.map(findUpstreamBridge)).toEqual([outer, outer, outer])
    ok(assignDevice(d, cards[1]!))
    expect([owners(), pciDeviceOwner(NIC), pciDeviceOwner(pciSbdf(0, 5, 1, 0)), domainReferences(d)])
      .toEqual([[d, d, d], 0, 0, 4])
    expect(assignDevice(other, cards[0]!)).toBe(-EBUSY)
    ok(deassignDevice(d, cards[2]!))
    expect([owners(), domainReferences(d)]).toEqual([[0, 0, 0], 1])
  })

  test('AS1: none of them if one is refused, by its owner or by the IOMMU', () => {
    build()
    for (let step = 1; step <= 3; step++) {
      refuseRequest(step)
      expect([assignDevice(d, cards[0]!), owners(), domainReferences(d)]).toEqual([-5, [0, 0, 0], 1])
    }
    refuseRequest(0)
    ok(pciHideDevice(cards[2]!))
    expect([assignDevice(d, cards[0]!), owners()]).toEqual([-EBUSY, [0, 0, OWNER_HYPERVISOR]])
  })

  test('PCI-3: the phantom functions of a device: the real one first, and last on the way back', () => {
    phantoms()
    const order: number[][] = []
    for (const step of [1, 2, 3, 4]) {
      refuseRequest(step + 1, true)
      expect(assignDevice(d, NIC)).toBe(step === 4 ? 0 : -5)
      order.push(contexts(NIC).slice(0, 4))
      refuseRequest(0)
      if (pciDeviceOwner(NIC) === d) ok(deassignDevice(d, NIC))
    }
    expect(order).toEqual([[d, 0, 0, 0], [d, d, 0, 0], [d, d, d, 0], [d, d, d, d]])
    ok(assignDevice(d, NIC))
    const back: number[][] = []
    for (const step of [1, 2, 3]) {
      refuseRequest(2, true)
      expect(deassignDevice(d, NIC)).toBe(-5)
      back.push(contexts(NIC).slice(0, 4))
      expect(step).toBe(back.length)
    }
    expect(back).toEqual([[d, d, d, 0], [d, d, 0, 0], [d, 0, 0, 0]])
  })
})

describe('PCI-7: fault storms', () => {
  const clock = { ms: 0 }
  const fault = (sbdf: number, afterMs = 0) => {
    clock.ms += afterMs
    return pciCheckDisableDevice(sbdf)
  }
  const faults = (n: number, afterMs = 0) => Array.from({ length: n }, () => fault(NIC, afterMs))
  beforeEach(() => {
    const seconds = process.hrtime()[0] + 1000
    vi.spyOn(process, 'hrtime').mockImplementation(() => [seconds + Math.floor(clock.ms / 1000), (clock.ms % 1000) * 1e6])
    clock.ms = 0
    start()      // looks the clock up
    add(endpoint(NIC))
    enableMaster(NIC)
  })
  afterEach(() => { vi.restoreAllMocks() })

  test('PCI-7: the tenth fault in a row takes bus mastering away, and nothing else', () => {
    expect(faults(FAULT_THRESHOLD - 1)).not.toContain(true)
    expect(command(NIC)).toBe(PciCommand.MEMORY | PciCommand.MASTER)
    expect([fault(NIC), command(NIC)]).toEqual([true, PciCommand.MEMORY])
  })

  test('PCI-7: faults that come more than 10 ms apart never get there; 10 ms apart they do', () => {
    expect(faults(40, 11)).not.toContain(true)
    expect(faults(FAULT_THRESHOLD, 10)).toContain(true)
  })

  test('PCI-7: any sequence of pauses ends as in a model that halves first', () => {
    fc.assert(fc.property(fc.array(fc.constantFrom(0, 1, 9, 10, 11, 50), { maxLength: 40 }), (pauses) => {
      ok(assignDevice(d, NIC))
      ok(deassignDevice(d, NIC))
      clock.ms += 100
      let count = 0
      const expected = pauses.map((ms, i) => {
        count = (ms > 10 || i === 0 ? Math.floor(count / 2) : count) + 1
        return count >= FAULT_THRESHOLD
      })
      expect(pauses.map((ms) => fault(NIC, ms))).toEqual(expected)
    }))
  })

  test('PCI-7: a fault of somebody unknown counts for nobody', () => {
    for (let n = 0; n < 20; n++) expect(fault(NIC + 8)).toBe(false)
  })

  test('PCI-7: a phantom function\'s faults are its device\'s', () => {
    const at = pciSbdf(0, 9, 0, 1)
    phantoms(at)
    enableMaster(at)
    for (let n = 1; n < FAULT_THRESHOLD; n++) expect(pciCheckDisableDevice(at + 2 * (n % 4))).toBe(false)
    expect([pciCheckDisableDevice(at + 6), command(at), command(NIC) & 4]).toEqual([true, PciCommand.MEMORY, 4])
  })

  test.each([['assign', 1], ['assign and deassign', 2]])('the count begins anew: %s', (_what, moves) => {
    faults(FAULT_THRESHOLD - 1)
    ok(assignDevice(d, NIC))
    if (moves === 2) {
      faults(FAULT_THRESHOLD - 1)
      ok(deassignDevice(d, NIC))
    }
    expect(faults(FAULT_THRESHOLD)).toEqual([...Array.from({ length: FAULT_THRESHOLD - 1 }, () => false), true])
  })
})

/** The NIC, or another, has three phantom functions beside itself. */
function phantoms(at = NIC): void {
  add(endpoint(at, { express: { portType: 0, phantomBits: 2 } }))
}
