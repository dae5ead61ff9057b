// SPDX-License-Identifier: MIT
/** PCI-1: segments, functions, configuration space, capabilities, bridges, the read-only map. */
import { EBUSY, EEXIST, EINVAL, ENODEV, ENOMEM, EPERM } from '@bottomhalf/base'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  BAR_IO, BAR_MEMORY32, BAR_MEMORY64, findUpstreamBridge, NO_BRIDGE, pciAddDevice, PciCapability, PciCommand,
  pciConfRead, pciConfWrite, pciDeviceNode, pciEnableVirtualFunctions, PciePort, pciFunctionMsi, pciHideDevice,
  pciPlugFunction, pciReadOnly, pciRemoveDevice, pciSbdf, pciUnplugFunction, PciReg, NUMA_NO_NODE,
} from '../src/index.js'
import { boot, eachAllocationFails, heap, settle } from './boot.js'
import { add, bridge, endpoint, legacy, NIC, ok } from './setup.model.js'

beforeEach(() => boot())

const SRIOV = { totalVfs: 8, firstOffset: 0x80, stride: 2, vfDeviceId: 0x1515, vfMsixEntries: 3 }

describe('PCI-1: a function that is plugged in', () => {
  test('PCI-1: shows its ids, class, pin and line at the registers of a type 0 header', () => {
    ok(pciPlugFunction(endpoint(NIC)))
    expect([PciReg.VENDOR_ID, PciReg.DEVICE_ID].map((reg) => pciConfRead(NIC, reg, 2))).toEqual([0x1af4, 0x1041])
    expect(pciConfRead(NIC, PciReg.CLASS_REVISION, 4) >>> 8).toBe(0x020000)
    const bytes = [PciReg.INTERRUPT_LINE, PciReg.INTERRUPT_PIN, PciReg.HEADER_TYPE]
    expect(bytes.map((reg) => pciConfRead(NIC, reg, 1))).toEqual([11, 1, 0])
  })

  test('PCI-1: has bus numbers in a type 1 header if it is a bridge', () => {
    const at = pciSbdf(0, 2, 1, 0)
    ok(pciPlugFunction({ ...bridge(at, 5, 7), multiFunction: true }))
    expect([PciReg.PRIMARY_BUS, PciReg.SECONDARY_BUS, PciReg.SUBORDINATE_BUS, PciReg.HEADER_TYPE]
      .map((reg) => pciConfRead(at, reg, 1))).toEqual([2, 5, 7, 0x81])
  })

  test('PCI-1: tells the size of each BAR to who writes all ones', () => {
    ok(pciPlugFunction(endpoint(NIC, { bars: [
      { kind: BAR_MEMORY32, sizeBytes: 0x4000 }, { kind: BAR_MEMORY64, sizeBytes: 0x100000 },
      { kind: BAR_IO, sizeBytes: 32 },
    ] })))
    const sizing = [0, 1, 2, 3, 4].map((place) => {
      ok(pciConfWrite(NIC, PciReg.BASE_ADDRESS_0 + 4 * place, 4, 0xffffffff))
      return pciConfRead(NIC, PciReg.BASE_ADDRESS_0 + 4 * place, 4)
    })
    expect(sizing).toEqual([0xffffc000, 0xfff00004, 0xffffffff, 0xffffffe1, 0])
  })

  test('PCI-1: chains its capabilities, and its extended ones', () => {
    const at = pciSbdf(0, 4, 0, 0)
    ok(pciPlugFunction(endpoint(at, { acs: 0x1f, sriov: SRIOV })))
    const ids: number[] = []
    for (let reg = pciConfRead(at, PciReg.CAPABILITY_LIST, 1); reg !== 0; reg = pciConfRead(at, reg + 1, 1)) {
      ids.push(pciConfRead(at, reg, 1))
    }
    expect(ids).toEqual([PciCapability.MSI, PciCapability.MSIX, PciCapability.EXPRESS])
    const extended: number[] = []
    for (let reg = 0x100; reg !== 0; reg = pciConfRead(at, reg, 4) >>> 20) extended.push(pciConfRead(at, reg, 2))
    expect(extended).toEqual([0x0d, 0x10])
  })

  test('PCI-1: lets software write writable bits only', () => {
    ok(pciPlugFunction(endpoint(NIC)))
    for (const reg of [PciReg.VENDOR_ID, PciReg.CLASS_REVISION, PciReg.COMMAND]) ok(pciConfWrite(NIC, reg, 4, -1))
    expect(pciConfRead(NIC, PciReg.VENDOR_ID, 4)).toBe(0x10411af4)
    expect(pciConfRead(NIC, PciReg.COMMAND, 4)).toBe(0x00100547)
  })

  test('PCI-1: keeps the other bytes of a word that one byte of is written', () => {
    ok(pciPlugFunction(endpoint(NIC)))
    ok(pciConfWrite(NIC, PciReg.INTERRUPT_LINE, 1, 5))
    expect(pciConfRead(NIC, PciReg.INTERRUPT_LINE, 2)).toBe(0x0105)
    ok(pciConfWrite(NIC, PciReg.COMMAND, 2, PciCommand.MASTER))
    expect(pciConfRead(NIC, PciReg.STATUS, 2)).toBe(0x10)
  })

  test('PCI-1: is alone in its slot, and in its segment', () => {
    ok(pciPlugFunction(endpoint(NIC)))
    expect(pciPlugFunction(endpoint(NIC))).toBe(-EEXIST)
    ok(pciPlugFunction(endpoint(pciSbdf(7, 3, 0, 0), { deviceId: 7 })))
    expect([NIC, pciSbdf(7, 3, 0, 0), pciSbdf(1, 3, 0, 0)].map((at) => pciConfRead(at, PciReg.DEVICE_ID, 2)))
      .toEqual([0x1041, 7, 0xffff])
  })

  test('PCI-1: leaves nothing when it is pulled out', () => {
    const before = heap()
    ok(pciPlugFunction(endpoint(NIC)))
    ok(pciReadOnly(NIC))
    ok(pciUnplugFunction(NIC))
    expect(heap()).toEqual(before)
    expect([pciUnplugFunction(NIC), pciConfWrite(NIC, 4, 2, 0)]).toEqual([-ENODEV, -ENODEV])
  })

  test('PCI-1: leaves nothing of it when any allocation fails', () => {
    // the function, the segment, a node of its index for each level of a bdf
    expect(eachAllocationFails(() => pciPlugFunction(endpoint(NIC)), -ENOMEM)).toBeGreaterThanOrEqual(3)
  })

  test.each([
    ['a vendor of all ones', { vendorId: 0xffff }], ['pin E', { interruptPin: 5 }],
    ['a BAR of three bytes', { bars: [{ kind: BAR_IO, sizeBytes: 3 }] }],
    ['seven BARs', { bars: Array.from({ length: 7 }, () => ({ kind: BAR_MEMORY32, sizeBytes: 16 })) }],
    ['a vector table that does not fit its BAR', { msix: { entries: 2048, bar: 0, offset: 0 } }],
    ['a vector table in no BAR', { msix: { entries: 1, bar: 3, offset: 0 } }],
    ['three messages', { msi: { vectors: 3, maskable: true } }],
    ['a bridge above its own bus', { bridge: { secondary: 3, subordinate: 9 } }],
    ['virtual functions without PCIe', { express: undefined, sriov: SRIOV }],
  ])('PCI-1: is refused with -EINVAL: %s', (_what, wrong) => {
    const before = heap()
    const description = { ...endpoint(NIC), ...wrong } as Parameters<typeof pciPlugFunction>[0]
    expect(pciPlugFunction(description)).toBe(-EINVAL)
    expect(heap()).toEqual(before)
  })

  test('PCI-1: answers accesses across words, and beyond its space, with all ones or -EINVAL', () => {
    ok(pciPlugFunction(endpoint(NIC)))
    for (const [reg, size] of [[2, 4], [0x1000, 4], [-4, 4], [1, 2], [0, 3], [0.5, 1]] as const) {
      expect([pciConfRead(NIC, reg, size), pciConfWrite(NIC, reg, size, 0)]).toEqual([0xffffffff, -EINVAL])
    }
  })

  test('CF1: any sequence of byte writes leaves the bits that a model with a mask per word has', () => {
    const bytes = fc.array(fc.tuple(fc.nat(1023), fc.nat(3), fc.integer()), { minLength: 1, maxLength: 40 })
    ok(pciPlugFunction(endpoint(NIC)))
    const read = () => Array.from({ length: 1024 }, (_, i) => pciConfRead(NIC, 4 * i, 4) | 0)
    const fill = (value: number) => { for (let i = 0; i < 1024; i++) ok(pciConfWrite(NIC, 4 * i, 4, value)) }
    const reset = read()
    fill(-1)
    const ones = read()
    fill(0)
    const zeros = read()
    expect(reset.map((old, i) => (old ^ zeros[i]!) & ~(ones[i]! ^ zeros[i]!))).toEqual(reset.map(() => 0))
    fc.assert(fc.property(bytes, (writes) => {
      fill(0)
      const model = zeros.slice()
      for (const [word, byte, value] of writes) {
        const mask = (ones[word]! ^ zeros[word]!) & (0xff << (8 * byte))
        model[word] = (model[word]! & ~mask) | ((value << (8 * byte)) & mask)
        ok(pciConfWrite(NIC, 4 * word + byte, 1, value))
      }
      expect(read()).toEqual(model)
    }), { numRuns: 60 })
  })
})

