// SPDX-License-Identifier: MIT
import { BugError } from '@bottomhalf/base'
import {
  cpuEvidence, currentCpu, formatMemory, handler, inIrq, irqDisable, irqEnable, irqRestore, irqSave, irqsEnabled,
  boundMemory, ld, raiseVector, setCurrentCpu, thisCpu,
} from '@bottomhalf/machine'
import { beforeEach, describe, expect, test } from 'vitest'
import { CpuState, setupCpus, setVector, TRACE_UNMAPPED_VECTOR } from '../src/index.js'

const taken: string[] = []
const note = handler('vectorTest.note', (vector: number) => {
  taken.push(`${currentCpu()}:${vector}${inIrq() ? ' in irq' : ''}${irqsEnabled() ? ' IF' : ''}`)
})
const nesting = handler('vectorTest.nesting', (vector: number) => {
  taken.push(`${vector} begins`)
  raiseVector(currentCpu(), 0x90)
  irqEnable()
  irqDisable()
  taken.push(`${vector} ends`)
})

const words = (): Int32Array => new Int32Array(boundMemory().buffer)

beforeEach(() => {
  taken.length = 0
  formatMemory({ cpus: 2 })
  setCurrentCpu(0)
  setupCpus(2)
  setCurrentCpu(0)
  setVector(0x80, note)
  setVector(0x90, note)
  setVector(0x91, nesting)
})

describe('CPU-1, CPU-2: vectors and IF', () => {
  test('CPU-1: a requested vector is a bit of its CPU and of no other', () => {
    raiseVector(1, 0x80)
    expect(cpuEvidence(words()).map(({ requestedVectors }) => requestedVectors)).toEqual([[], [0x80]])
  })

  test('CPU-2: a vector that arrives while IF = 0 stays requested and is taken when IF turns on', () => {
    irqDisable()
    raiseVector(0, 0x80)
    raiseVector(0, 0x80)
    expect(taken).toEqual([])
    irqEnable()
    expect(taken).toEqual(['0:128 in irq'])
    expect(inIrq()).toBe(false)
  })

  test('CPU-2: restore turns IF on only if it was on', () => {
    irqEnable()
    const on = irqSave()
    const off = irqSave()
    raiseVector(0, 0x80)
    irqRestore(off)
    expect(taken).toEqual([])
    irqRestore(on)
    expect(taken).toHaveLength(1)
  })

  test('CPU-2: a handler that turns IF on is interrupted by another vector', () => {
    irqDisable()
    raiseVector(0, 0x91)
    irqEnable()
    expect(taken).toEqual(['145 begins', '0:144 in irq', '145 ends'])
  })

  test('C3, IRQ-2: a vector that nobody handles is counted and traced on its CPU, and is not fatal', () => {
    irqDisable()
    raiseVector(0, 0x42)
    irqEnable()
    expect(ld(thisCpu(CpuState) + CpuState.unmappedVectors)).toBe(1)
    expect(cpuEvidence(words())[0]?.trace.map(({ event, a }) => [event, a])).toEqual([[TRACE_UNMAPPED_VECTOR, 0x42]])
    setCurrentCpu(1)
    expect(ld(thisCpu(CpuState) + CpuState.unmappedVectors)).toBe(0)
  })

  test('a second handler for a vector is a BUG', () => {
    expect(() => { setVector(0x80, note) }).toThrow(BugError)
  })
})
