// SPDX-License-Identifier: MIT
import { ipisSent } from '@bottomhalf/cpu'
import { load } from '@bottomhalf/machine'
import { vcpuBlock } from '@bottomhalf/sched'
import { onCpu } from '@bottomhalf/testkit'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  APIC_DFR, APIC_DFR_CLUSTER, APIC_DFR_FLAT, APIC_ESR_RECVILL, APIC_LDR, APIC_LVT_MASKED, APIC_LVTERR, APIC_SPIV,
  APIC_SPIV_ENABLED, APIC_TASKPRI, DEST_BROADCAST, HvmVcpu, vlapicAccept, vlapicEoi, vlapicHighestDeliverable,
  vlapicMatchesDest, vlapicProcessorPriority, vlapicSetIrq, vlapicTakeErrors, vlapicWrite,
} from '../src/index.js'
import { VCPU_HVM } from '../src/records.js'
import { boot, current, guest, isPending, serve } from './boot.js'
import { SCHEDULE, VCPU_KICK } from './setup.model.js'

const ENABLE = APIC_SPIV_ENABLED | 0xff
const edge = (v: number, vector: number): boolean => vlapicSetIrq(v, vector, false)

/** The local APIC as a plain thing: sets of vectors. */
class ModelApic {
  readonly requested = new Set<number>()
  readonly inService: number[] = []
  taskPriority = 0
  enabled = true

  set(vector: number): boolean {
    if (!this.enabled || vector < 16) return false
    this.requested.add(vector)
    return true
  }

  deliverable(): number {
    const highest = Math.max(-1, ...this.requested)
    const busy = Math.max(this.taskPriority >> 4, ...this.inService.map((vector) => vector >> 4))
    return this.enabled && highest >> 4 > busy ? highest : -1
  }

  accept(): number {
    const vector = this.deliverable()
    if (vector < 0) return -1
    this.requested.delete(vector)
    this.inService.push(vector)
    return vector
  }

  eoi(): number {
    const highest = Math.max(-1, ...this.inService)
    if (highest >= 0) this.inService.splice(this.inService.indexOf(highest), 1)
    return highest
  }
}

const vector = fc.oneof(fc.nat(255), fc.constantFrom(15, 16, 0x30, 0x31, 0x3f, 0x40, 0xff))
const command = fc.oneof(
  fc.record({ what: fc.constant('set' as const), value: vector }),
  fc.record({ what: fc.constantFrom('accept' as const, 'eoi' as const), value: fc.constant(0) }),
  fc.record({ what: fc.constant('priority' as const), value: fc.nat(255) }),
  fc.record({ what: fc.constant('enable' as const), value: fc.nat(3) }),
)

describe('GV-4: the virtual local APIC', () => {
  beforeEach(() => { boot() })

  test('GV-4: takes, orders and ends interrupts like a plain model, under any sequence', () => {
    fc.assert(fc.property(fc.array(command, { maxLength: 100, size: 'max' }), (sequence) => {
      boot()
      const v = guest({ pins: [0] }).vcpus[0] as number
      const model = new ModelApic()
      for (const { what, value } of sequence) {
        if (what === 'set') expect(edge(v, value)).toBe(model.set(value))
        if (what === 'accept') expect(vlapicAccept(v)).toBe(model.accept())
        if (what === 'eoi') expect(vlapicEoi(v)).toBe(model.eoi())
        if (what === 'priority') {
          vlapicWrite(v, APIC_TASKPRI, value)
          model.taskPriority = value
        }
        if (what === 'enable') {
          vlapicWrite(v, APIC_SPIV, value === 0 ? 0xff : ENABLE)
          model.enabled = value !== 0
        }
        expect(vlapicHighestDeliverable(v)).toBe(model.deliverable())
      }
    }), { numRuns: 400 })
  })

  test('GV-4: an interrupt of the class in service waits, one of a higher class nests and ends first', () => {
    const v = guest({ pins: [0] }).vcpus[0] as number
    edge(v, 0x41)
    expect(vlapicAccept(v)).toBe(0x41)
    edge(v, 0x4f)
    expect(vlapicAccept(v)).toBe(-1)
    edge(v, 0x50)
    expect(vlapicAccept(v)).toBe(0x50)
    expect([vlapicEoi(v), vlapicAccept(v), vlapicEoi(v)]).toEqual([0x50, -1, 0x41])
    expect([vlapicAccept(v), vlapicEoi(v), vlapicEoi(v)]).toEqual([0x4f, 0x4f, -1])
  })

  test('GV-4: processor priority is the task priority or the class in service, whichever is higher', () => {
    const v = guest({ pins: [0] }).vcpus[0] as number
    vlapicWrite(v, APIC_TASKPRI, 0x35)
    expect(vlapicProcessorPriority(v)).toBe(0x35)
    edge(v, 0x61)
    vlapicAccept(v)
    expect(vlapicProcessorPriority(v)).toBe(0x60)
    vlapicWrite(v, APIC_TASKPRI, 0x72)
    expect(vlapicProcessorPriority(v)).toBe(0x72)
  })

  test('GV-4: TMR keeps how the last request of a vector was triggered', () => {
    const v = guest({ pins: [0] }).vcpus[0] as number
    const tmr = (): number => load(v + VCPU_HVM + HvmVcpu.tmr + (0x41 >> 5)) >>> (0x41 & 31) & 1
    vlapicSetIrq(v, 0x41, true)
    expect(tmr()).toBe(1)
    vlapicSetIrq(v, 0x41, false)
    expect(tmr()).toBe(0)
  })

  test('GV-4: a vector below 16 is an error of the APIC, signalled by its error vector', () => {
    const v = guest({ pins: [0] }).vcpus[0] as number
    vlapicWrite(v, APIC_LVTERR, 0x45)
    expect(edge(v, 3)).toBe(false)
    expect(vlapicAccept(v)).toBe(0x45)
    expect(vlapicTakeErrors(v)).toBe(1 << APIC_ESR_RECVILL)
    expect(vlapicTakeErrors(v)).toBe(0)
  })

  test('GV-4: an error whose own vector is below 16, or masked, is recorded and goes no further', () => {
    const v = guest({ pins: [0] }).vcpus[0] as number
    for (const lvt of [0x05, 0x45 | APIC_LVT_MASKED]) {
      vlapicWrite(v, APIC_LVTERR, lvt)
      expect(edge(v, 3)).toBe(false)
      expect(vlapicAccept(v)).toBe(-1)
      expect(vlapicTakeErrors(v)).toBe(1 << APIC_ESR_RECVILL)
    }
  })

  test('GV-4: a disabled APIC accepts nothing, and keeps what it had', () => {
    const v = guest({ pins: [0] }).vcpus[0] as number
    edge(v, 0x41)
    vlapicWrite(v, APIC_SPIV, 0xff)
    expect([edge(v, 0x51), edge(v, 3), vlapicAccept(v)]).toEqual([false, false, -1])
    vlapicWrite(v, APIC_SPIV, ENABLE)
    expect([vlapicAccept(v), vlapicTakeErrors(v)]).toEqual([0x41, 0])
  })

  test('GV-4: a write to a register that is not modelled changes nothing', () => {
    const v = guest({ pins: [0] }).vcpus[0] as number
    vlapicWrite(v, 0x320, -1)
    edge(v, 0x41)
    expect(vlapicAccept(v)).toBe(0x41)
  })
})

