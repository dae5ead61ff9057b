// SPDX-License-Identifier: MIT
import { vcpuOf } from '@bottomhalf/domain'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import {
  APIC_DM_EXTINT, APIC_LVT0, APIC_LVT_MASKED, APIC_SPIV, guestPortRead, guestPortWrite, guestTakeInterrupt,
  hvmHasEvents, hvmIsaIrqAssert, hvmIsaIrqDeassert, hvmPendingVector, isaIrqToGsi, PIC_MASTER_COMMAND,
  PIC_MASTER_DATA, PIC_MASTER_LEVEL, PIC_SLAVE_COMMAND, PIC_SLAVE_DATA, PIC_SLAVE_LEVEL, vlapicWrite, vpicRead,
  vpicWrite,
} from '../src/index.js'
import { bootLines, ended, heldThen } from './lines.boot.js'

const [MC, MD, SC, SD] = [PIC_MASTER_COMMAND, PIC_MASTER_DATA, PIC_SLAVE_COMMAND, PIC_SLAVE_DATA]
const EOI = 0x20
const SPECIFIC = 0x60
let d = 0
let v = 0

const out = (port: number, ...values: number[]): void => { for (const value of values) vpicWrite(d, port, value) }
const pulse = (line: number): void => { hvmIsaIrqAssert(d, line); hvmIsaIrqDeassert(d, line) }
const take = (): number => guestTakeInterrupt(v)
/** As a guest programs the pair: vectors 0x20 and 0x28, nothing masked. */
function initialise(icw4 = 0x01): void {
  out(MC, 0x11); out(MD, 0x20, 0x04, icw4)
  out(SC, 0x11); out(SD, 0x28, 0x02, icw4 & ~0x10)
  ended.length = 0
}

beforeEach(() => {
  const made = bootLines(2)
  d = made.d
  v = made.vcpus[0] as number
})

describe('GV-9: programming', () => {
  test('GV-9: it starts as firmware leaves it: vectors 0x08 and 0x70, all masked', () => {
    pulse(1)
    pulse(9)
    expect([vpicRead(d, MD), vpicRead(d, SD), take()]).toEqual([0xff, 0xff, -1])
    out(MD, 0xf9)
    out(SD, 0xfd)
    expect([take(), take()]).toEqual([0x09, -1])
    out(MC, EOI)
    expect(take()).toBe(0x71)
  })

  test('ICW1 to ICW4 set the vectors and unmask; the mask is read back', () => {
    initialise()
    pulse(1)
    pulse(12)
    expect([take(), vpicRead(d, MD)]).toEqual([0x21, 0])
    out(MC, EOI)
    expect(take()).toBe(0x2c)
    out(MD, 0xa5)
    expect(vpicRead(d, MD)).toBe(0xa5)
  })

  test('GV-9: while a chip is initialised it delivers nothing; ICW3 and ICW4 come only if ICW1 says so', () => {
    initialise()
    out(MC, 0x12)
    pulse(3)
    expect(take()).toBe(-1)
    out(MD, 0x40)
    expect(take()).toBe(0x43)
    out(MD, 0xff)
    expect(vpicRead(d, MD)).toBe(0xff)
  })

  test('OCW3 chooses between requests and what is in service; the cascade is a request of the first chip', () => {
    initialise()
    pulse(5)
    pulse(9)
    expect([vpicRead(d, MC), vpicRead(d, SC)]).toEqual([1 << 5 | 1 << 2, 1 << 1])
    expect(take()).toBe(0x29)
    out(MC, 0x0b)
    out(SC, 0x0b)
    expect([vpicRead(d, MC), vpicRead(d, SC)]).toEqual([1 << 2, 1 << 1])
    out(MC, 0x0a)
    expect(vpicRead(d, MC)).toBe(1 << 5)
  })

  test('GV-9: polling acknowledges like the processor does', () => {
    initialise()
    pulse(4)
    out(MC, 0x0c)
    expect([vpicRead(d, MC), take(), vpicRead(d, MC)]).toEqual([0x84, -1, 0])
    out(MC, 0x0c)
    expect(vpicRead(d, MD)).toBe(0)
  })

  test('GV-9: trigger modes: lines 0, 1, 2, 8 and 13 are edges for ever', () => {
    out(PIC_MASTER_LEVEL, 0xff)
    out(PIC_SLAVE_LEVEL, 0xff)
    expect([vpicRead(d, PIC_MASTER_LEVEL), vpicRead(d, PIC_SLAVE_LEVEL)]).toEqual([0xf8, 0xde])
  })

  test('GV-9: other ports are nothing of it; a guest reaches it by traps', () => {
    guestPortWrite(v, 0x80, 0)
    guestPortWrite(v, MD, 0x7f)
    expect([guestPortRead(v, MD), guestPortRead(v, 0x80), guestPortRead(v, 0x22)]).toEqual([0x7f, 0xff, 0xff])
  })
})

