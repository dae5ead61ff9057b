// SPDX-License-Identifier: MIT
// Every operation, with everything that can be wrong about it: the errno of the rules, a message, and no change.
import { EBUSY, EEXIST, EINVAL, ENODEV, EOPNOTSUPP, EPERM, ESRCH, errnoName, type DomId, type Pirq } from '@bottomhalf/base'
import { LINE_EDGE } from '@bottomhalf/irq'
import { PT_IRQ_TYPE_MSI } from '@bottomhalf/passthrough-io'
import { PCI_MSI, PCI_MSIX } from '@bottomhalf/passthrough-pci'
import { changesOf } from '@bottomhalf/testkit/lockstep'
import { beforeAll, describe, expect, test } from 'vitest'
import { HypervisorError, Operation, operationName, requests, type ControlRequest, type CreateDomain } from '../src/index.js'
import { haltingProgram } from './control.model.js'
import { A, answer, B, C, D, freshMsi, killWithRunQueued, lockHotplug, unlockHotplugAgain } from './operations.model.js'
import { newWorld, type World } from './world.js'

type Request = ControlRequest<unknown>
type Row = readonly [string, Request, number]

const [one, two, dead, nobody] = [1, 2, 3, 9] as [DomId, DomId, DomId, DomId]
const DOMAINS: readonly DomId[] = [one, two, dead, nobody]
const OUT = 8 as Pirq
const FREE = 5 as Pirq
const LINE = 3 as Pirq
const BUS_MSI = 1 as Pirq
const MESSAGE = 2 as Pirq
const TABLE = 0xfe00_0000

let world: World
let msi = 0

beforeAll(() => {
  world = newWorld()
  msi = world.machine.call(0, () => freshMsi())
})

/** A raw request: words that no encoder would make. */
function raw(operation: Operation, ...args: number[]): Request {
  return { operation, args, ids: {}, read: () => undefined }
}

function create(more: Partial<CreateDomain>): Request {
  return requests.createDomain({ domId: nobody, nrPirqs: 8, guestProgram: haltingProgram.id, ...more })
}

const message = (sbdf: number, first: number, count = 1, kind: number = PCI_MSIX) => ({ sbdf, kind, first, count })
const asMsi = (pirq: Pirq, gvec = 0x50) => ({ type: PT_IRQ_TYPE_MSI, pirq, gvec })
const busMsi = (domId: DomId, pirq: Pirq, entry: number, gvec = 0x50) =>
  requests.bindMsi({ domId, pirq, msi: entry, gvec, gflags: 0 })

