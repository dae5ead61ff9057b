// SPDX-License-Identifier: MIT
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  APIC_TASKPRI, DELIVERY_LOWEST_PRIORITY, DELIVERY_NMI, guestEoi, guestTakeInterrupt, hvmHasEvents, hvmPciIntxAssert,
  hvmPciIntxDeassert, hvmPciIntxGsi, IOAPIC_PINS, IOAPIC_REG_ENTRIES, IOAPIC_REG_ID, IOAPIC_REG_VERSION, IOREGSEL,
  IOWIN, NMI_VECTOR, REDIR_MASKED, REDIR_REMOTE_IRR, vioapicRead, vioapicUpdateEoi,
  vioapicWrite, vlapicWrite, vmsiUndelivered,
} from '../src/index.js'
import {
  bootLines, dpci, drain, ended, endedVectors, heldThen, lowOf, lowWord, program, readRegister, writeRegister,
} from './lines.boot.js'

const GSI = 20                              // device 1, pin 0
const VEC = 0x41
let d = 0
let v = 0
let vcpus: number[] = []

const start = (count = 1): void => {
  ({ d, vcpus } = bootLines(count))
  v = vcpus[0] as number
}
const raise = (device = 1, pin = 0): void => { hvmPciIntxAssert(d, device, pin) }
const lower = (device = 1, pin = 0): void => { hvmPciIntxDeassert(d, device, pin) }
const remoteIrr = (gsi = GSI): boolean => (lowOf(d, gsi) & REDIR_REMOTE_IRR) !== 0

beforeEach(() => { start() })

describe('GV-3: level pins', () => {
  test('IA1: remote IRR goes on with the delivery, and holds the next one back', () => {
    program(d, GSI, { vector: VEC })
    raise()
    expect([drain(v), remoteIrr()]).toEqual([[VEC], true])
    lower()
    raise()
    expect(drain(v)).toEqual([])
  })

  test('IA3: at the EOI a line that is still asserted is delivered again, one that is not is at rest', () => {
    program(d, GSI, { vector: VEC })
    raise()
    drain(v)
    vioapicUpdateEoi(d, VEC)
    expect([drain(v), remoteIrr()]).toEqual([[VEC], true])
    lower()
    vioapicUpdateEoi(d, VEC)
    expect([drain(v), remoteIrr()]).toEqual([[], false])
  })

  test('IA4: an EOI looks at all pins with its vector and at no other', () => {
    for (const gsi of [20, 24, 28]) program(d, gsi, { vector: gsi === 24 ? 0x51 : VEC })
    for (const device of [1, 2, 3]) raise(device)
    drain(v)
    vioapicUpdateEoi(d, VEC)
    expect(ended).toEqual([20, 28])
    expect([20, 24, 28].map(remoteIrr)).toEqual([true, true, true])
    expect(drain(v)).toEqual([VEC])
  })

  test('IA5: whatever vectors its pins had before, an EOI ends those that have its vector now', () => {
    const all = Array.from({ length: IOAPIC_PINS }, (_, pin) => pin)
    const write = fc.record({ pin: fc.nat(IOAPIC_PINS - 1), vector: fc.constantFrom(0, VEC, VEC + 1, 0x51, 0xf1) })
    fc.assert(fc.property(fc.array(write, { maxLength: 80, size: 'max' }), (writes) => {
      start()
      const last = new Map(writes.map(({ pin, vector }) => [pin, vector]))
      for (const { pin, vector } of writes) program(d, pin, { vector })
      vioapicUpdateEoi(d, VEC)
      expect(ended).toEqual(all.filter((pin) => last.get(pin) === VEC))
    }), { numRuns: 100 })
  })

  test('IA4: an EOI informs dpci also when the pin is masked, which delivers nothing', () => {
    program(d, GSI, { vector: VEC })
    raise()
    drain(v)
    program(d, GSI, { vector: VEC, masked: true })
    vioapicUpdateEoi(d, VEC)
    expect([ended, drain(v), remoteIrr()]).toEqual([[GSI], [], false])
  })

  test('DP-9: dpci is told with no lock held, and may deassert the line: then nothing is delivered again', () => {
    program(d, GSI, { vector: VEC })
    raise()
    drain(v)
    dpci.act = () => { lower() }
    vioapicUpdateEoi(d, VEC)
    expect([ended, heldThen, drain(v), remoteIrr()]).toEqual([[GSI], [0], [], false])
  })

  test('IA2: a delivery while irqLock is dropped is not repeated', () => {
    start(2)
    program(d, GSI, { vector: VEC, delivery: DELIVERY_LOWEST_PRIORITY, dest: 3, logical: true })
    raise()
    expect(vcpus.map(drain)).toEqual([[VEC], []])
    dpci.act = () => { lower(); raise() }
    vioapicUpdateEoi(d, VEC)
    expect(vcpus.map(drain)).toEqual([[], [VEC]])
  })

  test('IA3: unmasking an asserted level pin delivers, once', () => {
    program(d, GSI, { vector: VEC, masked: true })
    raise()
    expect(drain(v)).toEqual([])
    program(d, GSI, { vector: VEC })
    expect([drain(v), remoteIrr()]).toEqual([[VEC], true])
    program(d, GSI, { vector: VEC, masked: true })
    program(d, GSI, { vector: VEC })
    expect(drain(v)).toEqual([])
  })

  test('IA3: a line that nobody took is counted, and delivered when its entry names somebody', () => {
    program(d, GSI, { vector: VEC, dest: 9 })
    raise()
    expect([vmsiUndelivered(d), remoteIrr()]).toEqual([1, false])
    writeRegister(d, IOAPIC_REG_ENTRIES + 2 * GSI + 1, 0)
    expect([drain(v), remoteIrr()]).toEqual([[VEC], true])
  })

  test('IA4: switching to edge clears remote IRR and informs dpci; the line makes an edge when it rises again', () => {
    program(d, GSI, { vector: VEC })
    raise()
    drain(v)
    dpci.act = () => { lower() }
    program(d, GSI, { vector: VEC, level: false })
    expect([ended, remoteIrr(), drain(v)]).toEqual([[GSI], false, []])
    program(d, GSI, { vector: VEC, level: false })
    expect(ended).toEqual([GSI])
    raise()
    expect([drain(v), remoteIrr()]).toEqual([[VEC], false])
  })
})

