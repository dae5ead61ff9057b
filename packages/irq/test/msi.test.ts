// SPDX-License-Identifier: MIT
import { Cpu, cpuArea, formatMemory, setCurrentCpu, testAndClearBit, xzalloc } from '@bottomhalf/machine'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  MSI_GUEST_MASKED, MSI_HOST_MASKED, MsiEntry, msiIsMasked, msiIsPending, msiMask, msiReset, msiSend, msiUnmask,
  msiWriteTarget,
} from '../src/index.js'

const BOTH = MSI_HOST_MASKED | MSI_GUEST_MASKED
let entry = 0

/** Whether a vector is requested on a CPU; takes the request back. */
function arrived(cpu: number, vector: number): boolean {
  const row = cpuArea(cpu, { base: 0 }) + Cpu.vectors + (vector >> 5)
  return testAndClearBit(vector & 31, row) !== 0
}

beforeEach(() => {
  formatMemory({ cpus: 3, debug: true })
  setCurrentCpu(0)
  entry = xzalloc(MsiEntry.sizeWords, MsiEntry.tag)
  msiReset(entry)
  msiWriteTarget(entry, 1, 0x51)
})

describe('a maskable MSI', () => {
  test('PCI-4: starts masked for host and guest', () => {
    expect([msiIsMasked(entry), msiIsPending(entry)]).toEqual([true, false])
  })

  test('MSI1: a message sent while masked is held back, and sent when the last mask goes', () => {
    msiSend(entry)
    expect([arrived(1, 0x51), msiIsPending(entry)]).toEqual([false, true])
    msiUnmask(entry, BOTH)
    expect([arrived(1, 0x51), msiIsPending(entry)]).toEqual([true, false])
  })

  test('MSI1: two messages sent while masked go out as one, and no third comes from another unmask', () => {
    msiSend(entry)
    msiSend(entry)
    msiUnmask(entry, BOTH)
    expect(arrived(1, 0x51)).toBe(true)
    msiUnmask(entry, BOTH)
    expect(arrived(1, 0x51)).toBe(false)
  })

  test('MSI2: a held-back message goes to the target of the moment it goes out, and a move keeps masks and message', () => {
    msiSend(entry)
    msiWriteTarget(entry, 2, 0xdf)
    expect([msiIsMasked(entry), msiIsPending(entry)]).toEqual([true, true])
    msiUnmask(entry, BOTH)
    expect([arrived(1, 0x51), arrived(2, 0xdf)]).toEqual([false, true])
  })

  test.each([
    ['host', MSI_HOST_MASKED, MSI_GUEST_MASKED], ['guest', MSI_GUEST_MASKED, MSI_HOST_MASKED],
  ])('MSI3: unmasking for the %s leaves the other mask', (_who, mine, other) => {
    msiSend(entry)
    msiUnmask(entry, mine)
    expect([msiIsMasked(entry), arrived(1, 0x51)]).toEqual([true, false])
    msiUnmask(entry, other)
    expect([msiIsMasked(entry), arrived(1, 0x51)]).toEqual([false, true])
  })

  test('PCI-8: the entry is masked if host or guest masks it, whatever the order', () => {
    msiUnmask(entry, BOTH)
    msiMask(entry, MSI_GUEST_MASKED)
    msiMask(entry, MSI_HOST_MASKED)
    msiUnmask(entry, MSI_GUEST_MASKED)
    expect(msiIsMasked(entry)).toBe(true)
  })
})

test('MSI1, MSI2, MSI3: any sequence of operations does what a plain model says', () => {
  const masks = fc.constantFrom(MSI_HOST_MASKED, MSI_GUEST_MASKED, BOTH)
  const operation = fc.oneof(
    fc.record({ op: fc.constant('send' as const) }),
    fc.record({ op: fc.constantFrom('mask' as const, 'unmask' as const), mask: masks }),
    fc.record({ op: fc.constant('aim' as const), cpu: fc.nat(2), vector: fc.integer({ min: 0x21, max: 0xdf }) }),
  )
  fc.assert(fc.property(fc.array(operation, { maxLength: 40 }), (operations) => {
    msiReset(entry)
    msiWriteTarget(entry, 1, 0x51)
    const model = { masks: BOTH, held: false, cpu: 1, vector: 0x51 }
    for (const step of operations) {
      let sent = false
      if (step.op === 'send') {
        msiSend(entry)
        if (model.masks === 0) sent = true
        else model.held = true
      } else if (step.op === 'aim') {
        msiWriteTarget(entry, step.cpu, step.vector)
        Object.assign(model, step)
      } else if (step.op === 'mask') {
        msiMask(entry, step.mask)
        model.masks |= step.mask
      } else {
        msiUnmask(entry, step.mask)
        model.masks &= ~step.mask
        if (model.masks === 0) [sent, model.held] = [model.held, false]
      }
      expect(arrived(model.cpu, model.vector)).toBe(sent)
      expect([msiIsMasked(entry), msiIsPending(entry)]).toEqual([model.masks !== 0, model.held])
    }
  }))
})