/** What is wrong, the request, the errno. */
const domainRows = (): Row[] => [
  ['a negative id', create({ domId: -1 as DomId }), EINVAL],
  ['a reserved id', create({ domId: 0x7ff0 as DomId }), EINVAL],
  ['an id that is taken', create({ domId: one }), EEXIST],
  ['an id that a dead domain still has', create({ domId: dead }), EEXIST],
  ['no such kind', create({ kind: 3 }), EINVAL],
  ['no vCPU', create({ vcpus: 0 }), EINVAL],
  ['too many vCPUs', create({ vcpus: 129 }), EINVAL],
  ['a negative number of pIRQs', create({ nrPirqs: -1 }), EINVAL],
  ['too many pIRQs', create({ nrPirqs: 4097 }), EINVAL],
  ['no program', create({ guestProgram: 0 }), EINVAL],
  ['a program that is no handler', create({ guestProgram: 9999 }), EINVAL],
  ['a handler that is no guest program', create({ guestProgram: haltingProgram.id - 1 }), EINVAL],
  ['weight 0', create({ weight: 0 }), EINVAL],
  ['too large a weight', create({ weight: 65536 }), EINVAL],
  ['a negative cap', create({ cap: -1 }), EINVAL],
  ['a cap beyond its vCPUs', create({ cap: 101 }), EINVAL],
  ['no CPU', create({ cpus: [] }), EINVAL],
  ['a CPU that is not there', create({ cpus: [0, 2] }), EINVAL],
  ['a CPU that no machine has', create({ cpus: [256] }), EINVAL],
  ['a negative CPU', create({ cpus: [-1] }), EINVAL],
  ['tied to no CPU', create({ cpus: [], pinned: true }), EINVAL],
  ['flags that mean nothing', raw(Operation.CreateDomain, 9, 2, 1, 8, haltingProgram.id, 0, 256, 0, 4, 1), EINVAL],
  ['an unknown domain', requests.killDomain(nobody), ESRCH],
  ['an id that no domain can have', requests.killDomain(-1 as DomId), ESRCH],
  ['no such reason', requests.shutdownDomain(one, 5), EINVAL],
  ['a negative reason', requests.shutdownDomain(one, -1), EINVAL],
  ['it is not suspended', requests.resumeDomain(one), EINVAL],
  ['no such vCPU', requests.setAffinity(one, 2, [0]), EINVAL],
  ['a negative vCPU', requests.setAffinity(one, -1, [0]), EINVAL],
  ['no CPU', requests.setAffinity(one, 0, []), EINVAL],
  ['a CPU that is not there', requests.setAffinity(one, 0, [0, 5]), EINVAL],
  ['weight 0', requests.setSchedule(one, 0, 0), EINVAL],
  ['a cap beyond its vCPUs', requests.setSchedule(one, 256, 201), EINVAL],
  ['none further', requests.nextDomain(4), ESRCH],
  ['an unknown domain', requests.domainState(nobody), ESRCH],
  ['no such vCPU', requests.vcpuState(one, 2), EINVAL],
  ['an unknown domain', requests.vcpuState(nobody, 0), ESRCH],
  ...[requests.pauseDomain, requests.unpauseDomain, requests.resumeDomain].flatMap((of): Row[] =>
    [['an unknown domain', of(nobody), ESRCH], ['a dead one', of(dead), EINVAL]]),
  ...([[nobody, ESRCH], [dead, EINVAL]] as const).flatMap(([d, errno]): Row[] => [
    ['no living domain', requests.shutdownDomain(d, 0), errno],
    ['no living domain', requests.setAffinity(d, 0, [0]), errno],
    ['no living domain', requests.setSchedule(d, 256, 0), errno],
  ]),
]