describe('PCI-1: the bridge above a function', () => {
  const outer = pciSbdf(0, 0, 30, 0)
  const inner = pciSbdf(0, 5, 1, 0)
  const card = pciSbdf(0, 6, 3, 0)

  test.each([['outer first', [outer, inner]], ['inner first', [inner, outer]]])(
    'is the outermost legacy one, in whatever order they became known: %s', (_order, order) => {
      ok(pciPlugFunction(bridge(outer, 5, 8)))
      ok(pciPlugFunction(bridge(inner, 6)))
      for (const at of order) ok(pciAddDevice(at, {}))
      add(legacy(card))
      expect([card, inner, outer].map(findUpstreamBridge)).toEqual([outer, outer, NO_BRIDGE])
      ok(pciRemoveDevice(outer))
      expect([findUpstreamBridge(card), findUpstreamBridge(inner)]).toEqual([inner, NO_BRIDGE])
    })

  test('PCI-1: is none behind PCIe ports, and the bridge behind them where there is one', () => {
    const port = pciSbdf(0, 0, 1, 0)
    const toPci = pciSbdf(0, 5, 0, 0)
    add({ ...bridge(port, 5, 6), express: { portType: PciePort.ROOT_PORT } })
    add({ ...bridge(toPci, 6), express: { portType: PciePort.TO_PCI_BRIDGE } })
    add(legacy(card))
    expect([findUpstreamBridge(card), findUpstreamBridge(toPci)]).toEqual([toPci, NO_BRIDGE])
  })

  test('SG2: bus numbers that software made circular are refused when the bridge is added', () => {
    ok(pciPlugFunction(bridge(outer, 5, 8)))
    ok(pciPlugFunction(bridge(inner, 6)))
    ok(pciConfWrite(inner, PciReg.SECONDARY_BUS, 1, 5))
    expect(pciAddDevice(inner, {})).toBe(-EINVAL)
    ok(pciAddDevice(outer, {}))
    expect(findUpstreamBridge(inner)).toBe(outer)
  })
})

