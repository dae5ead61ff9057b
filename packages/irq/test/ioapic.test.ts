// SPDX-License-Identifier: MIT
import { BugError } from '@bottomhalf/base'
import { Cpu, cpuArea, formatMemory, setCurrentCpu, testAndClearBit } from '@bottomhalf/machine'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  lineAssert, lineDeassert, lineIsAsserted, lineIsInService, lineIsMasked, linePulse,
} from '../src/index.js'
import { pinEoi, pinMask, pinMaskAndEoi, pinOf, pinReset, pinUnmask, pinWriteTarget, setupIoapic } from '../src/ioapic.js'
import { ok } from './setup.model.js'

const GSI = 17
const pin = () => pinOf(GSI)

/** Whether the pin's vector is requested on a CPU; takes the request back. */
function arrived(cpu = 1, vector = 0x51): boolean {
  const row = cpuArea(cpu, { base: 0 }) + Cpu.vectors + (vector >> 5)
  return testAndClearBit(vector & 31, row) !== 0
}

function fresh(level: boolean): void {
  pinReset(pin(), level)
  pinWriteTarget(pin(), 1, 0x51)
}

beforeEach(() => {
  formatMemory({ cpus: 3, debug: true })
  setCurrentCpu(0)
  ok(setupIoapic(24))
})

describe('IRQ-1: a level line', () => {
  beforeEach(() => { fresh(true) })

  test('IRQ-1: PIN1: starts masked; unmasking one that is up sends', () => {
    lineAssert(GSI)
    expect([lineIsMasked(GSI), lineIsAsserted(GSI), arrived()]).toEqual([true, true, false])
    pinUnmask(pin())
    expect([lineIsMasked(GSI), arrived()]).toEqual([false, true])
  })

  test('IRQ-1: PIN1: sends nothing more until its EOI, and again then if it is still up', () => {
    pinUnmask(pin())
    lineAssert(GSI)
    expect([arrived(), lineIsInService(GSI)]).toEqual([true, true])
    lineDeassert(GSI)
    lineAssert(GSI)
    pinMask(pin())
    pinUnmask(pin())
    expect(arrived()).toBe(false)
    pinEoi(pin())
    expect([arrived(), lineIsInService(GSI)]).toEqual([true, true])
    lineDeassert(GSI)
    pinEoi(pin())
    expect([arrived(), lineIsInService(GSI)]).toEqual([false, false])
  })

  test('IRQ-1: PIN1: one that went down before it was unmasked sends nothing', () => {
    lineAssert(GSI)
    lineDeassert(GSI)
    pinUnmask(pin())
    expect(arrived()).toBe(false)
  })

  test('IRQ-1: PIN1: an end while masked sends at the unmask', () => {
    pinUnmask(pin())
    lineAssert(GSI)
    expect(arrived()).toBe(true)
    pinMaskAndEoi(pin())
    expect([arrived(), lineIsMasked(GSI)]).toEqual([false, true])
    pinUnmask(pin())
    expect(arrived()).toBe(true)
  })

  test('IRQ-1: is up while one of several devices holds it up', () => {
    lineAssert(GSI)
    lineAssert(GSI)
    lineDeassert(GSI)
    expect(lineIsAsserted(GSI)).toBe(true)
    lineDeassert(GSI)
    expect(lineIsAsserted(GSI)).toBe(false)
    expect(() => { lineDeassert(GSI) }).toThrow(BugError)
  })
})

describe('IRQ-1: an edge line', () => {
  beforeEach(() => { fresh(false) })

  test('IRQ-1: PIN2: sends at each rising, whatever was ended', () => {
    pinUnmask(pin())
    linePulse(GSI)
    expect(arrived()).toBe(true)
    lineAssert(GSI)
    expect(arrived()).toBe(true)
    lineAssert(GSI)
    expect(arrived()).toBe(false)
  })

  test('IRQ-1: PIN2: forgets what comes while it is masked', () => {
    linePulse(GSI)
    lineAssert(GSI)
    pinUnmask(pin())
    expect(arrived()).toBe(false)
  })

  test('IRQ-1: PIN3: goes where it was aimed last', () => {
    pinUnmask(pin())
    pinWriteTarget(pin(), 2, 0x99)
    linePulse(GSI)
    expect([arrived(), arrived(2, 0x99)]).toEqual([false, true])
  })
})

test('IRQ-1: a line that the machine does not have is a BUG for a device', () => {
  expect(pinOf(24)).toBe(0)
  expect(pinOf(-1)).toBe(0)
  expect(() => { lineAssert(24) }).toThrow(BugError)
})

test('IRQ-1, PIN1, PIN2: any sequence of operations does what a plain model says', () => {
  const steps = fc.array(fc.constantFrom('up', 'down', 'mask', 'unmask', 'eoi', 'maskAndEoi', 'aim'), { maxLength: 40 })
  fc.assert(fc.property(fc.boolean(), steps, (level, operations) => {
    fresh(level)
    const model = { holders: 0, masked: true, irr: false, cpu: 1 }
    for (const op of operations) {
      if (op === 'down' && model.holders === 0) continue
      const wasUp = model.holders > 0
      if (op === 'up') { lineAssert(GSI); model.holders++ }
      if (op === 'down') { lineDeassert(GSI); model.holders-- }
      if (op === 'mask') { pinMask(pin()); model.masked = true }
      if (op === 'unmask') { pinUnmask(pin()); model.masked = false }
      if (op === 'eoi') { pinEoi(pin()); model.irr = false }
      if (op === 'maskAndEoi') { pinMaskAndEoi(pin()); Object.assign(model, { masked: true, irr: false }) }
      if (op === 'aim') { model.cpu = 3 - model.cpu; pinWriteTarget(pin(), model.cpu, 0x51) }
      const up = model.holders > 0
      const sent = !model.masked && (level ? up && !model.irr : up && !wasUp)
      if (level && sent) model.irr = true
      expect(arrived(model.cpu)).toBe(sent)
      expect([lineIsAsserted(GSI), lineIsMasked(GSI), lineIsInService(GSI)]).toEqual([up, model.masked, model.irr])
    }
    while (model.holders-- > 0) lineDeassert(GSI)
  }))
})
