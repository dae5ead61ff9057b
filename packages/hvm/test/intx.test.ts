// SPDX-License-Identifier: MIT
import { BugError, EINVAL } from '@bottomhalf/base'
import { DOMAIN_PV } from '@bottomhalf/domain'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  gsiToIsaIrq, hvmGsiAssertCount, hvmIsaIrqAssert, hvmIsaIrqDeassert, hvmLinksRoutedTo, hvmPciIntxAssert,
  hvmPciIntxDeassert, hvmPciIntxGsi, hvmPciIntxLink, hvmSetPciLinkRoute, IOAPIC_PINS, isaIrqToGsi, PIC_MASTER_DATA,
  PIC_SLAVE_DATA,
  vioapicUpdateEoi, vpicRead, vpicWrite,
} from '../src/index.js'
import { guest } from './boot.js'
import { bootLines, drain, program } from './lines.boot.js'

let d = 0
let v = 0
beforeEach(() => {
  const made = bootLines()
  d = made.d
  v = made.vcpus[0] as number
})

const high = (gsi: number): number => hvmGsiAssertCount(d, gsi)

describe('GV-2: where a wire leads', () => {
  test.each([
    [0, 0, 16, 0], [0, 3, 19, 3], [1, 0, 20, 1], [3, 1, 29, 0], [7, 3, 47, 2], [8, 0, 17, 0], [15, 3, 16, 2],
    [31, 0, 47, 3], [31, 3, 18, 2],
  ])('GV-2: device %i, pin %i is GSI %i and link %i', (device, pin, gsi, link) => {
    expect([hvmPciIntxGsi(device, pin), hvmPciIntxLink(device, pin)]).toEqual([gsi, link])
  })

  test('GV-2: the 128 wires spread evenly: 4 to each GSI from 16 to 47', () => {
    const count = new Map<number, number>()
    for (let wire = 0; wire < 128; wire++) {
      const gsi = hvmPciIntxGsi(wire >> 2, wire & 3)
      count.set(gsi, (count.get(gsi) ?? 0) + 1)
    }
    expect([...count.keys()].sort((a, b) => a - b)).toEqual(Array.from({ length: 32 }, (_, i) => 16 + i))
    expect(new Set(count.values())).toEqual(new Set([4]))
  })

  test('GV-3: ISA line 0 is GSI 2, the others are themselves, GSI 0 and the cascade are none', () => {
    expect([0, 1, 3, 15].map(isaIrqToGsi)).toEqual([2, 1, 3, 15])
    expect([0, 1, 2, 15, 16].map(gsiToIsaIrq)).toEqual([-1, 1, 0, 15, -1])
  })
})

describe('GV-2: counts', () => {
  test('X1: a wire that is asserted twice counts once, and falls at the first deassertion', () => {
    hvmPciIntxAssert(d, 3, 1)
    hvmPciIntxAssert(d, 3, 1)
    expect(high(29)).toBe(1)
    hvmPciIntxDeassert(d, 3, 1)
    expect(high(29)).toBe(0)
    hvmPciIntxDeassert(d, 3, 1)
    expect(high(29)).toBe(0)
  })

  test('X2: only the first of two wires of a GSI makes an edge; it falls with the last', () => {
    program(d, 17, { vector: 0x41, level: false })
    const wires: [number, number][] = [[0, 1], [8, 0]]
    for (const [device, pin] of wires) hvmPciIntxAssert(d, device, pin)
    expect([high(17), drain(v)]).toEqual([2, [0x41]])
    hvmPciIntxDeassert(d, 0, 1)
    hvmPciIntxAssert(d, 0, 1)
    expect(drain(v)).toEqual([])
    for (const [device, pin] of wires) hvmPciIntxDeassert(d, device, pin)
    hvmPciIntxAssert(d, 0, 1)
    expect(drain(v)).toEqual([0x41])
  })

  test('X4: an assertion is news if its GSI was low and no service of it is open; a second wire, or one again, is not', () => {
    program(d, 17, { vector: 0x41 })
    expect([hvmPciIntxAssert(d, 0, 1), hvmPciIntxAssert(d, 0, 1), hvmPciIntxAssert(d, 8, 0)])
      .toEqual([true, false, false])
    for (const [device, pin] of [[0, 1], [8, 0]] as const) hvmPciIntxDeassert(d, device, pin)
    // low, but the guest has still to end what was delivered
    expect(hvmPciIntxAssert(d, 0, 1)).toBe(false)
    hvmPciIntxDeassert(d, 0, 1)
    drain(v)
    vioapicUpdateEoi(d, 0x41)
    expect(hvmPciIntxAssert(d, 0, 1)).toBe(true)
  })

  test('X4: a wire whose link asserts an ISA line already is no news; the links of a line are told by its GSI', () => {
    expect([hvmSetPciLinkRoute(d, 1, 5), hvmSetPciLinkRoute(d, 3, 5)]).toEqual([0, 0])
    expect([hvmLinksRoutedTo(d, 5), hvmLinksRoutedTo(d, 6), hvmLinksRoutedTo(d, 2)]).toEqual([0b1010, 0, 0])
    expect([hvmPciIntxAssert(d, 0, 1), hvmPciIntxAssert(d, 0, 3)]).toEqual([true, false])
    expect(high(5)).toBe(2)
  })

  test('GV-2: an ISA line is idempotent and shares its GSI with what is routed to it', () => {
    expect(hvmSetPciLinkRoute(d, 0, 5)).toBe(0)
    hvmIsaIrqAssert(d, 5)
    hvmIsaIrqAssert(d, 5)
    hvmPciIntxAssert(d, 0, 0)
    expect(high(5)).toBe(2)
    hvmIsaIrqDeassert(d, 5)
    hvmIsaIrqDeassert(d, 5)
    expect(high(5)).toBe(1)
    hvmPciIntxDeassert(d, 0, 0)
    expect(high(5)).toBe(0)
  })

  test('GV-3: ISA line 0 asserts pin 2 of the IO-APIC', () => {
    program(d, 2, { vector: 0x31, level: false })
    hvmIsaIrqAssert(d, 0)
    expect([high(0), high(2), drain(v)]).toEqual([0, 1, [0x31]])
  })

  test('GV-2: a device, a pin or an ISA line that cannot be is a BUG, and so are lines of a PV domain', () => {
    expect(() => { hvmPciIntxAssert(d, 32, 0) }).toThrow(BugError)
    bootLines()
    expect(() => { hvmIsaIrqAssert(d, 2) }).toThrow(BugError)
    bootLines()
    const pv = guest({ pins: [0], kind: DOMAIN_PV }, 2).d
    expect(() => { hvmPciIntxAssert(pv, 0, 0) }).toThrow(BugError)
  })
})