describe('GV-3: edge pins and messages', () => {
  test('GV-3: an edge pin delivers each rise and has no remote IRR; a rise while it is masked is gone', () => {
    program(d, GSI, { vector: VEC, level: false })
    raise()
    lower()
    expect([drain(v), remoteIrr()]).toEqual([[VEC], false])
    raise()
    expect(drain(v)).toEqual([VEC])
    lower()
    program(d, GSI, { vector: VEC, level: false, masked: true })
    raise()
    program(d, GSI, { vector: VEC, level: false })
    expect(drain(v)).toEqual([])
  })

  test('GV-3: the entry says to whom: physical, logical, lowest priority', () => {
    start(4)
    const toAll = (entry: { dest: number, logical?: boolean, delivery?: number }): number[][] => {
      program(d, GSI, { vector: VEC, level: false, ...entry })
      raise()
      lower()
      return vcpus.map(drain)
    }
    expect(toAll({ dest: 2 })).toEqual([[], [], [VEC], []])
    expect(toAll({ dest: 0b1001, logical: true })).toEqual([[VEC], [], [], [VEC]])
    vlapicWrite(vcpus[1] as number, APIC_TASKPRI, 0x20)
    expect(toAll({ dest: 0b0110, logical: true, delivery: DELIVERY_LOWEST_PRIORITY })).toEqual([[], [], [VEC], []])
  })

  test('GV-7: an NMI comes whatever is in service, once for all that were sent, and wakes', () => {
    program(d, GSI, { vector: 0, level: false, delivery: DELIVERY_NMI })
    vlapicWrite(v, APIC_TASKPRI, 0xff)
    expect(hvmHasEvents(v)).toBe(false)
    for (let i = 0; i < 2; i++) { raise(); lower() }
    expect(hvmHasEvents(v)).toBe(true)
    expect([guestTakeInterrupt(v), guestTakeInterrupt(v)]).toEqual([NMI_VECTOR, -1])
  })
})

