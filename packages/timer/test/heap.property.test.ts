// SPDX-License-Identifier: MIT
import { formatMemory, ld, ldTime, stTime, xzalloc } from '@bottomhalf/machine'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { heapInsert, heapRemove } from '../src/heap.js'
import { Timer } from '../src/index.js'
import type { TimerRef } from '../src/index.js'

const expiresOf = (t: TimerRef): number => ldTime(t + Timer.expiresNs)

/** Every node below `t`, each checked against its parent (P1). */
function walk(t: TimerRef): TimerRef[] {
  const found = [t]
  for (let child = ld(t + Timer.child), before = t; child !== 0; before = child, child = ld(child + Timer.sibling)) {
    expect(ld(child + Timer.previous)).toBe(before)
    expect(expiresOf(child)).toBeGreaterThanOrEqual(expiresOf(t))
    found.push(...walk(child))
  }
  return found
}

test('P1, P2: any sequence of additions and removals agrees with a sorted array', () => {
  const command = fc.oneof(
    { weight: 3, arbitrary: fc.record({ add: fc.nat(50) }) },
    { weight: 2, arbitrary: fc.record({ removeNth: fc.nat(1000) }) })
  fc.assert(fc.property(fc.array(command, { maxLength: 80 }), (commands) => {
    formatMemory({ cpus: 1 })
    const inHeap: TimerRef[] = []
    let root: TimerRef = 0
    for (const next of commands) {
      if ('add' in next) {
        const t: TimerRef = xzalloc(Timer.sizeWords, Timer.tag)
        stTime(t + Timer.expiresNs, next.add)
        inHeap.push(t)
        root = heapInsert(root, t)
      } else if (inHeap.length > 0) {
        const [gone] = inHeap.splice(next.removeNth % inHeap.length, 1)
        root = heapRemove(root, gone as TimerRef)
      }
      if (root === 0) {
        expect(inHeap).toEqual([])
        continue
      }
      expect([ld(root + Timer.sibling), ld(root + Timer.previous)]).toEqual([0, 0])
      expect(walk(root).sort((a, b) => a - b)).toEqual([...inHeap].sort((a, b) => a - b))
      expect(expiresOf(root)).toBe(Math.min(...inHeap.map(expiresOf)))
    }
    const drained: number[] = []
    for (; root !== 0; root = heapRemove(root, root)) drained.push(expiresOf(root))
    expect(drained).toEqual(inHeap.map(expiresOf).sort((a, b) => a - b))
  }), { numRuns: 300 })
})
