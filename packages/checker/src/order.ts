// SPDX-License-Identifier: MIT
/**
 * In which order a search tries what it has to try. It changes no result, only the way: the tests run every program in
 * several orders, because a search that misses something often misses it in some orders only.
 */
import type { Executor } from './executor.js'

export type OrderName = 'base-first' | 'reversed' | number

export interface Order {
  /** One of the transitions in a mask that is not empty. */
  pick(labels: number): number
  /** The state of the random numbers, if any; set by `restore`. */
  state: number
}

/** `base-first`: lowest CPU first, its step before entries. `reversed`: CPUs the other way. A number: random by seed. */
export function createOrder(executor: Executor, name: OrderName): Order {
  if (name === 'base-first') return { state: 0, pick: (labels) => byCpu(executor, labels, 0, 1) }
  if (name === 'reversed') return { state: 0, pick: (labels) => byCpu(executor, labels, executor.cpuCount - 1, -1) }
  const order = {
    state: seedOf(name),
    pick: (labels: number): number => {
      order.state = nextRandom(order.state)
      return nthLabel(labels, (order.state >>> 8) % popCount(labels))
    },
  }
  return order
}

function byCpu(executor: Executor, labels: number, first: number, by: number): number {
  for (let cpu = first; cpu >= 0 && cpu < executor.cpuCount; cpu += by) {
    const mine = labels & executor.labelsOf[cpu]!
    if (mine === 0) continue
    const current = executor.currentOf(cpu)
    return current >= 0 && ((mine >>> current) & 1) !== 0 ? current : lowest(mine)
  }
  return lowest(labels)
}

/** The number of the lowest bit of a mask that is not 0. */
export function lowest(mask: number): number {
  return 31 - Math.clz32(mask & -mask)
}

export function popCount(mask: number): number {
  let count = 0
  for (let left = mask; left !== 0; left &= left - 1) count++
  return count
}

/** The n-th bit of a mask, from 0. */
export function nthLabel(mask: number, n: number): number {
  let left = mask
  for (let i = 0; i < n; i++) left &= left - 1
  return lowest(left)
}

/** The first state of a generator for a seed. */
export function seedOf(seed: number): number {
  return nextRandom(nextRandom((Math.imul(seed, 0x9e3779b1) ^ 0x5bd1e995) >>> 0 || 1))
}

/** The next state of a generator (xorshift), 32 bits unsigned, never 0. */
export function nextRandom(state: number): number {
  let x = state | 0
  x ^= x << 13
  x ^= x >>> 17
  x ^= x << 5
  return x >>> 0
}
