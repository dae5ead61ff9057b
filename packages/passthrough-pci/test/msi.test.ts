// SPDX-License-Identifier: MIT
/** PCI-4: messages get interrupts, are masked, are tied to a guest's pIRQs, and lose them again. */
import { EBUSY, EEXIST, EINVAL, ENODEV, ENOMEM, ENOSPC, EOPNOTSUPP, EPERM } from '@bottomhalf/base'
import { Domain, pirqRecordOf } from '@bottomhalf/domain'
import {
  findFreePirq, irqFaultsAtRest, msiIsMasked, msiIsPending, msiSend, pirqIrqNumber, requestIrq, unmapDomainPirq,
} from '@bottomhalf/irq'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  assignDevice, deassignDevice, PCI_MSI, PCI_MSIX, PciCapability, pciConfRead, pciDisableMsi, pciEnableMsi,
  pciFunctionMsi,
  pciMapMsi, pciMaskMsi, pciMsiIrq, pciPlugFunction, PciReg, pciUnmapMsi,
} from '../src/index.js'
import { boot, eachAllocationFails, heap, isRequested, settle } from './boot.js'
import {
  actionHandler, add, bind, createDomain, endpoint, GVEC, IRQS, MSIX_ENTRIES, NIC, ok, passThrough, startDying,
} from './setup.model.js'
import type { Pirq } from '@bottomhalf/base'
import type { PciMessages } from '../src/index.js'

const P = (n: number) => n as Pirq
const msi = (count: number, first = 0): PciMessages => ({ sbdf: NIC, kind: PCI_MSI, first, count })
const msix = (first: number, count = 1): PciMessages => ({ sbdf: NIC, kind: PCI_MSIX, first, count })
const irqs = (sbdf = NIC) => [0, 1, 2, 3].map((nr) => pciMsiIrq(sbdf, nr))

let d = 0
beforeEach(() => {
  boot()
  d = createDomain(1)
})

/** The message control register of a capability. */
function control(id: number): number {
  let at = pciConfRead(NIC, PciReg.CAPABILITY_LIST, 1)
  while (pciConfRead(NIC, at, 1) !== id) at = pciConfRead(NIC, at + 1, 1)
  return pciConfRead(NIC, at + 2, 2)
}

