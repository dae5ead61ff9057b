// SPDX-License-Identifier: MIT
import { EEXIST, EINVAL, ENOMEM, ENOSPC, type Pirq } from '@bottomhalf/base'
import { Domain, DOMAIN_PV, PirqRecord, pirqRecordGetOrCreate, pirqRecordOf, putDomain } from '@bottomhalf/domain'
import { createMsiIrq, mapDomainPirq, MsiEntry, msiReset, msiSend, pirqGuestMask } from '@bottomhalf/irq'
import { failAllocation, ld, load, xmalloc } from '@bottomhalf/machine'
import { vcpuDown } from '@bottomhalf/sched'
import { spinLock, spinUnlock } from '@bottomhalf/spinlock'
import { onCpu } from '@bottomhalf/testkit'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  EVTCHN_PORTS, evtchnBindPirqLocked, evtchnBindVirq, evtchnClose, evtchnMask, evtchnTake, evtchnUnmask, HvmVcpu,
  sendGuestPirq, sendGuestVcpuVirq, VIRQ_COUNT, VIRQ_TIMER,
} from '../src/index.js'
import { VCPU_HVM } from '../src/records.js'
import { boot, guest, heap, isPending, serve } from './boot.js'
import { TASKLET, VCPU_KICK } from './setup.model.js'

const pirq = (n: number): Pirq => n as Pirq
const upcall = (v: number): number => load(v + VCPU_HVM + HvmVcpu.upcallPending)

function locked<T>(d: number, fn: () => T): T {
  spinLock(d + Domain.eventLock)
  const result = fn()
  spinUnlock(d + Domain.eventLock)
  return result
}

const recordOf = (d: number, n: number): number => locked(d, () => pirqRecordGetOrCreate(d, pirq(n)))
const bindPirq = (record: number, vcpuId = 0): number =>
  locked(ld(record + PirqRecord.domain), () => evtchnBindPirqLocked(record, vcpuId, false))
const takeAll = (v: number): number[] => {
  const ports: number[] = []
  for (let port = evtchnTake(v); port >= 0; port = evtchnTake(v)) ports.push(port)
  return ports
}

/** Whether a vCPU has been notified, or is in the middle of taking. */
const isTold = (who: number): boolean => upcall(who) !== 0 || load(who + VCPU_HVM + HvmVcpu.selector) !== 0

let d = 0
let v = 0
let w = 0

beforeEach(() => {
  boot(2)
  const made = guest({ pins: [0, 1] })
  d = made.d;
  [v = 0, w = 0] = made.vcpus
})

