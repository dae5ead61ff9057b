// SPDX-License-Identifier: MIT
import { cpuEvidence } from '@bottomhalf/machine'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  APIC_SPIV, APIC_TASKPRI, DELIVERY_FIXED, DELIVERY_LOWEST_PRIORITY, DEST_BROADCAST, TRACE_MSI_UNDELIVERED,
  vlapicAccept, vlapicEoi, vlapicWrite, VMSI_DELIVERY_SHIFT, VMSI_LOGICAL, VMSI_REDIRECTION_HINT, vmsiDeliver,
  vmsiDestVcpuId, vmsiMatchesVcpu, vmsiUndelivered,
} from '../src/index.js'
import { boot, guest, words } from './boot.js'

const VEC = 0x61
const lowest = DELIVERY_LOWEST_PRIORITY << VMSI_DELIVERY_SHIFT
let d = 0
let vcpus: number[] = []

/** Numbers of the vCPUs that have the message; they end it. */
const taken = (): number[] => vcpus.flatMap((v, n) => (vlapicAccept(v) === VEC && vlapicEoi(v) === VEC ? [n] : []))

beforeEach(() => {
  boot();
  ({ d, vcpus } = guest({ pins: [0, 0, 0, 0] }))
})

describe('GV-5: guest MSIs', () => {
  test('GV-5: fixed delivery goes to every vCPU that matches', () => {
    expect(vmsiDeliver(d, VEC, 2)).toBe(1)
    expect(taken()).toEqual([2])
    expect(vmsiDeliver(d, VEC, 0b1001 | VMSI_LOGICAL)).toBe(2)
    expect(taken()).toEqual([0, 3])
    expect(vmsiUndelivered(d)).toBe(0)
  })

  test('GV-5: fixed delivery to a logical destination reaches exactly its vCPUs', () => {
    vmsiDeliver(d, VEC, 0b1010 | VMSI_LOGICAL | DELIVERY_FIXED << VMSI_DELIVERY_SHIFT | VMSI_REDIRECTION_HINT)
    expect(taken()).toEqual([1, 3])
  })

  test('GV-5: the broadcast goes to all', () => {
    expect(vmsiDeliver(d, VEC, DEST_BROADCAST)).toBe(4)
    expect(taken()).toEqual([0, 1, 2, 3])
  })

  test.each([
    ['no vCPU has the destination', 9, VEC],
    ['the delivery mode is none of fixed and lowest priority', 2 | 2 << VMSI_DELIVERY_SHIFT, VEC],
    ['the vector is below 16', 2, 5],
    ['lowest priority finds no vCPU', 9 | lowest, VEC],
  ])('G1: a message is counted and traced when %s', (_what, gflags, gvec) => {
    expect(vmsiDeliver(d, gvec, gflags)).toBe(0)
    expect(taken()).toEqual([])
    expect(vmsiUndelivered(d)).toBe(1)
    const last = cpuEvidence(words())[0]?.trace.at(-1)
    expect(last).toMatchObject({ event: TRACE_MSI_UNDELIVERED, a: 1, b: gvec | gflags << 8 })
  })

  test('G1: a message to a disabled APIC is counted', () => {
    vlapicWrite(vcpus[2] as number, APIC_SPIV, 0)
    expect(vmsiDeliver(d, VEC, 2)).toBe(0)
    expect(vmsiUndelivered(d)).toBe(1)
  })

  test('GV-5: vmsiMatchesVcpu and vmsiDestVcpuId tell whom a message is for', () => {
    expect(vcpus.map((v) => vmsiMatchesVcpu(v, 0b0110 | VMSI_LOGICAL))).toEqual([false, true, true, false])
    expect([2, 9, 0b0110 | VMSI_LOGICAL, 0b0100 | VMSI_LOGICAL].map((gflags) => vmsiDestVcpuId(d, gflags)))
      .toEqual([2, -1, -1, 2])
  })

  test('GV-5: in a domain with one vCPU every message is for number 0', () => {
    const single = guest({ pins: [0] }, 2)
    expect(vmsiDestVcpuId(single.d, 9)).toBe(0)
  })
})

describe('GV-4: lowest priority', () => {
  const send = (gflags: number): number[] => {
    vmsiDeliver(d, VEC, gflags | lowest)
    vcpus.forEach((v) => { vlapicWrite(v, APIC_TASKPRI, 0) })
    return taken()
  }

  test('GV-4: one vCPU wins; among equals the next behind the last winner, the last one too (f164d49881)', () => {
    const winners = Array.from({ length: 5 }, () => send(0b1101 | VMSI_LOGICAL))
    expect(winners).toEqual([[0], [2], [3], [0], [2]])
  })

  test('GV-4: the smallest processor priority wins, wherever the scan begins', () => {
    for (let start = 0; start < 4; start++) {
      send(start)
      vcpus.forEach((v, n) => { vlapicWrite(v, APIC_TASKPRI, [0x50, 0x40, 0x10, 0x30][n] as number) })
      expect(send(DEST_BROADCAST)).toEqual([2])
    }
  })

  test('GV-4: a disabled APIC does not compete', () => {
    vlapicWrite(vcpus[0] as number, APIC_SPIV, 0)
    expect(send(0b0011 | VMSI_LOGICAL)).toEqual([1])
  })
})