const interruptRows = (): Row[] => [
  ...([[nobody, ESRCH], [dead, EINVAL]] as const).flatMap(([d, errno]): Row[] => [
    ['no living domain', requests.mapLine(d, FREE, 21, LINE_EDGE), errno],
    ['no living domain', requests.mapMessages(d, message(A, 1), FREE), errno],
    ['no living domain', requests.bindIrq(d, asMsi(MESSAGE)), errno],
    ['no living domain', busMsi(d, FREE, msi), errno],
    ['no living domain', requests.registerTable(d, MESSAGE, TABLE), errno],
  ]),
  ['a pIRQ out of range', requests.mapLine(one, OUT, 21, LINE_EDGE), EINVAL],
  ['a negative pIRQ', requests.mapLine(one, -2, 21, LINE_EDGE), EINVAL],
  ['a line that is not there', requests.mapLine(one, FREE, 64, LINE_EDGE), EINVAL],
  ['a negative line', requests.mapLine(one, FREE, -1, LINE_EDGE), EINVAL],
  ['no such sort of line', requests.mapLine(one, FREE, 21, 4), EINVAL],
  ['a negative sort', requests.mapLine(one, FREE, 21, -1), EINVAL],
  ['a pIRQ that is tied', requests.mapLine(one, LINE, 21, LINE_EDGE), EEXIST],
  ['a pIRQ that is no line', requests.unmapLine(one, BUS_MSI), EINVAL],
  ['a pIRQ that is tied to nothing', requests.unmapLine(one, FREE), EINVAL],
  ['a pIRQ out of range', requests.unmapLine(one, OUT), EINVAL],
  ['an unknown domain', requests.unmapLine(nobody, LINE), ESRCH],
  ['another domain\'s device', requests.mapMessages(one, message(B, 0), FREE), EPERM],
  ['the hardware domain\'s device', requests.mapMessages(one, message(C, 0), FREE), EPERM],
  ['an unknown device', requests.mapMessages(one, message(D, 0), FREE), ENODEV],
  ['no such kind of messages', requests.mapMessages(one, message(A, 1, 1, 3), FREE), EINVAL],
  ['a kind that the device has not', requests.mapMessages(one, message(A, 1, 1, PCI_MSI), FREE), ENODEV],
  ['a negative message', requests.mapMessages(one, message(A, -1), FREE), EINVAL],
  ['no message', requests.mapMessages(one, message(A, 1, 0), FREE), EINVAL],
  ['more messages than there are', requests.mapMessages(one, message(A, 1, 4), FREE), EINVAL],
  ['a message that is in use', requests.mapMessages(one, message(A, 0), FREE), EEXIST],
  ['a pIRQ that is tied', requests.mapMessages(one, message(A, 1), MESSAGE), EEXIST],
  ['the second of two pIRQs is out of range', requests.mapMessages(one, message(A, 1, 2), 7 as Pirq), EINVAL],
  ['a message that is not in use', requests.unmapMessages(one, message(A, 1)), EINVAL],
  ['another domain\'s device', requests.unmapMessages(one, message(B, 0)), EPERM],
  ['an unknown device', requests.unmapMessages(one, message(D, 0)), ENODEV],
  ['an unknown domain', requests.unmapMessages(nobody, message(A, 0)), ESRCH],
  ['a pIRQ out of range', requests.registerTable(one, OUT, TABLE), EINVAL],
  ['an address that is not one of entries', requests.registerTable(one, MESSAGE, TABLE + 4), EINVAL],
  ['an address beyond what a guest has', requests.registerTable(one, MESSAGE, 2 ** 44), EINVAL],
  ['an offset beyond its page', raw(Operation.RegisterTable, one, MESSAGE, 1, 4096), EINVAL],
  ['a negative offset', raw(Operation.RegisterTable, one, MESSAGE, 1, -16), EINVAL],
  ['a pIRQ of no MSI-X message', requests.registerTable(one, BUS_MSI, TABLE), ENODEV],
  ['a pIRQ that is tied to nothing', requests.registerTable(one, FREE, TABLE), ENODEV],
  ['no table is registered', requests.unregisterTable(one, MESSAGE), ENODEV],
  ['a pIRQ out of range', requests.unregisterTable(one, OUT), EINVAL],
  ['an unknown domain', requests.unregisterTable(nobody, MESSAGE), ESRCH],
  ['an unknown type', requests.bindIrq(one, { type: 9, pirq: MESSAGE }), EOPNOTSUPP],
  ['a pIRQ out of range', requests.bindIrq(one, asMsi(OUT)), EINVAL],
  ['a negative pIRQ', requests.bindIrq(one, asMsi(-1 as Pirq)), EINVAL],
  ['a pIRQ that is tied to nothing', requests.bindIrq(one, asMsi(FREE)), EINVAL],
  ['a vector that no guest may use', requests.bindIrq(one, asMsi(MESSAGE, 15)), EINVAL],
  ['a vector beyond the last', requests.bindIrq(one, asMsi(MESSAGE, 256)), EINVAL],
  ['a pIRQ that is not bound', requests.unbindIrq(one, asMsi(LINE)), EINVAL],
  ['a pIRQ out of range', requests.unbindIrq(one, asMsi(OUT)), EINVAL],
  ['an unknown domain', requests.unbindIrq(nobody, asMsi(MESSAGE)), ESRCH],
  ['no MSI', busMsi(one, FREE, 0), EINVAL],
  ['an address that holds no MSI', busMsi(one, FREE, 1000), EINVAL],
  ['an address beyond the memory', busMsi(one, FREE, 0x7fffffff), EINVAL],
  ['a negative address', busMsi(one, FREE, -8), EINVAL],
  ['a pIRQ out of range', busMsi(one, OUT, msi), EINVAL],
  ['a pIRQ that is tied', busMsi(one, MESSAGE, msi), EEXIST],
  ['a vector that no guest may use', busMsi(one, FREE, msi, 15), EINVAL],
  ['a pIRQ that is tied to nothing', requests.unbindMsi(one, FREE), EINVAL],
  ['a pIRQ of a PCI message', requests.unbindMsi(one, MESSAGE), EINVAL],
  ['a pIRQ of a line', requests.unbindMsi(one, LINE), EINVAL],
  ['a pIRQ out of range', requests.unbindMsi(one, OUT), EINVAL],
  ['an unknown domain', requests.unbindMsi(nobody, BUS_MSI), ESRCH],
]