describe('binding', () => {
  test('a virq has one port of its own; ports are handed out from 1', () => {
    expect([evtchnBindVirq(v, VIRQ_TIMER), evtchnBindVirq(w, VIRQ_TIMER)]).toEqual([1, 2])
    expect(evtchnBindVirq(v, VIRQ_TIMER)).toBe(-EEXIST)
    expect([evtchnBindVirq(v, -1), evtchnBindVirq(v, VIRQ_COUNT)]).toEqual([-EINVAL, -EINVAL])
  })

  test('a pIRQ has one port, which notifies a vCPU of its domain', () => {
    const record = recordOf(d, 5)
    expect([bindPirq(record, -1), bindPirq(record, 2)]).toEqual([-EINVAL, -EINVAL])
    expect(bindPirq(record, 1)).toBe(1)
    expect(bindPirq(record, 1)).toBe(-EEXIST)
    expect(sendGuestPirq(record)).toBe(true)
    expect([takeAll(v), takeAll(w)]).toEqual([[], [1]])
  })

  test('a closed port is free again and clean', () => {
    const record = recordOf(d, 5)
    const port = bindPirq(record)
    expect(evtchnMask(d, port)).toBe(0)
    sendGuestPirq(record)
    expect(evtchnClose(d, port)).toBe(0)
    expect(evtchnClose(d, port)).toBe(-EINVAL)
    expect(evtchnBindVirq(v, VIRQ_TIMER)).toBe(port)
    expect(takeAll(v)).toEqual([])
    sendGuestVcpuVirq(v, VIRQ_TIMER)
    expect(takeAll(v)).toEqual([port])
  })

  test('E5 (78e24c269b): nothing sets a closed port pending', () => {
    const port = evtchnBindVirq(v, VIRQ_TIMER)
    expect(evtchnClose(d, port)).toBe(0)
    sendGuestVcpuVirq(v, VIRQ_TIMER)
    expect(upcall(v)).toBe(0)
    const record = recordOf(d, 5)
    expect(sendGuestPirq(record)).toBe(false)
  })

  test('IRQ-10: the record of a pIRQ that nothing else uses goes with its port', () => {
    const record = recordOf(d, 5)
    expect(evtchnClose(d, bindPirq(record))).toBe(0)
    expect(pirqRecordOf(d, pirq(5))).toBe(0)
  })

  test('numbers that are no port are -EINVAL', () => {
    for (const port of [-1, 0, 1, EVTCHN_PORTS]) {
      expect([evtchnClose(d, port), evtchnMask(d, port), evtchnUnmask(d, port)]).toEqual([-EINVAL, -EINVAL, -EINVAL])
    }
  })

  test('all ports but 0 can be bound, one more is -ENOSPC', () => {
    boot(1)
    const many = guest({ pins: Array.from({ length: 43 }, () => 0) })
    const virqs = Array.from({ length: VIRQ_COUNT }, (_, virq) => virq)
    const ports = many.vcpus.flatMap((each) => virqs.map((virq) => evtchnBindVirq(each, virq)))
    expect(ports.slice(0, EVTCHN_PORTS - 1)).toEqual(Array.from({ length: EVTCHN_PORTS - 1 }, (_, n) => n + 1))
    expect(new Set(ports.slice(EVTCHN_PORTS - 1))).toEqual(new Set([-ENOSPC]))
  })

  test('without memory for its bucket a port is -ENOMEM and nothing is bound', () => {
    const before = heap()
    failAllocation(1)
    expect(evtchnBindVirq(v, VIRQ_TIMER)).toBe(-ENOMEM)
    expect(heap()).toEqual(before)
    sendGuestVcpuVirq(v, VIRQ_TIMER)
    expect(upcall(v)).toBe(0)
    expect(evtchnBindVirq(v, VIRQ_TIMER)).toBe(1)
  })

  test('buckets go with their domain', () => {
    boot()
    const before = heap()
    const made = guest({ pins: [0] })
    evtchnBindVirq(made.vcpus[0] as number, VIRQ_TIMER)
    expect(vcpuDown(made.vcpus[0] as number)).toBe(0)
    serve()
    putDomain(made.d)
    for (let turn = 0; turn < 4; turn++) serve()
    expect(heap()).toEqual(before)
  })
})

describe('GV-7: two levels', () => {
  test('E2: only the first event notifies, until the guest has looked', () => {
    const [a, b] = [bindPirq(recordOf(d, 5), 1), bindPirq(recordOf(d, 6), 1)]
    sendGuestPirq(recordOf(d, 5))
    expect(isPending(VCPU_KICK, 1)).toBe(true)
    serve(1)
    sendGuestPirq(recordOf(d, 5))
    sendGuestPirq(recordOf(d, 6))
    expect(isPending(VCPU_KICK, 1)).toBe(false)
    expect(onCpu(1, () => takeAll(w))).toEqual([a, b])
    expect(upcall(w)).toBe(0)
    sendGuestPirq(recordOf(d, 6))
    expect(isPending(VCPU_KICK, 1)).toBe(true)
  })

  test('GV-7: a masked port waits and notifies nobody; unmasking it notifies', () => {
    const record = recordOf(d, 5)
    const port = bindPirq(record, 1)
    expect(evtchnMask(d, port)).toBe(0)
    sendGuestPirq(record)
    expect([upcall(w), isPending(VCPU_KICK, 1), takeAll(w)]).toEqual([0, false, []])
    expect(evtchnUnmask(d, port)).toBe(0)
    expect([upcall(w), isPending(VCPU_KICK, 1), takeAll(w)]).toEqual([1, true, [port]])
    expect(evtchnUnmask(d, port)).toBe(0)
    expect(upcall(w)).toBe(0)
  })

  test('GV-7: a vCPU takes its own ports only, and leaves the others pending', () => {
    const [a, b] = [bindPirq(recordOf(d, 5), 0), bindPirq(recordOf(d, 6), 1)]
    sendGuestPirq(recordOf(d, 5))
    sendGuestPirq(recordOf(d, 6))
    expect(takeAll(v)).toEqual([a])
    expect(takeAll(w)).toEqual([b])
  })

  test('GV-7: events come like those of a plain model, under any sequence', () => {
    const commands = fc.array(fc.record({
      what: fc.constantFrom('send', 'send', 'mask', 'unmask', 'take', 'takeAll'),
      // neighbours, and both sides of a bucket's end (port = n + 1); odd ones notify the second vCPU
      n: fc.constantFrom(0, 1, 29, 30, 31, 32, 33),
    }), { maxLength: 80 })
    fc.assert(fc.property(commands, (sequence) => {
      boot(2)
      const made = guest({ pins: [0, 1] })
      const records = Array.from({ length: 34 }, (_, n) => recordOf(made.d, n))
      const ports = records.map((record, n) => bindPirq(record, n & 1))
      const pending = new Set<number>()
      const masked = new Set<number>()
      const ready = (vcpuId: number): number[] =>
        [...pending].filter((n) => (n & 1) === vcpuId && !masked.has(n)).sort((a, b) => a - b)
      for (const { what, n } of sequence) {
        const mine = made.vcpus[n & 1] as number
        const port = ports[n] as number
        if (what === 'send') { sendGuestPirq(records[n] as number); pending.add(n) }
        if (what === 'mask') { expect(evtchnMask(made.d, port)).toBe(0); masked.add(n) }
        if (what === 'unmask') { expect(evtchnUnmask(made.d, port)).toBe(0); masked.delete(n) }
        if (what === 'take') {
          const [first] = ready(n & 1)
          expect(evtchnTake(mine)).toBe(first === undefined ? -1 : ports[first])
          if (first !== undefined) pending.delete(first)
        }
        if (what === 'takeAll') {
          expect(takeAll(mine)).toEqual(ready(n & 1).map((each) => ports[each]))
          for (const each of ready(n & 1)) pending.delete(each)
        }
        for (const i of [0, 1]) if (ready(i).length > 0) expect(isTold(made.vcpus[i] as number)).toBe(true)
      }
    }), { numRuns: 200 })
  })
})