describe('PC1, PC2: priorities and trigger modes', () => {
  beforeEach(() => { initialise() })

  test('PC1: the lowest line comes first, one of a lower priority waits for the EOI', () => {
    for (const line of [6, 9, 4, 15]) pulse(line)
    const order: number[] = []
    for (let vector = take(); vector >= 0; vector = take()) {
      order.push(vector)
      expect(take()).toBe(-1)
      if (vector >= 0x28) out(SC, EOI)
      out(MC, EOI)
    }
    expect(order).toEqual([0x29, 0x2f, 0x24, 0x26])
  })

  test('PC1: one of a higher priority nests', () => {
    pulse(6)
    expect(take()).toBe(0x26)
    pulse(1)
    expect(take()).toBe(0x21)
    out(MC, EOI, EOI)
    expect(ended).toEqual([1, 6])
  })

  test('PC2: an edge line requests once for each rise', () => {
    hvmIsaIrqAssert(d, 3)
    expect(take()).toBe(0x23)
    out(MC, EOI)
    expect(take()).toBe(-1)
    hvmIsaIrqDeassert(d, 3)
    hvmIsaIrqAssert(d, 3)
    expect(take()).toBe(0x23)
  })

  test('PC2: a level line requests as long as it is high', () => {
    out(PIC_MASTER_LEVEL, 1 << 5)
    hvmIsaIrqAssert(d, 5)
    expect(take()).toBe(0x25)
    out(MC, EOI)
    expect(take()).toBe(0x25)
    hvmIsaIrqDeassert(d, 5)
    out(MC, EOI)
    expect(take()).toBe(-1)
  })

  test('special mask mode lets lower priorities through while the line in service is masked', () => {
    pulse(2 + 1)
    expect(take()).toBe(0x23)
    pulse(6)
    out(MD, 1 << 3)
    expect(take()).toBe(-1)
    out(MC, 0x68)
    expect(take()).toBe(0x26)
    out(MC, EOI)
    expect(ended).toEqual([6])
  })

  test('special fully nested mode lets a higher line of the second chip nest', () => {
    initialise(0x11)
    pulse(12)
    expect(take()).toBe(0x2c)
    pulse(9)
    expect(take()).toBe(0x29)
    initialise()
    pulse(12)
    take()
    pulse(9)
    expect(take()).toBe(-1)
  })

  test('rotation: the line that was ended, or named, goes last', () => {
    pulse(0)
    take()
    out(MC, 0xa0)
    pulse(0)
    pulse(1)
    expect(take()).toBe(0x21)
    out(MC, EOI, 0xc0 | 4)
    pulse(5)
    expect(take()).toBe(0x25)
    out(MC, 0xe0 | 5)
    pulse(6)
    expect(take()).toBe(0x26)
  })
})

