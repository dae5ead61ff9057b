// SPDX-License-Identifier: MIT
import { beforeEach, describe, expect, test } from 'vitest'
import {
  Header, LOCAL_TIMER_VECTOR, MachineStopped, Stop, boundMemory, cpuEvidence, cpuRelax, currentCpu, formatMemory,
  global, haltUntilInterrupt, handler, inIrq, irqDisable, irqEnable, irqRestore, irqSave, irqsEnabled, load, nowNs,
  raiseVector, requestStop, setCurrentCpu, setDeadline, setInterruptEntry, stopRequested, awaitWord, AWAIT_NE, store,
  word,
} from '../src/index.js'

interface Taken { readonly vector: number, readonly cpu: number, readonly irqs: boolean, readonly nested: boolean }

const G = global('interruptTest', { flag: word })
const memory = new Int32Array(boundMemory().buffer)
const taken: Taken[] = []
const onVector = new Map<number, () => void>()
const entry = handler('testEntry', (vector) => {
  taken.push({ vector, cpu: currentCpu(), irqs: irqsEnabled(), nested: inIrq() })
  onVector.get(vector)?.()
})
const vectors = (): number[] => taken.map(({ vector }) => vector)

beforeEach(() => {
  formatMemory({ cpus: 2, debug: true })
  setInterruptEntry(entry)
  setCurrentCpu(0)
  taken.length = 0
  onVector.clear()
})

describe('IF', () => {
  test('CPU-2: a vector that comes while IF = 0 is taken when IF turns on, with IF = 0 inside', () => {
    raiseVector(0, 0x40)
    expect(taken).toEqual([])
    irqEnable()
    expect(taken).toEqual([{ vector: 0x40, cpu: 0, irqs: false, nested: true }])
    expect([irqsEnabled(), inIrq()]).toEqual([true, false])
  })

  test('CPU-2: irqSave returns what irqRestore needs; the inner pair of two does not turn IF on', () => {
    irqEnable()
    const outer = irqSave()
    const inner = irqSave()
    raiseVector(0, 0x50)
    irqRestore(inner)
    expect([irqsEnabled(), taken.length]).toEqual([false, 0])
    irqRestore(outer)
    expect([irqsEnabled(), taken.length]).toEqual([true, 1])
  })

  test('irqDisable holds requests back, also from cpuRelax and waits', () => {
    irqEnable()
    irqDisable()
    raiseVector(0, 0x40)
    cpuRelax()
    store(G.base, 1)
    awaitWord(G.base, AWAIT_NE, 0)
    expect(taken).toEqual([])
  })

  test('with IF = 1 cpuRelax takes what came from elsewhere, and a vector raised on oneself comes at once', () => {
    irqEnable()
    setCurrentCpu(1)
    raiseVector(0, 0x41)
    setCurrentCpu(0)
    expect(taken).toEqual([])
    cpuRelax()
    raiseVector(0, 0x42)
    expect(vectors()).toEqual([0x41, 0x42])
  })
})