describe('GV-3: links', () => {
  test('X3: a routed link adds one to its ISA line, however many wires assert it, and signals IO-APIC and PIC', () => {
    vpicWrite(d, PIC_SLAVE_DATA, 0)
    program(d, 10, { vector: 0x52, level: false })
    expect(hvmSetPciLinkRoute(d, 1, 10)).toBe(0)
    hvmPciIntxAssert(d, 0, 1)
    hvmPciIntxAssert(d, 1, 0)
    expect([high(10), drain(v), vpicRead(d, 0xa0)]).toEqual([1, [0x52], 1 << 2])
    hvmPciIntxDeassert(d, 0, 1)
    expect(high(10)).toBe(1)
    hvmPciIntxDeassert(d, 1, 0)
    expect(high(10)).toBe(0)
  })

  test('X3: rerouting moves an asserted count, with an edge at its new line', () => {
    vpicWrite(d, PIC_MASTER_DATA, 0)
    program(d, 11, { vector: 0x53, level: false })
    expect(hvmSetPciLinkRoute(d, 0, 5)).toBe(0)
    hvmPciIntxAssert(d, 0, 0)
    hvmPciIntxAssert(d, 4, 0)
    expect(hvmSetPciLinkRoute(d, 0, 11)).toBe(0)
    expect([high(5), high(11), drain(v)]).toEqual([0, 1, [0x53]])
    expect(hvmSetPciLinkRoute(d, 0, 11)).toBe(0)
    expect([high(11), drain(v)]).toEqual([1, []])
    expect(hvmSetPciLinkRoute(d, 0, 0)).toBe(0)
    expect(high(11)).toBe(0)
    expect(hvmSetPciLinkRoute(d, 0, 5)).toBe(0)
    expect(high(5)).toBe(1)
  })

  test.each([[4, 5], [-1, 5], [0, 16], [0, -1], [0, 2]])('link %i to ISA line %i is refused with -EINVAL', (link, isaIrq) => {
    expect(hvmSetPciLinkRoute(d, link, isaIrq)).toBe(-EINVAL)
  })
})

/** Lines as a plain thing: what is asserted, and what is routed where. */
class ModelLines {
  readonly wires = new Set<number>()
  readonly isa = new Set<number>()
  readonly routes = [0, 0, 0, 0]

  count(gsi: number): number {
    const onWires = [...this.wires].filter((wire) => hvmPciIntxGsi(wire >> 2, wire & 3) === gsi).length
    const onIsa = [...this.isa].filter((irq) => isaIrqToGsi(irq) === gsi).length
    const onLinks = this.routes.filter((isaIrq, link) => isaIrq !== 0 && isaIrqToGsi(isaIrq) === gsi &&
      [...this.wires].some((wire) => hvmPciIntxLink(wire >> 2, wire & 3) === link)).length
    return onWires + onIsa + onLinks
  }
}

const isaIrq = fc.constantFrom(0, 1, 3, 4, 5, 9, 10, 11, 15)
const command = fc.oneof(
  fc.record({ what: fc.constantFrom('assert' as const, 'deassert' as const), to: fc.nat(127), link: fc.constant(0) }),
  fc.record({ what: fc.constantFrom('isa' as const, 'noIsa' as const), to: isaIrq, link: fc.constant(0) }),
  fc.record({ what: fc.constant('route' as const), to: isaIrq, link: fc.nat(3) }),
)

test('GV-2: under any sequence every GSI counts what a plain model says', () => {
  fc.assert(fc.property(fc.array(command, { maxLength: 60, size: 'max' }), (sequence) => {
    d = bootLines().d
    const model = new ModelLines()
    for (const { what, to, link } of sequence) {
      if (what === 'assert') { hvmPciIntxAssert(d, to >> 2, to & 3); model.wires.add(to) }
      if (what === 'deassert') { hvmPciIntxDeassert(d, to >> 2, to & 3); model.wires.delete(to) }
      if (what === 'isa') { hvmIsaIrqAssert(d, to); model.isa.add(to) }
      if (what === 'noIsa') { hvmIsaIrqDeassert(d, to); model.isa.delete(to) }
      if (what === 'route') { expect(hvmSetPciLinkRoute(d, link, to)).toBe(0); model.routes[link] = to }
    }
    for (let gsi = 0; gsi < IOAPIC_PINS; gsi++) expect([gsi, high(gsi)]).toEqual([gsi, model.count(gsi)])
  }), { numRuns: 150 })
})