describe('P2: dpci learns of every end', () => {
  beforeEach(() => { initialise() })

  test('a non-specific EOI ends the highest in service; none in service ends nothing', () => {
    pulse(7)
    take()
    pulse(3)
    take()
    out(MC, EOI)
    expect(ended).toEqual([3])
    out(MC, EOI, EOI)
    expect(ended).toEqual([3, 7])
    expect(heldThen.every((held) => held === 0)).toBe(true)
  })

  test('a specific EOI ends the named one, out of order too', () => {
    pulse(7)
    take()
    pulse(3)
    take()
    out(MC, SPECIFIC | 7, SPECIFIC | 7)
    expect(ended).toEqual([7])
    out(MC, SPECIFIC | 3)
    expect(ended).toEqual([7, 3])
  })

  test('ISA line 0 is told as GSI 2; the cascade is never told', () => {
    pulse(0)
    take()
    out(MC, EOI)
    pulse(11)
    take()
    out(MC, EOI)
    expect(ended).toEqual([2])
    out(SC, EOI)
    expect(ended).toEqual([2, 11])
  })

  test('re-initialisation ends all that is in service on that chip', () => {
    for (const line of [6, 3, 9]) {
      pulse(line)
      expect(take()).toBe(0x20 + line)
    }
    expect(take()).toBe(-1)
    out(SC, 0x11)
    expect(ended).toEqual([9])
    out(MC, 0x11)
    expect(ended).toEqual([9, 3, 6])
  })

  test('with automatic EOI the acknowledge is the end', () => {
    initialise(0x03)
    pulse(10)
    pulse(4)
    expect([take(), take(), ended]).toEqual([0x2a, 0x24, [10, 4]])
  })
})

describe('P1: the wire to vCPU 0', () => {
  test('is a reason not to sleep, follows the requests, and is open to vCPU 0 only', () => {
    const vcpus = [v, vcpuOf(d, 1)]
    initialise()
    out(PIC_MASTER_LEVEL, 1 << 5)
    hvmIsaIrqAssert(d, 5)
    expect(vcpus.map(hvmHasEvents)).toEqual([true, false])
    expect(vcpus.map(hvmPendingVector)).toEqual([0x25, -1])
    hvmIsaIrqDeassert(d, 5)
    expect(vcpus.map(hvmHasEvents)).toEqual([false, false])
  })

  test('LINT0 of the local APIC decides: masked, another mode, or a disabled APIC takes nothing', () => {
    initialise()
    pulse(5)
    for (const lvt of [APIC_DM_EXTINT | APIC_LVT_MASKED, 0]) {
      vlapicWrite(v, APIC_LVT0, lvt)
      expect([hvmHasEvents(v), take()]).toEqual([false, -1])
    }
    vlapicWrite(v, APIC_LVT0, APIC_DM_EXTINT)
    vlapicWrite(v, APIC_SPIV, 0)
    expect([hvmHasEvents(v), take()]).toEqual([false, -1])
    vlapicWrite(v, APIC_SPIV, 0x100)
    expect(take()).toBe(0x25)
  })
})

/** One chip as a plain thing: its inputs in order of priority, highest first. */
class ModelChip {
  readonly high = new Set<number>()
  readonly risen = new Set<number>()
  inService = new Set<number>()
  mask = 0xff
  level = 0
  order = [0, 1, 2, 3, 4, 5, 6, 7]
  vector: number
  expected: ('vector' | 'cascade' | 'mode')[] = []
  needsMode = false
  autoEoi = false
  rotates = false
  specialMask = false
  nested = false
  readsService = false
  polls = false

  constructor(vector: number) { this.vector = vector }

  requests(input: number): boolean {
    return (this.level >> input & 1) === 1 ? this.high.has(input) : this.risen.has(input)
  }

  next(cascade: boolean): number {
    if (this.expected.length > 0) return -1
    for (const input of this.order) {
      const isMasked = (this.mask >> input & 1) === 1
      const isServed = this.inService.has(input) && !(this.specialMask && isMasked) && !(this.nested && input === 2)
      if (isServed) return -1
      if (!isMasked && (this.requests(input) || (cascade && input === 2))) return input
    }
    return -1
  }

  last(input: number): void {
    while (this.order[7] !== input) this.order.push(this.order.shift() as number)
  }

