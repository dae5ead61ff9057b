// SPDX-License-Identifier: MIT
import { EINVAL } from '@bottomhalf/base'
import { DOMAIN_PV } from '@bottomhalf/domain'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  DELIVERY_NMI, evtchnBindVirq, evtchnTake, guestEoi, guestTakeInterrupt, hvmGsiAssertCount, hvmIsaIrqAssert,
  hvmPciIntxGsi, hvmSetCallbackGsi, hvmSetCallbackIntx, hvmSetCallbackVector, NMI_VECTOR, PIC_MASTER_DATA, runGuest,
  sendGuestVcpuVirq, VIRQ_TIMER, vlapicSetIrq, vmsiDeliver, VMSI_DELIVERY_SHIFT, vpicWrite,
} from '../src/index.js'
import { guest, isPending, serve } from './boot.js'
import { bootLines, program } from './lines.boot.js'
import { TASKLET } from './setup.model.js'

const [DEVICE, PIN, VEC] = [3, 0, 0x41]
const GSI = hvmPciIntxGsi(DEVICE, PIN)
let d = 0
let v = 0
let other = 0

beforeEach(() => {
  const made = bootLines(2)
  d = made.d
  v = made.vcpus[0] as number
  other = made.vcpus[1] as number
  evtchnBindVirq(v, VIRQ_TIMER)
  evtchnBindVirq(other, VIRQ_TIMER)
})

const isHigh = (): boolean => hvmGsiAssertCount(d, GSI) === 1
/** An event for a vCPU, and the softirqs that tell it. */
function event(to = v): void {
  sendGuestVcpuVirq(to, VIRQ_TIMER)
  serve()
}
const takeAll = (): void => { while (evtchnTake(v) > 0) continue }

describe('GV-7: the callback line', () => {
  test('CB1: its level is the upcall flag of vCPU 0, lowered at the VM exit that finds the flag off', () => {
    expect(hvmSetCallbackIntx(d, DEVICE, PIN)).toBe(0)
    event()
    expect(isHigh()).toBe(true)
    runGuest(v)
    expect(isHigh()).toBe(true)
    takeAll()
    expect(isHigh()).toBe(true)
    runGuest(v)
    expect(isHigh()).toBe(false)
    event()
    expect(isHigh()).toBe(true)
  })

  test('CB2: the guest takes its interrupt like any of level; the EOI is a VM exit, so it comes once for each event', () => {
    expect(hvmSetCallbackIntx(d, DEVICE, PIN)).toBe(0)
    program(d, GSI, { vector: VEC })
    event()
    expect(guestTakeInterrupt(v)).toBe(VEC)
    takeAll()
    guestEoi(v)
    expect([guestTakeInterrupt(v), isHigh()]).toEqual([-1, false])
    event()
    expect(guestTakeInterrupt(v)).toBe(VEC)
    takeAll()
    event()
    guestEoi(v)
    expect(guestTakeInterrupt(v)).toBe(VEC)
  })

  test('GV-7: an event of another vCPU does not touch it', () => {
    expect(hvmSetCallbackIntx(d, DEVICE, PIN)).toBe(0)
    event(other)
    expect(isHigh()).toBe(false)
  })

  test('GV-7: it may be a GSI, on IO-APIC and PIC', () => {
    expect(hvmSetCallbackGsi(d, 5)).toBe(0)
    vpicWrite(d, PIC_MASTER_DATA, 0)
    event()
    expect([hvmGsiAssertCount(d, 5), guestTakeInterrupt(v)]).toEqual([1, 0x0d])
    takeAll()
    runGuest(v)
    expect(hvmGsiAssertCount(d, 5)).toBe(0)
  })

  test('GV-7: changing it moves what is asserted; a vector takes its place', () => {
    expect(hvmSetCallbackIntx(d, DEVICE, PIN)).toBe(0)
    event()
    expect(hvmSetCallbackGsi(d, 20)).toBe(0)
    expect([isHigh(), hvmGsiAssertCount(d, 20)]).toEqual([false, 1])
    expect(hvmSetCallbackVector(d, 0xf3)).toBe(0)
    expect([hvmGsiAssertCount(d, 20), guestTakeInterrupt(v)]).toEqual([0, 0xf3])
    expect(hvmSetCallbackIntx(d, DEVICE, PIN)).toBe(0)
    expect([isHigh(), guestTakeInterrupt(v)]).toEqual([true, -1])
  })

  test('GV-1: raised with IF = 0 it goes through the tasklet: no irqLock is taken before', () => {
    expect(hvmSetCallbackIntx(d, DEVICE, PIN)).toBe(0)
    sendGuestVcpuVirq(v, VIRQ_TIMER)
    expect([isHigh(), isPending(TASKLET)]).toEqual([false, true])
    serve()
    expect(isHigh()).toBe(true)
  })

  test('GV-7: what cannot be is refused with -EINVAL, and a PV domain has none', () => {
    for (const gsi of [-1, 0, 48]) expect(hvmSetCallbackGsi(d, gsi)).toBe(-EINVAL)
    for (const [device, pin] of [[32, 0], [-1, 0], [0, 4], [0, -1]]) {
      expect(hvmSetCallbackIntx(d, device as number, pin as number)).toBe(-EINVAL)
    }
    const pv = guest({ pins: [0], kind: DOMAIN_PV }, 2).d
    expect([hvmSetCallbackGsi(pv, 5), hvmSetCallbackVector(pv, 0x41)]).toEqual([-EINVAL, -EINVAL])
  })
})

describe('GV-7: the order at entry', () => {
  test('GV-7: NMI, callback, PIC, local APIC', () => {
    expect(hvmSetCallbackVector(d, 0xf3)).toBe(0)
    vlapicSetIrq(v, 0xe1, false)
    vpicWrite(d, PIC_MASTER_DATA, 0)
    hvmIsaIrqAssert(d, 1)
    event()
    vmsiDeliver(d, 0, DELIVERY_NMI << VMSI_DELIVERY_SHIFT)
    expect([guestTakeInterrupt(v), guestTakeInterrupt(v)]).toEqual([NMI_VECTOR, 0xf3])
    takeAll()
    expect([guestTakeInterrupt(v), guestTakeInterrupt(v), guestTakeInterrupt(v)]).toEqual([0x09, 0xe1, -1])
  })
})