describe('vectors', () => {
  test('all 256 are taken once each, highest first', () => {
    for (let vector = 0; vector < 256; vector++) raiseVector(0, (vector * 7) % 256)
    irqEnable()
    expect(vectors()).toEqual(Array.from({ length: 256 }, (_, i) => 255 - i))
    expect(cpuEvidence(memory)[0]?.requestedVectors).toEqual([])
  })

  test('requested twice before it is taken, a vector is one request', () => {
    raiseVector(0, 0x40)
    raiseVector(0, 0x40)
    irqEnable()
    irqDisable()
    raiseVector(0, 0x40)
    irqEnable()
    expect(vectors()).toEqual([0x40, 0x40])
  })

  test('a vector goes to its CPU and to no other', () => {
    raiseVector(1, 0x40)
    irqEnable()
    expect(taken).toEqual([])
    expect(cpuEvidence(memory).map(({ requestedVectors }) => requestedVectors)).toEqual([[], [0x40]])
    setCurrentCpu(1)
    irqEnable()
    expect(taken).toEqual([{ vector: 0x40, cpu: 1, irqs: false, nested: true }])
  })

  test('a handler that turns IF on is interrupted by what is requested, the lower one too; each returns to its own', () => {
    const order: string[] = []
    onVector.set(0x80, () => {
      order.push('80 begins')
      irqEnable()
      order.push('80 ends')
    })
    onVector.set(0x30, () => { order.push(`30 inside ${inIrq() ? 'an' : 'no'} interrupt`) })
    raiseVector(0, 0x30)
    raiseVector(0, 0x80)
    irqEnable()
    expect(order).toEqual(['80 begins', '30 inside an interrupt', '80 ends'])
    expect([irqsEnabled(), inIrq()]).toEqual([true, false])
  })

  test('a vector raised by its own handler is taken after it, not within', () => {
    let depth = 0
    let deepest = 0
    onVector.set(0x40, () => {
      deepest = Math.max(deepest, ++depth)
      if (taken.length < 3) raiseVector(0, 0x40)
      depth--
    })
    raiseVector(0, 0x40)
    irqEnable()
    expect([taken.length, deepest]).toEqual([3, 1])
  })

  test('a vector on a CPU that does not exist is a BUG', () => {
    expect(() => { raiseVector(2, 0x40) }).toThrow('BUG')
    expect(() => { raiseVector(-1, 0x40) }).toThrow('BUG')
  })
})

describe('sleep and time', () => {
  test('M3: with a request before it, halt does not sleep: it takes it and returns with IF = 1', () => {
    irqDisable()
    raiseVector(0, 0x40)
    haltUntilInterrupt()
    expect(vectors()).toEqual([0x40])
    expect(irqsEnabled()).toBe(true)
  })

  test('TM-2: halt ends at the deadline, with LOCAL_TIMER_VECTOR and not before its time', () => {
    const deadline = nowNs() + 2e6
    setDeadline(deadline)
    irqDisable()
    haltUntilInterrupt()
    expect(vectors()).toEqual([LOCAL_TIMER_VECTOR])
    expect(nowNs()).toBeGreaterThanOrEqual(deadline)
    irqDisable()
    setDeadline(nowNs() + 1e6)
    setDeadline(0)
    raiseVector(0, 0x40)
    haltUntilInterrupt()
    expect(vectors()).toEqual([LOCAL_TIMER_VECTOR, 0x40])
  })

  test('TM-2: a CPU that only relaxes meets its deadline, too, once', () => {
    irqEnable()
    setDeadline(nowNs() + 1e5)
    while (taken.length === 0) cpuRelax()
    for (let i = 0; i < 200; i++) cpuRelax()
    expect(vectors()).toEqual([LOCAL_TIMER_VECTOR])
  })
})

describe('stop', () => {
  test('asked to stop, a CPU is not unwound: its main loop looks', () => {
    requestStop(Stop.Requested)
    expect(stopRequested()).toBe(true)
    irqDisable()
    haltUntilInterrupt()
    for (let i = 0; i < 200; i++) cpuRelax()
    expect(load(G.base)).toBe(0)
  })

  test('after a failure every wait unwinds: halt, a relaxing loop, awaitWord, with IF = 0 too', () => {
    requestStop(Stop.Bug)
    irqDisable()
    expect(() => { haltUntilInterrupt() }).toThrow(MachineStopped)
    expect(() => { for (;;) cpuRelax() }).toThrow(MachineStopped)
    expect(() => awaitWord(G.base, AWAIT_NE, 0)).toThrow(MachineStopped)
  })

  test('the first failure stands, and a request before it does not hide it', () => {
    requestStop(Stop.Requested)
    requestStop(Stop.WorkerLost)
    requestStop(Stop.Bug)
    requestStop(Stop.Requested)
    expect(() => { for (;;) cpuRelax() }).toThrow(MachineStopped)
    expect(memory[Header.stop]).toBe(Stop.WorkerLost)
  })
})