  /** Whether it ended at once. */
  acknowledge(input: number): boolean {
    this.risen.delete(input)
    if (!this.autoEoi) this.inService.add(input)
    else if (this.rotates) this.last(input)
    return this.autoEoi
  }

  end(input: number | undefined, rotate: boolean): number[] {
    if (input === undefined) return []
    if (rotate) this.last(input)
    return this.inService.delete(input) ? [input] : []
  }

  command(value: number): number[] {
    if ((value & 0x10) !== 0) return this.initialise((value & 2) !== 0, (value & 1) !== 0)
    if ((value & 0x08) !== 0) {
      if ((value & 4) !== 0) this.polls = true
      if ((value & 2) !== 0) this.readsService = (value & 1) !== 0
      if ((value & 0x40) !== 0) this.specialMask = (value & 0x20) !== 0
      return []
    }
    const isHidden = (input: number): boolean => this.specialMask && (this.mask >> input & 1) === 1
    const served = this.order.find((input) => this.inService.has(input) && !isHidden(input))
    const rotate = (value & 0x80) !== 0
    if ((value & 0x20) !== 0) return this.end((value & 0x40) !== 0 ? value & 7 : served, rotate)
    if ((value & 0x40) === 0) this.rotates = rotate
    else if (rotate) this.last(value & 7)
    return []
  }

  initialise(isSingle: boolean, needsMode: boolean): number[] {
    const gone = [...this.inService].sort((a, b) => a - b)
    this.expected = ['vector', ...(isSingle ? [] : ['cascade' as const]), ...(needsMode ? ['mode' as const] : [])]
    this.inService = new Set()
    this.risen.clear()
    this.mask = 0
    this.order = [0, 1, 2, 3, 4, 5, 6, 7]
    this.autoEoi = this.rotates = this.specialMask = this.nested = this.readsService = this.polls = false
    return gone
  }

  data(value: number): void {
    const what = this.expected.shift()
    if (what === undefined) this.mask = value
    if (what === 'vector') this.vector = value & 0xf8
    if (what === 'mode') {
      this.autoEoi = (value & 2) !== 0
      this.nested = (value & 0x10) !== 0
    }
  }
}

class ModelPic {
  readonly chips: [ModelChip, ModelChip] = [new ModelChip(0x08), new ModelChip(0x70)]
  readonly ended: number[] = []

  next(nr: 0 | 1): number {
    return this.chips[nr].next(nr === 0 && this.next(1) >= 0)
  }

  tell(nr: number, inputs: number[]): void {
    this.ended.push(...inputs.map((input) => 8 * nr + input).filter((line) => line !== 2).map(isaIrqToGsi))
  }

  line(line: number, isHigh: boolean): void {
    const chip = this.chips[line >> 3 as 0 | 1]
    if (isHigh && !chip.high.has(line & 7)) chip.risen.add(line & 7)
    chip.high[isHigh ? 'add' : 'delete'](line & 7)
  }

  take(): number {
    const input = this.next(0)
    if (input < 0) return -1
    const nr = input === 2 ? 1 : 0
    const inner = nr === 1 ? this.next(1) : input
    const isEnd = this.chips[nr].acknowledge(inner)
    if (nr === 1) this.chips[0].acknowledge(2)
    if (isEnd) this.tell(nr, [inner])
    return this.chips[nr].vector + inner
  }

  write(port: number, value: number): void {
    if (port === PIC_MASTER_LEVEL) this.chips[0].level = value & 0xf8
    else if (port === PIC_SLAVE_LEVEL) this.chips[1].level = value & 0xde
    else if ((port & 1) === 1) this.chips[port === MD ? 0 : 1].data(value)
    else this.tell(port === MC ? 0 : 1, this.chips[port === MC ? 0 : 1].command(value))
  }

  read(port: number): number {
    const nr = port === MC || port === MD || port === PIC_MASTER_LEVEL ? 0 : 1
    const chip = this.chips[nr]
    if (port >= PIC_MASTER_LEVEL) return chip.level
    if (chip.polls) return this.poll(nr)
    if ((port & 1) === 1) return chip.mask
    let bits = 0
    for (let input = 0; input < 8; input++) {
      const cascade = nr === 0 && input === 2 && this.next(1) >= 0
      if (chip.readsService ? chip.inService.has(input) : chip.requests(input) || cascade) bits |= 1 << input
    }
    return bits
  }