describe('GV-4: destinations', () => {
  let vcpus: number[] = []
  const matching = (dest: number, isLogical: boolean): number[] =>
    vcpus.flatMap((v, n) => (vlapicMatchesDest(v, dest, isLogical) ? [n] : []))

  beforeEach(() => {
    boot()
    vcpus = guest({ pins: [0, 0, 0, 0, 0, 0, 0, 0, 0] }).vcpus
  })

  test('GV-4: physical: the vCPU of that number; 0xff is all', () => {
    expect([matching(3, false), matching(9, false)]).toEqual([[3], []])
    expect(matching(DEST_BROADCAST, false)).toHaveLength(9)
  })

  test('GV-4: logical flat: a bit per APIC, as firmware leaves it 1 << (number mod 8)', () => {
    expect(matching(0b1010, true)).toEqual([1, 3])
    expect(matching(1, true)).toEqual([0, 8])
    expect(matching(0, true)).toEqual([])
  })

  test('GV-4: logical flat: what the guest wrote', () => {
    vcpus.forEach((v, n) => { vlapicWrite(v, APIC_LDR, n < 2 ? 0x80 << 24 : 0) })
    expect(matching(0x80, true)).toEqual([0, 1])
    expect(matching(DEST_BROADCAST, true)).toHaveLength(9)
  })

  test('GV-4: logical cluster: the same cluster and a common bit', () => {
    vcpus.forEach((v, n) => {
      vlapicWrite(v, APIC_DFR, APIC_DFR_CLUSTER)
      vlapicWrite(v, APIC_LDR, ((n >> 2) << 4 | 1 << (n & 3)) << 24)
    })
    expect([matching(0x03, true), matching(0x1c, true), matching(0x21, true)]).toEqual([[0, 1], [6, 7], [8]])
    expect([matching(0x10, true), matching(0x31, true)]).toEqual([[], []])
    vcpus.forEach((v) => { vlapicWrite(v, APIC_DFR, APIC_DFR_FLAT) })
    expect(matching(0x10, true)).toEqual([4, 5, 6, 7])
  })
})

describe('GV-6: an interrupt makes its vCPU look', () => {
  test('GV-6: one that sleeps is woken', () => {
    boot(2)
    const v = guest({ pins: [1] }).vcpus[0] as number
    onCpu(1, () => vcpuBlock(() => false))
    serve(1)
    edge(v, 0x41)
    expect([isPending(SCHEDULE, 1), isPending(VCPU_KICK, 1)]).toEqual([true, false])
    serve(1)
    expect(current(1)).toBe(v)
  })

  test('GV-6: one that runs on another pCPU is kicked, once for all requests of a vector', () => {
    boot(2)
    const v = guest({ pins: [1] }).vcpus[0] as number
    const before = ipisSent(0)
    edge(v, 0x41)
    expect(isPending(VCPU_KICK, 1)).toBe(true)
    serve(1)
    edge(v, 0x41)
    expect(isPending(VCPU_KICK, 1)).toBe(false)
    expect(ipisSent(0)).toBe(before + 1)
    onCpu(1, () => vlapicAccept(v))
    edge(v, 0x41)
    expect(isPending(VCPU_KICK, 1)).toBe(true)
  })
})