describe('GV-3: registers', () => {
  test('GV-3: 48 pins, masked after reset', () => {
    expect(readRegister(d, IOAPIC_REG_VERSION) >>> 16).toBe(47)
    for (let pin = 0; pin < IOAPIC_PINS; pin++) expect(lowOf(d, pin)).toBe(REDIR_MASKED)
  })

  test('GV-3: an entry reads as it was written; remote IRR and status cannot be written', () => {
    writeRegister(d, IOAPIC_REG_ENTRIES + 94, -1)
    writeRegister(d, IOAPIC_REG_ENTRIES + 95, -1)
    expect(readRegister(d, IOAPIC_REG_ENTRIES + 94)).toBe(0x1afff)
    expect(readRegister(d, IOAPIC_REG_ENTRIES + 95)).toBe(0xff << 24)
    writeRegister(d, IOAPIC_REG_ID, -1)
    expect(readRegister(d, IOAPIC_REG_ID)).toBe(0x0f000000)
    expect(vioapicRead(d, IOREGSEL)).toBe(IOAPIC_REG_ID)
  })

  test('GV-3: any register and offset may be written and read; what is not there reads 0', () => {
    fc.assert(fc.property(fc.integer(), fc.integer(), fc.integer(), (number, value, offset) => {
      writeRegister(d, number, value)
      vioapicWrite(d, offset, value)
      if ((number & 0xff) >= 0x70 && offset !== IOREGSEL && offset !== IOWIN) expect(vioapicRead(d, IOWIN)).toBe(0)
      if (offset !== IOREGSEL && offset !== IOWIN) expect(vioapicRead(d, offset)).toBe(0)
    }), { numRuns: 300 })
  })
})

describe('GV-4: EOI of the local APIC', () => {
  test('GV-4: of a level vector informs the IO-APIC, then dpci of the vector, as of every one', () => {
    program(d, GSI, { vector: VEC })
    program(d, 24, { vector: 0x51, level: false })
    raise(1)
    raise(2)
    expect(guestTakeInterrupt(v)).toBe(0x51)
    guestEoi(v)
    expect([ended, endedVectors]).toEqual([[], [0x51]])
    expect(guestTakeInterrupt(v)).toBe(VEC)
    guestEoi(v)
    expect([ended, endedVectors]).toEqual([[GSI], [0x51, VEC]])
  })
})

/** IO-APIC and local APIC of one vCPU as plain things. dpci deasserts what ended. */
class ModelIoapic {
  readonly entries = Array.from({ length: IOAPIC_PINS }, () => (
    { vector: 0, level: false, masked: true, waits: false }))
  readonly wires = new Set<number>()
  readonly requested = new Map<number, boolean>()
  readonly ended: number[] = []

  isHigh(pin: number): boolean {
    return [...this.wires].some((wire) => hvmPciIntxGsi(wire >> 2, wire & 3) === pin)
  }

  settle(pin: number): void {
    const entry = this.entries[pin] as (typeof this.entries)[number]
    if (!entry.level || entry.masked || entry.waits || !this.isHigh(pin)) return
    entry.waits = true
    this.requested.set(entry.vector, true)
  }

  assert(wire: number): void {
    const pin = hvmPciIntxGsi(wire >> 2, wire & 3)
    const rises = !this.isHigh(pin)
    this.wires.add(wire)
    const entry = this.entries[pin] as (typeof this.entries)[number]
    if (rises && !entry.level && !entry.masked) this.requested.set(entry.vector, false)
    if (rises) this.settle(pin)
  }

  write(pin: number, vector: number, level: boolean, masked: boolean): void {
    const old = this.entries[pin] as (typeof this.entries)[number]
    this.entries[pin] = { vector, level, masked, waits: old.waits && level }
    this.settle(pin)
    if (old.level && !level) this.end(pin)
  }