  private poll(nr: 0 | 1): number {
    this.chips[nr].polls = false
    const input = this.next(nr)
    if (input < 0) return 0
    if (this.chips[nr].acknowledge(input)) this.tell(nr, [input])
    return 0x80 | input
  }
}

const port = fc.constantFrom(MC, MD, SC, SD, PIC_MASTER_LEVEL, PIC_SLAVE_LEVEL)
const line = fc.constantFrom(0, 1, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15)
const chosen = fc.constantFrom(
  0x20, 0x60, 0x63, 0xa0, 0xe5, 0xc2, 0x80, 0x00, 0x68, 0x48, 0x0b, 0x0a, 0x0c, 0x11, 0x12, 0x13,
)
const nothing = fc.constant(0)
const command = fc.oneof(
  { weight: 6, arbitrary: fc.record({
    what: fc.constantFrom('rise' as const, 'fall' as const), at: line, value: nothing,
  }) },
  { weight: 4, arbitrary: fc.record({ what: fc.constant('take' as const), at: line, value: nothing }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('read' as const), at: port, value: nothing }) },
  { weight: 3, arbitrary: fc.record({
    what: fc.constant('write' as const), at: fc.constantFrom(MC, SC), value: chosen,
  }) },
  { weight: 2, arbitrary: fc.record({ what: fc.constant('write' as const), at: port, value: fc.nat(255) }) },
)

const INITIALISATION = [[MC, 0x11], [MD, 0x20], [MD, 4], [MD, 1], [SC, 0x11], [SD, 0x28], [SD, 2], [SD, 1]] as const

function compare(makeModel: () => ModelPic, isInitialised: boolean): void {
  fc.assert(fc.property(fc.array(command, { maxLength: 100, size: 'max' }), (sequence) => {
    const made = bootLines()
    d = made.d
    v = made.vcpus[0] as number
    const model = makeModel()
    const write = (at: number, value: number): void => { vpicWrite(d, at, value); model.write(at, value) }
    if (isInitialised) for (const [at, value] of INITIALISATION) write(at, value)
    for (const { what, at, value } of sequence) {
      if (what === 'rise') { hvmIsaIrqAssert(d, at); model.line(at, true) }
      if (what === 'fall') { hvmIsaIrqDeassert(d, at); model.line(at, false) }
      if (what === 'take') expect(take()).toBe(model.take())
      if (what === 'read') expect(vpicRead(d, at)).toBe(model.read(at))
      if (what === 'write') write(at, value)
      expect(ended).toEqual(model.ended)
    }
    for (let i = 0; i < 20; i++) expect(take()).toBe(model.take())
  }), { numRuns: 300 })
}

describe('GV-9: under any sequence the pair delivers, reads and ends like a plain model', () => {
  test('GV-9: as firmware leaves it', () => { compare(() => new ModelPic(), false) })

  test('GV-9: initialised', () => { compare(() => new ModelPic(), true) })

  test('GV-9: twin: a model in which the cascade does not wait for what is in service is told apart', () => {
    class Impatient extends ModelPic {
      override next(nr: 0 | 1): number {
        const first = super.next(nr)
        return first < 0 && nr === 0 && this.next(1) >= 0 ? 2 : first
      }
    }
    expect(() => { compare(() => new Impatient(), true) }).toThrow('Property failed')
  })

  test('GV-9: twin: a model that tells nobody of re-initialisation is told apart', () => {
    class Silent extends ModelPic {
      override write(port: number, value: number): void {
        const before = this.ended.length
        super.write(port, value)
        if ((port === MC || port === SC) && (value & 0x10) !== 0) this.ended.length = before
      }
    }
    expect(() => { compare(() => new Silent(), true) }).toThrow('Property failed')
  })
})