describe('PCI-4: messages of the hardware domain\'s device', () => {
  beforeEach(() => add(endpoint(NIC)))

  test('PCI-4: MSI gives each its own interrupt, and says how many are on', () => {
    ok(pciEnableMsi(msi(4), 0))
    expect(new Set(irqs()).size).toBe(4)
    expect([control(PciCapability.MSI) & 0x71, control(PciCapability.MSIX) & 0x8000]).toEqual([0x21, 0])
    expect([0, 1, 2, 3].map((nr) => msiIsMasked(pciFunctionMsi(NIC, nr)))).toEqual([true, true, true, true])
  })

  test('PV1: MSI-X is enabled entry by entry, and off when the last one goes', () => {
    const before = heap()
    ok(pciEnableMsi(msix(2), 0))
    ok(pciEnableMsi(msix(0, 2), 0))
    expect(irqs().map((irq) => irq > 0)).toEqual([true, true, true, false])
    ok(pciDisableMsi(msix(0, 2)))
    expect(control(PciCapability.MSIX) & 0x8000).toBe(0x8000)
    ok(pciDisableMsi(msix(2)))
    expect([control(PciCapability.MSIX) & 0x8000, heap()]).toEqual([0, before])
  })

  test('PCI-4: are refused by what the capability offers', () => {
    for (const [messages, result] of [
      [msi(8), -EINVAL], [msi(3), -EINVAL], [msi(2, 1), -EINVAL], [msi(0), -EINVAL], [msix(MSIX_ENTRIES), -EINVAL],
      [msix(-1), -EINVAL], [msix(0.5), -EINVAL], [msix(3, 2), -EINVAL], [{ ...msix(0), kind: 3 }, -EINVAL],
      [{ ...msix(0), sbdf: NIC + 1 }, -ENODEV],
    ] as const) expect([messages, pciEnableMsi(messages, 0)]).toEqual([messages, result])
    expect(pciEnableMsi(msi(1), 7)).toBe(-EINVAL)
    expect(irqs()).toEqual([0, 0, 0, 0])
  })

  test('PCI-4: are refused without the capability', () => {
    add(endpoint(NIC + 8, { msi: undefined } as object))
    expect(pciEnableMsi({ ...msi(1), sbdf: NIC + 8 }, 0)).toBe(-ENODEV)
  })

  test('PCI-4, IRQ-4: that have no mask cannot be masked, and come again only after their end', () => {
    const sbdf = NIC + 16
    add(endpoint(sbdf, { msi: { vectors: 1, maskable: false } }))
    ok(assignDevice(d, sbdf))
    ok(pciMapMsi(d, { ...msi(1), sbdf }, P(5)))
    expect(pciMaskMsi(sbdf, 0, true)).toBe(-EOPNOTSUPP)
    ok(bind(d, 5, GVEC))
    const entry = pciFunctionMsi(sbdf, 0)
    expect(msiIsMasked(entry)).toBe(false)
    for (let n = 0; n < 2; n++) msiSend(entry)
    settle()
    expect([isRequested(d, GVEC), irqFaultsAtRest().length > 0]).toEqual([true, true])
    ok(pciUnmapMsi(d, { ...msi(1), sbdf }))
    expect([msiIsMasked(entry), irqFaultsAtRest()]).toEqual([true, []])
  })

  test('PCI-4: are refused twice, and while the other kind is on', () => {
    ok(pciEnableMsi(msix(1), 0))
    expect([pciEnableMsi(msi(1), 0), pciEnableMsi(msix(0, 2), 0), pciDisableMsi(msi(1))])
      .toEqual([-EBUSY, -EEXIST, -EINVAL])
    ok(pciDisableMsi(msix(1)))
    ok(pciEnableMsi(msi(2), 0))
    expect([pciEnableMsi(msi(2), 0), pciEnableMsi(msix(0), 0), pciDisableMsi(msi(1))])
      .toEqual([-EEXIST, -EBUSY, -EINVAL])
  })

  test('PCI-4: are its owner\'s business', () => {
    ok(assignDevice(d, NIC))
    expect([pciEnableMsi(msix(0), 0), pciDisableMsi(msix(0))]).toEqual([-EBUSY, -EBUSY])
  })

  test('PV3: leave nothing when memory or numbers run out in the middle', () => {
    expect(eachAllocationFails(() => pciEnableMsi(msix(0), 0), -ENOMEM)).toBe(1)
    ok(pciDisableMsi(msix(0)))
    const big = NIC + 8
    add(endpoint(big, { msix: { entries: IRQS + 1, bar: 0, offset: 0 } }))
    const before = heap()
    expect(pciEnableMsi({ sbdf: big, kind: PCI_MSIX, first: 0, count: IRQS + 1 }, 0)).toBe(-ENOSPC)
    expect([heap(), irqs(big)]).toEqual([before, [0, 0, 0, 0]])
    // every number is free again
    ok(pciEnableMsi({ sbdf: big, kind: PCI_MSIX, first: 0, count: IRQS }, 0))
  })

  test('PCI-4: stay while the host uses one, all of them', () => {
    ok(pciEnableMsi(msix(0, 3), 0))
    ok(requestIrq(pciMsiIrq(NIC, 1), actionHandler, 0))
    expect([pciDisableMsi(msix(0, 3)), irqs().map((irq) => irq > 0)]).toEqual([-EBUSY, [true, true, true, false]])
  })

  test('PCI-4: are masked one by one for the host', () => {
    expect([pciMaskMsi(NIC, 0, true), pciMaskMsi(NIC + 1, 0, true)]).toEqual([-EINVAL, -ENODEV])
    ok(pciEnableMsi(msix(0, 2), 0))
    ok(requestIrq(pciMsiIrq(NIC, 0), actionHandler, 0))
    expect(pciMaskMsi(NIC, 3, false)).toBe(-EINVAL)
    ok(pciMaskMsi(NIC, 1, true))
  })
})

