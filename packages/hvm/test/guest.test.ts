// SPDX-License-Identifier: MIT
import { BugError, EINVAL } from '@bottomhalf/base'
import { DOMAIN_PV, putDomain, Vcpu } from '@bottomhalf/domain'
import { handler, irqsEnabled, ld, load } from '@bottomhalf/machine'
import { idleVcpu, inHypervisor, vcpuBlock, vcpuDown } from '@bottomhalf/sched'
import { raiseSoftirq } from '@bottomhalf/softirq'
import { onCpu } from '@bottomhalf/testkit'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  evtchnBindVirq, evtchnTake, guestEoi, guestHalt, guestMustExit, guestSetTimer, guestTakeInterrupt, hvmHasEvents,
  hvmPendingVector, hvmSetCallbackVector, runGuest, sendGuestVcpuVirq, setEoiOperations, vlapicAccept, vlapicSetIrq,
  VIRQ_TIMER,
} from '../src/index.js'
import { boot, current, guest, heap, isPending, serve } from './boot.js'
import { SCHEDULE, TASKLET, VCPU_KICK } from './setup.model.js'

const CALLBACK = 0xf3
const told: number[] = []
const entered: number[] = []
const msiEoi = handler('testMsiEoi', (vector) => { told.push(vector) })
const program = handler('testProgram', (v) => {
  entered.push(v)
  expect([irqsEnabled(), inHypervisor()]).toEqual([true, false])
})

let v = 0
let d = 0

beforeEach(() => {
  boot(2)
  told.length = 0
  entered.length = 0
  const made = guest({ pins: [0], program })
  d = made.d
  v = made.vcpus[0] as number
})

describe('SCH-4: entry and exit', () => {
  test('the program of the current vCPU runs with IF = 1, outside the hypervisor', () => {
    expect(runGuest(v)).toBe(true)
    expect(entered).toEqual([v])
    expect([irqsEnabled(), inHypervisor()]).toEqual([true, true])
  })

  test('W1: softirqs come first: with one pending nothing is entered', () => {
    raiseSoftirq(TASKLET)
    expect(runGuest(v)).toBe(false)
    expect(entered).toEqual([])
    expect([irqsEnabled(), inHypervisor()]).toEqual([true, true])
    serve()
    expect(runGuest(v)).toBe(true)
  })

  test('entering a vCPU that is not current is a BUG', () => {
    expect(() => runGuest(idleVcpu(0))).toThrow(BugError)
  })

  test('a guest must exit when a softirq is pending on its pCPU', () => {
    expect(guestMustExit()).toBe(false)
    raiseSoftirq(VCPU_KICK)
    expect(guestMustExit()).toBe(true)
  })
})

describe('GV-7: what a guest finds', () => {
  test('Q1: the callback comes before the local APIC, and stays until the guest has looked at its events', () => {
    expect(hvmSetCallbackVector(d, CALLBACK)).toBe(0)
    const port = evtchnBindVirq(v, VIRQ_TIMER)
    vlapicSetIrq(v, 0xf9, false)
    sendGuestVcpuVirq(v, VIRQ_TIMER)
    expect(hvmPendingVector(v)).toBe(CALLBACK)
    expect([guestTakeInterrupt(v), guestTakeInterrupt(v)]).toEqual([CALLBACK, CALLBACK])
    expect([evtchnTake(v), evtchnTake(v)]).toEqual([port, -1])
    expect([hvmPendingVector(v), guestTakeInterrupt(v), guestTakeInterrupt(v)]).toEqual([0xf9, 0xf9, -1])
  })

  test('GV-7: without a callback vector events inject nothing', () => {
    evtchnBindVirq(v, VIRQ_TIMER)
    sendGuestVcpuVirq(v, VIRQ_TIMER)
    expect([hvmPendingVector(v), hvmHasEvents(v)]).toEqual([-1, false])
    expect(hvmSetCallbackVector(d, CALLBACK)).toBe(0)
    expect([hvmPendingVector(v), hvmHasEvents(v)]).toEqual([CALLBACK, true])
    expect(hvmSetCallbackVector(d, 0)).toBe(0)
    expect(hvmHasEvents(v)).toBe(false)
  })

  test('GV-7: a callback vector below 16 or above 255 is -EINVAL', () => {
    for (const vector of [-1, 1, 15, 256]) expect(hvmSetCallbackVector(d, vector)).toBe(-EINVAL)
    for (const vector of [16, 255]) expect(hvmSetCallbackVector(d, vector)).toBe(0)
  })

  test('GV-7: a PV guest has events only, and needs no callback', () => {
    const pv = guest({ pins: [1], kind: DOMAIN_PV }, 2).vcpus[0] as number
    vlapicSetIrq(pv, 0x41, false)
    expect(hvmHasEvents(pv)).toBe(false)
    evtchnBindVirq(pv, VIRQ_TIMER)
    sendGuestVcpuVirq(pv, VIRQ_TIMER)
    expect(hvmHasEvents(pv)).toBe(true)
  })
})

describe('GV-4: EOI', () => {
  test('GV-4: always informs dpci, of level and of edge; nothing when nothing is in service', () => {
    setEoiOperations({ msiEoi })
    for (const isLevel of [false, true]) {
      vlapicSetIrq(v, 0x41, isLevel)
      guestTakeInterrupt(v)
      guestEoi(v)
    }
    guestEoi(v)
    expect(told).toEqual([0x41, 0x41])
    expect(vlapicAccept(v)).toBe(-1)
  })

  test('GV-4: without a layer above it only ends the interrupt', () => {
    vlapicSetIrq(v, 0x41, false)
    vlapicSetIrq(v, 0x42, false)
    expect(guestTakeInterrupt(v)).toBe(0x42)
    guestEoi(v)
    expect(guestTakeInterrupt(v)).toBe(0x41)
  })
})

describe('W2: halt', () => {
  test('a guest with nothing to do sleeps; an interrupt wakes it', () => {
    expect(guestHalt()).toBe(true)
    serve()
    expect(current()).toBe(idleVcpu(0))
    vlapicSetIrq(v, 0x41, false)
    expect(isPending(SCHEDULE)).toBe(true)
    serve()
    expect([current(), guestTakeInterrupt(v)]).toEqual([v, 0x41])
  })

  test('a guest with a deliverable interrupt does not sleep; one below its task priority lets it', () => {
    vlapicSetIrq(v, 0x41, false)
    expect(guestHalt()).toBe(false)
    expect(guestTakeInterrupt(v)).toBe(0x41)
    vlapicSetIrq(v, 0x42, false)
    expect(guestHalt()).toBe(true)
  })
})

describe('destruction', () => {
  test('a domain whose timer is set and whose tasklet is scheduled goes without a trace', () => {
    boot(2)
    const before = heap()
    const made = guest({ pins: [1] })
    const w = made.vcpus[0] as number
    evtchnBindVirq(w, VIRQ_TIMER)
    onCpu(1, () => { guestSetTimer(w, 1e15) })
    onCpu(1, () => vcpuBlock(() => false))
    expect(vcpuDown(w)).toBe(0)
    serve(1)
    sendGuestVcpuVirq(w, VIRQ_TIMER)
    expect(isPending(TASKLET)).toBe(true)
    expect(load(w + Vcpu.isRunning)).toBe(0)
    putDomain(made.d)
    for (let turn = 0; turn < 4; turn++) for (const cpu of [1, 0]) serve(cpu)
    expect(heap()).toEqual(before)
    expect(ld(idleVcpu(1) + Vcpu.domain)).toBe(0)
  })
})