describe('GV-1: who tells the guest', () => {
  test('GV-1: a virq that is bound to no port is nothing', () => {
    sendGuestVcpuVirq(w, VIRQ_TIMER)
    expect([upcall(w), isPending(TASKLET), isPending(VCPU_KICK, 1)]).toEqual([0, false, false])
  })

  test('Q2: VIRQ_TIMER, raised with IF = 0, goes through the tasklet of the vCPU; then the vCPU is kicked', () => {
    evtchnBindVirq(w, VIRQ_TIMER)
    sendGuestVcpuVirq(w, VIRQ_TIMER)
    expect([upcall(w), isPending(TASKLET), isPending(VCPU_KICK, 1)]).toEqual([1, true, false])
    serve()
    expect([isPending(TASKLET), isPending(VCPU_KICK, 1)]).toEqual([false, true])
  })

  test('GV-1: an event sent with IF = 1 kicks at once', () => {
    const record = recordOf(d, 5)
    bindPirq(record, 1)
    sendGuestPirq(record)
    expect([isPending(TASKLET), isPending(VCPU_KICK, 1)]).toEqual([false, true])
  })

  test('GV-1: the pIRQ of a PV domain brings its machine interrupt, and gives it back with the port', () => {
    boot(2)
    const made = guest({ pins: [0, 1], kind: DOMAIN_PV })
    const entry = xmalloc(MsiEntry.sizeWords, 0)
    msiReset(entry)
    const irq = createMsiIrq(entry, 0)
    const mapped = locked(made.d, () => mapDomainPirq(made.d, pirq(5), irq))
    expect(mapped).toBe(0)
    const record = pirqRecordOf(made.d, pirq(5))
    const port = bindPirq(record, 1)
    // the guest's own mask bit
    expect(pirqGuestMask(record, false)).toBe(0)
    onCpu(1, () => { msiSend(entry) })
    expect(takeAll(made.vcpus[1] as number)).toEqual([port])
    expect(evtchnClose(made.d, port)).toBe(0)
    onCpu(1, () => { msiSend(entry) })
    expect(upcall(made.vcpus[1] as number)).toBe(0)
  })

  test('GV-1: a PV domain gets no port for a pIRQ that is tied to no interrupt', () => {
    boot(2)
    const made = guest({ pins: [0], kind: DOMAIN_PV })
    const record = recordOf(made.d, 5)
    expect(bindPirq(record)).toBe(-EINVAL)
    expect(evtchnBindVirq(made.vcpus[0] as number, VIRQ_TIMER)).toBe(1)
  })
})
