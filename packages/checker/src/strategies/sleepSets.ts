// SPDX-License-Identifier: MIT
/**
 * Sleep sets: transitions that need not be taken at a state, because everything behind them was explored from a state
 * above with nothing in between that depends on them.
 *
 * SL1  A sleeping transition wakes when a dependent one is taken: any of its own CPU, and accesses that conflict. So the
 *      entry of a handler depends on every transition of its CPU and on none of the others (INTERRUPTS.md, rule 4).
 */
import type { Executor } from '../executor.js'
import { lowest } from '../order.js'
import { larger } from '../undo.js'

export interface SavedSleep {
  readonly asleep: readonly number[]
  readonly done: readonly number[]
  readonly address: readonly number[]
  readonly extent: readonly number[]
}

export class SleepSets {
  /** Labels asleep at each depth. */
  asleep = new Int32Array(256)
  /** Labels whose subtree at each depth was begun. */
  done = new Int32Array(256)
  private readonly executor: Executor
  private readonly inherit: boolean
  // Footprints by depth and label: first word; number of words twice, plus 1 if written.
  private address: Int32Array
  private extent: Int32Array

  /** Without `inherit` nothing sleeps at a new state: only what was explored at the state itself is remembered. */
  constructor(executor: Executor, inherit: boolean) {
    this.executor = executor
    this.inherit = inherit
    this.address = new Int32Array(256 * executor.count)
    this.extent = new Int32Array(256 * executor.count)
  }

  /** The transition `label` is taken at depth `d`. */
  take(d: number, label: number): void {
    this.done[d]! |= 1 << label
  }

  /** Open the state behind the step that was just taken. */
  descend(): void {
    const { executor } = this
    const d = executor.depth - 1
    if (d + 1 >= this.asleep.length) this.grow(d + 1)
    this.done[d + 1] = 0
    this.asleep[d + 1] = 0
    this.remember(d)
    if (this.inherit) this.asleep[d + 1] = this.stillAsleep(d)
  }

  /** First word of the footprint of a transition that sleeps or was taken at depth d. */
  addressOf(d: number, label: number): number {
    return this.address[d * this.executor.count + label]!
  }

  extentOf(d: number, label: number): number {
    return this.extent[d * this.executor.count + label]!
  }

  /** Whether a transition of depth d sleeps there or was taken there before. */
  covered(d: number): number {
    return this.asleep[d]! | this.done[d]!
  }

  /** What sleeps at depth d: label, first word and extent of each. */
  sleeping(d: number): number[] {
    const list: number[] = []
    for (let labels = this.asleep[d]!; labels !== 0; labels &= labels - 1) {
      const label = lowest(labels)
      list.push(label, this.addressOf(d, label), this.extentOf(d, label))
    }
    return list
  }

  /** Let this, and nothing else, sleep at depth d. */
  lull(d: number, sleeping: readonly number[]): void {
    this.asleep[d] = 0
    for (let i = 0; i < sleeping.length; i += 3) {
      const label = sleeping[i]!
      this.asleep[d] |= 1 << label
      this.address[d * this.executor.count + label] = sleeping[i + 1]!
      this.extent[d * this.executor.count + label] = sleeping[i + 2]!
    }
  }

  /** What is known at the depths above `depth`. */
  save(depth: number): SavedSleep {
    const cells = depth * this.executor.count
    return {
      asleep: [...this.asleep.subarray(0, depth)], done: [...this.done.subarray(0, depth)],
      address: [...this.address.subarray(0, cells)], extent: [...this.extent.subarray(0, cells)],
    }
  }

  restore(saved: SavedSleep): void {
    this.grow(saved.asleep.length)
    for (const name of ['asleep', 'done', 'address', 'extent'] as const) this[name].set(saved[name])
  }

  private remember(d: number): void {
    const { executor: { trace, count } } = this
    const at = d * count + trace.label[d]!
    this.address[at] = trace.address[d]!
    this.extent[at] = trace.length[d]! * 2 + trace.writes[d]!
  }

  private stillAsleep(d: number): number {
    const { executor, address, extent } = this
    const { trace, count } = executor
    const own = executor.labelsOf[trace.cpu[d]!]!
    let stay = 0
    for (let labels = this.covered(d) & ~own; labels !== 0; labels &= labels - 1) {
      const label = 31 - Math.clz32(labels & -labels)
      const at = d * count + label
      if (conflicts(address[at]!, extent[at]!, trace.address[d]!, trace.length[d]! * 2 + trace.writes[d]!)) continue
      if (executor.vectors !== 0 && this.meetAtDoorbell(d, label)) continue
      address[at + count] = address[at]!
      extent[at + count] = extent[at]!
      stay |= 1 << label
    }
    return stay
  }

  // A request of a vector depends on every step of its target with IF = 1 (HB3).
  private meetAtDoorbell(d: number, label: number): boolean {
    const { executor: { trace, count, cpuOf, doorbells } } = this
    const at = d * count + label
    const cpu = trace.cpu[d]!
    const rings = (address: number, extent: number, target: number): boolean =>
      (extent & 1) !== 0 && address === doorbells + target && ((trace.irqOn[d]! >>> target) & 1) !== 0
    return rings(this.address[at]!, this.extent[at]!, cpu) ||
      rings(trace.address[d]!, trace.length[d]! * 2 + trace.writes[d]!, cpuOf[label]!)
  }

  private grow(d: number): void {
    this.asleep = larger(this.asleep, d + 1)
    this.done = larger(this.done, d + 1)
    this.address = larger(this.address, (d + 1) * this.executor.count)
    this.extent = larger(this.extent, (d + 1) * this.executor.count)
  }
}

/** Whether two footprints overlap and one of them writes. */
export function conflicts(address: number, extent: number, address2: number, extent2: number): boolean {
  if (((extent | extent2) & 1) === 0) return false
  return address < address2 + (extent2 >> 1) && address2 < address + (extent >> 1)
}
