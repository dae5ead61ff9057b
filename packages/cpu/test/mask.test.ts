// SPDX-License-Identifier: MIT
import { formatMemory, global, NO_CPU } from '@bottomhalf/machine'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  CpuMask, maskAnd, maskAndNot, maskClear, maskCopy, maskEmpty, maskFirst, maskNext, maskOr, maskSet, maskTest,
  maskTestAndClear, maskTestAndSet, maskWeight, maskZero,
} from '../src/index.js'
import type { CpuMaskRef } from '../src/index.js'
import { embed } from '@bottomhalf/machine'

const G = global('maskTest', { a: embed(CpuMask), b: embed(CpuMask) })
const a = (): CpuMaskRef => G.base + G.a
const b = (): CpuMaskRef => G.base + G.b

function cpusOf(mask: CpuMaskRef): number[] {
  const cpus: number[] = []
  for (let cpu = maskFirst(mask); cpu >= 0; cpu = maskNext(mask, cpu)) cpus.push(cpu)
  return cpus
}

function fill(mask: CpuMaskRef, cpus: Iterable<number>): void {
  maskZero(mask)
  for (const cpu of cpus) maskSet(mask, cpu)
}

const sorted = (cpus: Iterable<number>): number[] => [...cpus].sort((x, y) => x - y)

describe('CPU-5: sets of CPUs', () => {
  test('CPU-5: a set holds what was put in, on both sides of a word', () => {
    formatMemory({ cpus: 256 })
    fill(a(), [0, 31, 32, 255])
    expect(cpusOf(a())).toEqual([0, 31, 32, 255])
    expect([maskTest(a(), 31), maskTest(a(), 30), maskWeight(a()), maskEmpty(a())]).toEqual([true, false, 4, false])
    maskClear(a(), 32)
    expect(maskNext(a(), 31)).toBe(255)
    expect(maskNext(a(), 255)).toBe(NO_CPU)
  })

  test('CPU-5: test-and-set and test-and-clear tell what was there', () => {
    formatMemory({ cpus: 64 })
    maskZero(a())
    expect([maskTestAndSet(a(), 33), maskTestAndSet(a(), 33)]).toEqual([false, true])
    expect([maskTestAndClear(a(), 33), maskTestAndClear(a(), 33)]).toEqual([true, false])
    expect(maskFirst(a())).toBe(NO_CPU)
  })

  test('CPU-5: every operation agrees with a plain set', () => {
    formatMemory({ cpus: 256 })
    const cpu = fc.nat(255)
    fc.assert(fc.property(fc.uniqueArray(cpu), fc.uniqueArray(cpu), (xs, ys) => {
      const inY = new Set(ys)
      const check = (expected: Iterable<number>): void => {
        expect(cpusOf(a())).toEqual(sorted(expected))
        expect(maskWeight(a())).toBe([...expected].length)
      }
      fill(b(), ys)
      fill(a(), xs)
      check(xs)
      maskAnd(a(), b())
      check(xs.filter((n) => inY.has(n)))
      fill(a(), xs)
      maskAndNot(a(), b())
      check(xs.filter((n) => !inY.has(n)))
      maskOr(a(), b())
      check(new Set([...xs, ...ys]))
      maskCopy(a(), b())
      check(ys)
    }))
  })
})
