// SPDX-License-Identifier: MIT
/**
 * Probabilistic concurrency testing: every context has a random priority and the highest enabled one runs; at a few
 * random steps of an execution the running context falls below all others. A defect that needs k such changes is found
 * with a probability that can be stated: at least 1 / (contexts * steps ^ k) a run.
 */
import { lowest } from '../order.js'
import { RandomWalk, type SamplingOptions } from './random.js'
import type { StrategyContext } from './strategy.js'

export interface PctOptions extends SamplingOptions {
  /** Changes of priority in an execution. Default: 2. */
  readonly changes?: number
}

export class Pct extends RandomWalk {
  override readonly name = 'pct'
  private readonly changes: number
  private readonly priority: Float64Array
  private readonly changeAt: Int32Array
  private longest = 16
  private floor = 0

  constructor(context: StrategyContext, options: PctOptions) {
    super(context, options)
    this.changes = options.changes ?? 2
    this.priority = new Float64Array(context.executor.count)
    this.changeAt = new Int32Array(this.changes)
    this.begin()
  }

  override ended(): void {
    super.ended()
    this.longest = Math.max(this.longest, this.executor.depth)
  }

  override save(): unknown {
    return { random: this.random, left: this.left, longest: this.longest }
  }

  override restore(saved: unknown): void {
    super.restore(saved)
    this.longest = (saved as { longest: number }).longest
  }

  protected override begin(): void {
    this.floor = 0
    for (let label = 0; label < this.priority.length; label++) this.priority[label] = 1 + this.below(1 << 20)
    for (let i = 0; i < this.changes; i++) this.changeAt[i] = this.below(this.longest)
  }

  protected override choose(enabled: number): number {
    const label = this.highest(enabled)
    if (!this.changeAt.includes(this.executor.depth)) return label
    this.priority[label] = --this.floor
    return this.highest(enabled)
  }

  private highest(enabled: number): number {
    let best = lowest(enabled)
    for (let left = enabled; left !== 0; left &= left - 1) {
      const label = lowest(left)
      if (this.priority[label]! > this.priority[best]!) best = label
    }
    return best
  }
}
