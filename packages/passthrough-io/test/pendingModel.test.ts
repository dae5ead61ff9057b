// SPDX-License-Identifier: MIT
/** Lines, what is pending and what is ended against a plain model: two pIRQs, three lines, two of them of one guest GSI. */
import { pirqRecordOf, vcpuOf } from '@bottomhalf/domain'
import { hvmGsiAssertCount, hvmPciIntxGsi } from '@bottomhalf/hvm'
import { msiSend } from '@bottomhalf/irq'
import { ld } from '@bottomhalf/machine'
import { vcpuUp } from '@bottomhalf/sched'
import fc from 'fast-check'
import { afterEach, expect, test, vi } from 'vitest'
import { dpciOf, hvmDpciEoi, HvmPirqDpci, ptIrqCreateBind, ptIrqDestroyBind } from '../src/index.js'
import { boot, holdTime, softirqs } from './boot.js'
import { createDomain, device, lineBind, linesEnded, makeLevel, mapDevice, ok } from './setup.model.js'
import type { Pirq } from '@bottomhalf/base'

const LINES = [lineBind(5, 3, 0), lineBind(5, 4, 1), lineBind(6, 10, 3)] as const
const GSIS = [hvmPciIntxGsi(3, 0), hvmPciIntxGsi(4, 1)] as const
const pirqOfLine = (n: number): number => LINES[n]?.pirq ?? 0
const gsiOfLine = (n: number): number => n === 1 ? GSIS[1] : GSIS[0]

class Model {
  readonly bound = new Set([0, 1, 2])
  readonly pending = new Set<number>()
  readonly inFlight = new Set<number>()
  ended = 0

  pendingOf(pirq: number): number {
    return [...this.pending].filter((n) => pirqOfLine(n) === pirq).length
  }

  arrive(pirq: number): void {
    this.inFlight.add(pirq)
    for (const n of this.bound) if (pirqOfLine(n) === pirq) this.pending.add(n)
  }

  eoi(gsi: number): void {
    for (const n of this.bound) if (gsiOfLine(n) === gsi) this.end(n)
  }

  unbindSecond(): void {
    this.end(1)
    this.bound.delete(1)
  }

  private end(n: number): void {
    const pirq = pirqOfLine(n)
    if (!this.pending.delete(n) || this.pendingOf(pirq) > 0) return
    if (this.inFlight.delete(pirq)) this.ended++
  }
}

/** A model whose EOIs count whether or not anything waits: U11. */
class WrappingModel extends Model {
  override eoi(gsi: number): void {
    if (this.pending.size === 0) this.ended++
    super.eoi(gsi)
  }
}

const operation = fc.constantFrom('arrive5', 'arrive6', 'eoi0', 'eoi1', 'bind', 'unbind')

function compare(make: () => Model): void {
  fc.assert(fc.property(fc.array(operation, { minLength: 1, maxLength: 40 }), (operations) => {
    const d = begin()
    const model = make()
    for (const op of operations) {
      step(d, model, op)
      expect(state(d)).toEqual([
        [...model.pending].filter((n) => n !== 1).length, model.pending.has(1) ? 1 : 0,
        model.pendingOf(5), model.pendingOf(6), model.ended,
      ])
    }
  }), { numRuns: 100 })
}

function begin(): number {
  boot()
  const d = createDomain(1)
  for (const n of [5, 6]) makeLevel(mapDevice(d, n, n - 5))
  ok(vcpuUp(vcpuOf(d, 0)))
  softirqs(0)
  for (const line of LINES) ok(ptIrqCreateBind(d, line))
  return d
}

function step(d: number, model: Model, op: string): void {
  switch (op) {
    case 'arrive5': case 'arrive6':
      msiSend(device(op === 'arrive5' ? 0 : 1))
      softirqs(0)
      return model.arrive(op === 'arrive5' ? 5 : 6)
    case 'eoi0': hvmDpciEoi(GSIS[0]); return model.eoi(GSIS[0])
    case 'eoi1': hvmDpciEoi(GSIS[1]); return model.eoi(GSIS[1])
    case 'bind':
      if (ptIrqCreateBind(d, LINES[1]) === 0) model.bound.add(1)
      return
    default:
      if (ptIrqDestroyBind(d, LINES[1]) === 0) model.unbindSecond()
  }
}

const pendingOf = (d: number, pirq: number) => ld(dpciOf(pirqRecordOf(d, pirq as Pirq)) + HvmPirqDpci.pending)
const state = (d: number): number[] =>
  [...GSIS.map((gsi) => hvmGsiAssertCount(d, gsi)), pendingOf(d, 5), pendingOf(d, 6), linesEnded()]

afterEach(() => { vi.useRealTimers() })

test('DP-7, DP-9: under any sequence wires, pending lines and ends are those of a plain model', () => {
  holdTime()
  compare(() => new Model())
}, 60_000)

test('U11 twin: a model in which stray EOIs count is told apart', () => {
  holdTime()
  expect(() => { compare(() => new WrappingModel()) }).toThrow(/Property failed/)
}, 60_000)