  serve(): number {
    const vector = Math.max(-1, ...this.requested.keys())
    const isLevel = this.requested.get(vector) ?? false
    this.requested.delete(vector)
    if (isLevel) this.entries.forEach((entry, pin) => { if (entry.vector === vector) this.eoi(pin) })
    return vector
  }

  private eoi(pin: number): void {
    (this.entries[pin] as (typeof this.entries)[number]).waits = false
    this.end(pin)
    this.settle(pin)
  }

  private end(pin: number): void {
    this.ended.push(pin)
    for (const wire of this.wires) {
      if (hvmPciIntxGsi(wire >> 2, wire & 3) !== pin) continue
      this.wires.delete(wire)
      break
    }
  }
}

// Few pins and vectors, so that they meet; wires of devices 0, 8, 16 and 24 share GSIs.
const wire = fc.constantFrom(0, 1, 2, 32, 33, 35, 64, 66, 67)
const command = fc.oneof(
  { weight: 4, arbitrary: fc.record({ what: fc.constantFrom('assert' as const, 'deassert' as const), wire }) },
  { weight: 3, arbitrary: fc.record({ what: fc.constant('serve' as const), wire }) },
  { weight: 2, arbitrary: fc.record({
    what: fc.constant('write' as const), wire, vector: fc.constantFrom(0x41, 0x42, 0x61),
    level: fc.boolean(), masked: fc.boolean(),
  }) },
)

function compare(makeModel: () => ModelIoapic): void {
  fc.assert(fc.property(fc.array(command, { maxLength: 80, size: 'max' }), (sequence) => {
    start()
    const model = makeModel()
    const held = new Set<number>()
    dpci.act = (gsi) => {
      const first = [...held].find((at) => hvmPciIntxGsi(at >> 2, at & 3) === gsi)
      if (first === undefined) return
      held.delete(first)
      lower(first >> 2, first & 3)
    }
    for (const step of sequence) {
      const pin = hvmPciIntxGsi(step.wire >> 2, step.wire & 3)
      if (step.what === 'assert') {
        model.assert(step.wire)
        held.add(step.wire)
        raise(step.wire >> 2, step.wire & 3)
      } else if (step.what === 'deassert') {
        model.wires.delete(step.wire)
        held.delete(step.wire)
        lower(step.wire >> 2, step.wire & 3)
      } else if (step.what === 'write') {
        model.write(pin, step.vector, step.level, step.masked)
        program(d, pin, step)
      } else {
        const vector = guestTakeInterrupt(v)
        guestEoi(v)
        expect(vector).toBe(model.serve())
      }
      expect(ended).toEqual(model.ended)
    }
    model.entries.forEach(({ vector, level, masked, waits }, pin) => {
      expect(lowOf(d, pin)).toBe(lowWord({ vector, level, masked }) | (waits ? REDIR_REMOTE_IRR : 0))
    })
  }), { numRuns: 300 })
}

describe('GV-3: under any sequence lines, deliveries and ends are those of a plain model', () => {
  test('GV-3: the model', () => { compare(() => new ModelIoapic()) })

  test('GV-3: twin: a model that delivers nothing again at an EOI is told apart', () => {
    class Forgetful extends ModelIoapic {
      private isEnding = false
      override serve(): number {
        this.isEnding = true
        const vector = super.serve()
        this.isEnding = false
        return vector
      }
      override settle(pin: number): void { if (!this.isEnding) super.settle(pin) }
    }
    expect(() => { compare(() => new Forgetful()) }).toThrow('Property failed')
  })

  test('GV-3: twin: a model whose remote IRR holds nothing back is told apart', () => {
    class Eager extends ModelIoapic {
      override settle(pin: number): void {
        const entry = this.entries[pin]
        if (entry !== undefined) entry.waits = false
        super.settle(pin)
      }
    }
    expect(() => { compare(() => new Eager()) }).toThrow('Property failed')
  })
})