describe('PCI-4: messages of a guest\'s device', () => {
  test('PCI-4: become interrupts of the guest', () => {
    passThrough(d, 2)
    msiSend(pciFunctionMsi(NIC, 1))
    settle()
    expect([isRequested(d, GVEC), isRequested(d, GVEC + 1)]).toEqual([false, true])
  })

  test('PCI-4: are held back while the host masks them, and come once it does not', () => {
    passThrough(d, 1)
    ok(pciMaskMsi(NIC, 0, true))
    msiSend(pciFunctionMsi(NIC, 0))
    settle()
    expect([isRequested(d, GVEC), msiIsPending(pciFunctionMsi(NIC, 0))]).toEqual([false, true])
    ok(pciMaskMsi(NIC, 0, false))
    settle()
    expect(isRequested(d, GVEC)).toBe(true)
  })

  test('PCI-4: are mapped for the owner only, while it lives', () => {
    add(endpoint(NIC))
    expect([pciMapMsi(d, { ...msix(0), sbdf: NIC + 1 }, P(5)), pciMapMsi(d, msix(0), P(5))]).toEqual([-ENODEV, -EPERM])
    ok(assignDevice(d, NIC))
    startDying(d)
    expect(pciMapMsi(d, msix(0), P(5))).toBe(-EINVAL)
    expect(irqs()).toEqual([0, 0, 0, 0])
  })

  test('PV3 (XSA-458): leave nothing when memory runs out, or a pIRQ in the middle is refused', () => {
    add(endpoint(NIC))
    ok(assignDevice(d, NIC))
    // the record of vectors, a pIRQ record, a node of the domain's index
    expect(eachAllocationFails(() => pciMapMsi(d, msix(0), P(5)), -ENOMEM)).toBe(3)
    const before = irqs()
    expect([pciMapMsi(d, msix(1, 3), P(3)), pciMapMsi(d, msix(1, 2), P(15)), pciMapMsi(d, msix(0), P(6))])
      .toEqual([-EEXIST, -EINVAL, -EEXIST])
    expect(irqs()).toEqual(before)
    expect([3, 4, 15].map((pirq) => pirqIrqNumber(pirqRecordOf(d, P(pirq))))).toEqual([0, 0, 0])
    expect(findFreePirq(d)).toBe(15)
  })

  test('PCI-4: are unmapped with what they were given', () => {
    add(endpoint(NIC))
    ok(assignDevice(d, NIC))
    const before = heap()
    ok(pciMapMsi(d, msi(2), P(5)))
    expect([pciUnmapMsi(d, msix(0)), pciUnmapMsi(d, msi(1))]).toEqual([-EINVAL, -EINVAL])
    expect([pciUnmapMsi(0, msi(2)), pciUnmapMsi(d, { ...msi(2), sbdf: 1 })]).toEqual([-EPERM, -ENODEV])
    ok(pciUnmapMsi(d, msi(2)))
    settle()
    expect([irqs(), heap()]).toEqual([[0, 0, 0, 0], before])
  })

  test('PV2: a pIRQ that was untied, and given to another device since, is left to that one', () => {
    passThrough(d, 1)
    add(endpoint(NIC + 8))
    ok(assignDevice(d, NIC + 8))
    ok(pciMapMsi(d, msix(1), P(9)))
    spinLock(d + Domain.eventLock)
    ok(unmapDomainPirq(d, P(9)))
    spinUnlock(d + Domain.eventLock)
    ok(pciMapMsi(d, { ...msix(0), sbdf: NIC + 8 }, P(9)))
    const irq = pciMsiIrq(NIC + 8, 0)
    ok(pciUnmapMsi(d, msix(1)))
    expect(pirqIrqNumber(pirqRecordOf(d, P(9)))).toBe(irq)
  })

  test('IRQ-9: are taken by force with the device, and their numbers wait for the guest', () => {
    passThrough(d, 1)
    ok(deassignDevice(d, NIC))
    expect(pirqIrqNumber(pirqRecordOf(d, P(5)))).toBeLessThan(0)
    msiSend(pciFunctionMsi(NIC, 0))
    settle()
    expect(isRequested(d, GVEC)).toBe(false)
    ok(assignDevice(d, NIC))
    expect([pciMapMsi(d, msix(0), P(5)), irqs()]).toEqual([-EBUSY, [0, 0, 0, 0]])
    ok(pciMapMsi(d, msix(0), P(6)))
    ok(bind(d, 6, GVEC + 1))
    settle()
    // what was sent while nobody had it was forgotten with the reset
    expect(isRequested(d, GVEC + 1)).toBe(false)
  })
})

test('PCI-1: a function without messages has no entry to send', () => {
  ok(pciPlugFunction(endpoint(NIC, { msi: undefined, msix: undefined } as object)))
  expect([pciFunctionMsi(NIC, 0), pciFunctionMsi(NIC + 1, 0)]).toEqual([0, 0])
})