describe('PCI-1: a read-only function', () => {
  test('PCI-1: is written by nobody, and others of its segment are', () => {
    ok(pciPlugFunction(endpoint(NIC)))
    ok(pciPlugFunction(endpoint(NIC + 1)))
    ok(pciReadOnly(NIC))
    expect([pciConfWrite(NIC, PciReg.COMMAND, 2, 7), pciConfWrite(NIC + 1, PciReg.COMMAND, 2, 7)]).toEqual([-EPERM, 0])
    expect(pciConfRead(NIC, PciReg.COMMAND, 2)).toBe(0)
  })

  test('PCI-1: is refused without hardware, twice, and without memory', () => {
    expect(pciReadOnly(NIC)).toBe(-ENODEV)
    ok(pciPlugFunction(endpoint(NIC)))
    expect(eachAllocationFails(() => pciReadOnly(NIC), -ENOMEM)).toBe(1)
    expect(pciReadOnly(NIC)).toBe(-EEXIST)
  })

  test('PCI-1: is the hypervisor\'s own once hidden', () => {
    add(endpoint(NIC))
    ok(pciHideDevice(NIC))
    expect([pciConfWrite(NIC, PciReg.COMMAND, 2, 7), pciHideDevice(NIC), pciHideDevice(NIC + 1)])
      .toEqual([-EPERM, -EBUSY, -ENODEV])
  })
})