const machineRows = (): Row[] => [
  ['an empty slot', requests.addDevice({ sbdf: 0x0500 }), ENODEV],
  ['no such NUMA node', requests.addDevice({ sbdf: D, numaNode: 64 }), EINVAL],
  ['a negative NUMA node', requests.addDevice({ sbdf: D, numaNode: -2 }), EINVAL],
  ['no virtual function', requests.addDevice({ sbdf: D, physfn: 0x100 }), ENODEV],
  ['extended and virtual', requests.addDevice({ sbdf: D, physfn: 0x100, isExtfn: true }), EINVAL],
  ['flags that mean nothing', raw(Operation.AddDevice, D, 8), EINVAL],
  ['an unknown device', requests.removeDevice(D), ENODEV],
  ['an address with all bits on', requests.removeDevice(0xffffffff), ENODEV],
  ['a device owned by another', requests.assignDevice(one, B), EBUSY],
  ['a device that it has', requests.assignDevice(one, A), EBUSY],
  ['an unknown device', requests.assignDevice(one, D), ENODEV],
  ['an unknown domain', requests.assignDevice(nobody, C), ESRCH],
  ['a dead domain', requests.assignDevice(dead, C), EINVAL],
  ['a device owned by another', requests.deassignDevice(one, B), ENODEV],
  ['the hardware domain\'s device', requests.deassignDevice(one, C), ENODEV],
  ['an unknown device', requests.deassignDevice(one, D), ENODEV],
  ['an unknown domain', requests.deassignDevice(nobody, A), ESRCH],
  ['a negative CPU', requests.cpuUp(-1), EINVAL],
  ['a CPU that is not there', requests.cpuUp(2), EINVAL],
  ['a CPU that is up', requests.cpuUp(1), EINVAL],
  ['a negative CPU', requests.cpuDown(-1), EINVAL],
  ['a CPU that is not there', requests.cpuDown(2), EINVAL],
  ['CPU 0', requests.cpuDown(0), EINVAL],
  ['a negative CPU', requests.cpuState(-1), EINVAL],
  ['a CPU that is not there', requests.cpuState(2), EINVAL],
]

/** Rows whose request refuses differently than it says, leaves a change, or has a message that does not say of what. */
function wrongRows(rows: readonly Row[]): string[] {
  const before = world.state()
  return rows.flatMap(([what, request, errno]) => {
    const result = world.ask(request)
    const name = `${operationName(request.operation)}, ${what}`
    if (result !== -errno) return [`${name}: answers ${errnoName(result)}, not ${errnoName(-errno)}`]
    const changes = changesOf(before, world.state())
    if (changes.length > 0) return [`${name}: changes ${changes.join(', ')}`]
    return messageNames(request, result) ? [] : [`${name}: the message does not name all: ${messageOf(request, result)}`]
  })
}

function messageOf(request: Request, result: number): string {
  return new HypervisorError(request.operation, result, request.ids).message
}

function messageNames(request: Request, result: number): boolean {
  const message = messageOf(request, result)
  const parts = [operationName(request.operation), errnoName(result).slice(1), ...Object.keys(request.ids)]
  return parts.every((part) => message.includes(part)) && !message.includes('undefined')
}

describe('a refusal has the errno of the rules, names operation and ids, and changes nothing', () => {
  test('DOM-1, DOM-3, DOM-4, SCH-2: operations on domains', () => {
    expect(wrongRows(domainRows())).toEqual([])
  })

  test('IRQ-9, DP-10, DP-11, PCI-4, U9: operations on interrupts', () => {
    expect(wrongRows(interruptRows())).toEqual([])
  })

  test('PCI-2, PCI-3, CPU-4: operations on devices and CPUs', () => {
    expect(wrongRows(machineRows())).toEqual([])
  })

  test('twin: a wrong errno, and a change, are found', () => {
    const before = world.machine.snapshot()
    expect(wrongRows([
      ['an unknown domain', requests.killDomain(nobody), EINVAL], ['nothing is wrong', requests.cpuState(0), 0],
    ])).toEqual(['killDomain, an unknown domain: answers -ESRCH, not -EINVAL'])
    expect(wrongRows([['a good one', requests.setSchedule(one, 300, 0), 0]])[0]).toContain('changes Domain')
    world.machine.restore(before)
  })

  test('CPU-4: -EBUSY while another CPU comes or goes', () => {
    world.machine.call(0, () => lockHotplug())
    expect([world.ask(requests.cpuUp(1)), world.ask(requests.cpuDown(1))]).toEqual([-EBUSY, -EBUSY])
    world.machine.call(0, () => unlockHotplugAgain())
  })
})

