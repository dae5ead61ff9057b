// SPDX-License-Identifier: MIT
import { ENOSPC } from '@bottomhalf/base'
import { IRQ_MOVE_CLEANUP_VECTOR } from '@bottomhalf/cpu'
import { beforeEach, describe, expect, test } from 'vitest'
import { assignVector, releaseVector, vectorOwner } from '../src/vectors.js'
import { boot } from './boot.js'

const DESC = 0x1000
const VECTORS = 0xdf - 0x21 + 1

beforeEach(() => { boot(2) })

const assign = (count: number, cpu = 0) => Array.from({ length: count }, () => assignVector(cpu, DESC))

describe('IRQ-8: vectors', () => {
  test('IRQ-8: are handed out in steps of 8', () => {
    expect(assign(4)).toEqual([0x21, 0x29, 0x31, 0x39])
  })

  test('IRQ-8: rotate: one that was given back comes again only after all others', () => {
    const [first] = assign(1)
    releaseVector(0, first ?? 0)
    expect(assign(VECTORS - 1)).not.toContain(first)
    expect(assign(1)).toEqual([first])
  })

  test('IRQ-8: are all of 0x21 to 0xdf, each once, then -ENOSPC; the clean-up vector is none of them', () => {
    const all = assign(VECTORS)
    expect([...all].sort((a, b) => a - b)).toEqual(Array.from({ length: VECTORS }, (_, i) => 0x21 + i))
    expect(all).not.toContain(IRQ_MOVE_CLEANUP_VECTOR)
    expect(assign(1)).toEqual([-ENOSPC])
    expect(assign(1, 1)[0]).toBeGreaterThan(0)
  })

  test('IRQ-8: belong to the descriptor on their CPU, until they are given back', () => {
    const [vector] = assign(1)
    expect(vectorOwner(vector ?? 0)).toBe(DESC)
    releaseVector(0, vector ?? 0)
    expect(vectorOwner(vector ?? 0)).toBe(0)
  })
})
