// SPDX-License-Identifier: MIT
/** Schedules drawn at random, by seed: at every state each enabled transition is as likely as the others. */
import type { Executor } from '../executor.js'
import { nextRandom, nthLabel, popCount, seedOf } from '../order.js'
import { STOP, type Strategy, type StrategyContext } from './strategy.js'

export interface SamplingOptions {
  readonly seed: number
  /** Number of executions. */
  readonly runs: number
}

export class RandomWalk implements Strategy {
  readonly name: string = 'random'
  protected readonly executor: Executor
  protected random: number
  protected left: number

  constructor({ executor }: StrategyContext, { seed, runs }: SamplingOptions) {
    this.executor = executor
    this.random = seedOf(seed)
    this.left = runs
  }

  next(): number {
    const enabled = this.executor.enabled()
    return enabled === 0 || this.left === 0 ? STOP : this.choose(enabled)
  }

  stepped(): void {
    // nothing to learn from a step
  }

  ended(): void {
    this.left--
  }

  backtrack(): number {
    this.executor.back(0)
    this.begin()
    return this.next()
  }

  branches(): { begun: number, known: number } {
    return { begun: 1, known: 1 }
  }

  save(): unknown {
    return { random: this.random, left: this.left }
  }

  restore(saved: unknown): void {
    const state = saved as { random: number, left: number }
    this.random = state.random
    this.left = state.left
  }

  /** A new execution begins. */
  protected begin(): void {
    // every execution is like the others
  }

  protected choose(enabled: number): number {
    return nthLabel(enabled, this.below(popCount(enabled)))
  }

  protected below(n: number): number {
    this.random = nextRandom(this.random)
    return (this.random >>> 8) % n
  }
}
