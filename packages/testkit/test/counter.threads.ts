// SPDX-License-Identifier: MIT
/** What the threads of `stress.stress.ts` run: counting in one word, atomically or not. */
import { currentCpu, fetchAdd, global, ld, st, word } from '@bottomhalf/machine'

export const Counter = global('counter', { atomic: word, plain: word })

export function count(index: number, times: number): { index: number, cpu: number } {
  for (let i = 0; i < times; i++) {
    fetchAdd(Counter.base + Counter.atomic, 1)
    st(Counter.base + Counter.plain, ld(Counter.base + Counter.plain) + 1)
  }
  return { index, cpu: currentCpu() }
}

export function fail(index: number): number {
  if (index === 1) throw new Error('thread 1 gives up')
  return index
}

export function spinForever(): void {
  while (ld(Counter.base + Counter.plain) >= 0) fetchAdd(Counter.base + Counter.atomic, 0)
}