describe('PCI-1: NUMA node and ACS', () => {
  test('PCI-1: the node is the one that was reported last, or none', () => {
    ok(pciPlugFunction(endpoint(NIC)))
    ok(pciAddDevice(NIC, {}))
    expect([pciDeviceNode(NIC), pciDeviceNode(NIC + 1)]).toEqual([NUMA_NO_NODE, -ENODEV])
    ok(pciAddDevice(NIC, { numaNode: 3 }))
    expect(pciDeviceNode(NIC)).toBe(3)
    expect(pciAddDevice(NIC, { numaNode: 64 })).toBe(-EINVAL)
  })

  test('PCI-1: what keeps devices apart is on, as far as it is supported, once the device is known', () => {
    const port = { ...bridge(pciSbdf(0, 0, 1, 0), 9), express: { portType: PciePort.ROOT_PORT }, acs: 0x17 }
    ok(pciPlugFunction(port))
    expect(pciConfRead(port.sbdf, 0x106, 2)).toBe(0)
    ok(pciAddDevice(port.sbdf, {}))
    expect(pciConfRead(port.sbdf, 0x106, 2)).toBe(0x15)
  })
})

describe('PCI-1: virtual functions', () => {
  const PF = pciSbdf(0, 4, 0, 0)
  beforeEach(() => ok(pciPlugFunction(endpoint(PF, { sriov: SRIOV }))))
  const VF = (n: number) => PF + 0x80 + 2 * n

  test('PCI-1: fill the slots that the capability says, with messages of their own, and go', () => {
    const before = heap()
    ok(pciEnableVirtualFunctions(PF, 3))
    expect([0, 1, 2, 3].map((n) => pciConfRead(VF(n), PciReg.DEVICE_ID, 2))).toEqual([0x1515, 0x1515, 0x1515, 0xffff])
    expect([2, 3].map((nr) => pciFunctionMsi(VF(0), nr) !== 0)).toEqual([true, false])
    expect([pciEnableVirtualFunctions(PF, 2), pciUnplugFunction(PF)]).toEqual([-EBUSY, -EBUSY])
    ok(pciEnableVirtualFunctions(PF, 0))
    expect(heap()).toEqual(before)
  })

  test('PCI-1: come all or not at all', () => {
    expect(eachAllocationFails(() => pciEnableVirtualFunctions(PF, 3), -ENOMEM)).toBeGreaterThanOrEqual(3)
    ok(pciEnableVirtualFunctions(PF, 0))
    ok(pciPlugFunction(endpoint(VF(1))))
    const before = heap()
    expect(pciEnableVirtualFunctions(PF, 3)).toBe(-EEXIST)
    expect(heap()).toEqual(before)
  })

  test('PCI-1: stay while one of them is known', () => {
    ok(pciEnableVirtualFunctions(PF, 2))
    ok(pciAddDevice(VF(1), { isVirtfn: true, physfn: PF & 0xffff }))
    expect(pciEnableVirtualFunctions(PF, 0)).toBe(-EBUSY)
    ok(pciRemoveDevice(VF(1)))
    ok(pciEnableVirtualFunctions(PF, 0))
    settle()
  })

  test('PCI-1: are refused where there are none to give, or not so many', () => {
    expect([pciEnableVirtualFunctions(NIC, 1), pciEnableVirtualFunctions(PF, 9), pciEnableVirtualFunctions(PF, -1)])
      .toEqual([-ENODEV, -EINVAL, -EINVAL])
  })
})