describe('twice', () => {
  test.each<[string, () => Request, number]>([
    ['DOM-4: killed, it is gone', () => requests.killDomain(two), -ESRCH],
    ['DOM-4: killed while somebody holds it, it is dead', () => requests.killDomain(dead), 0],
    ['DOM-3: the first reason stands', () => requests.shutdownDomain(one, 1), 0],
    ['IRQ-9: untied', () => requests.unmapLine(one, LINE), -EINVAL],
    ['PCI-4: unmapped', () => requests.unmapMessages(one, message(A, 0)), -EINVAL],
    ['PCI-8: registered at the same address', () => requests.registerTable(one, MESSAGE, TABLE), 0],
    ['DP-11: unbound', () => requests.unbindIrq(one, asMsi(MESSAGE)), -EINVAL],
    ['DP-10: an update of a live binding', () => requests.bindIrq(one, asMsi(MESSAGE)), 0],
    ['DP-11: unbound with its interrupt', () => requests.unbindMsi(one, BUS_MSI), -EINVAL],
    ['PCI-3: assigned', () => requests.assignDevice(one, C), -EBUSY],
    ['PCI-3: deassigned', () => requests.deassignDevice(one, A), -ENODEV],
    ['PCI-2: added', () => requests.addDevice({ sbdf: D }), 0],
    ['PCI-2: removed', () => requests.removeDevice(C), -ENODEV],
    ['DOM-1: created', () => create({}), -EEXIST],
  ])('%s', (_, request, second) => {
    const before = world.machine.snapshot()
    const results = [world.ask(request()), (world.state(), world.ask(request()))]
    world.state()
    world.machine.restore(before)
    expect(results).toEqual([0, second])
  })
})

describe('DOM-4, DOM-5, DP-16: a kill while a run of the domain is queued on the killing CPU', () => {
  function continuations(serving: boolean): number {
    const before = world.machine.snapshot()
    const continued = world.machine.call(0, () => killWithRunQueued(serving, 5))
    world.machine.restore(before)
    return continued
  }

  test('is continued once, after the CPU has served it', () => {
    expect(continuations(true)).toBe(1)
  })

  test('K1: twin: continued at once, without serving, it never ends', () => {
    expect(continuations(false)).toBe(5)
  })
})

describe('looking', () => {
  function look<R>(request: ControlRequest<R>): R | number {
    const result = world.ask(request)
    return result === 0 ? request.read(world.machine.call(0, () => answer())) : result
  }

  test('DOM-1: the list of domains, one after the other', () => {
    expect([0, 2, 3, 4].map((from) => look(requests.nextDomain(from)))).toEqual([1, 2, 3, -ESRCH])
  })

  test('DOM-3, DOM-4: the state of one', () => {
    expect(look(requests.domainState(one))).toEqual({
      kind: 2, vcpus: 2, nrPirqs: 8, dying: 0, shutdownReason: -1, pauses: 1, weight: 256, cap: 0, pirqs: 3,
      references: 2,
    })
    expect(look(requests.domainState(dead))).toMatchObject({ dying: 2, pirqs: 0, references: 1 })
    expect(DOMAINS.map((d) => typeof look(requests.domainState(d)))).toEqual(['object', 'object', 'object', 'number'])
  })

  test('SCH-1: a paused vCPU is offline, and the four times are there', () => {
    expect(look(requests.vcpuState(one, 0))).toMatchObject({ runstate: 3, runningNs: 0 })
  })
})
