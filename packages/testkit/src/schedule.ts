// SPDX-License-Identifier: MIT
/**
 * Schedules and the schedulers that make them. A choice is a number: which lane (CPU, or a device behind the CPUs) makes
 * the next step, and whether the step is to enter an interrupt. A schedule is a list of choices.
 */

/** lane * 2, plus 1 if the step enters an interrupt. */
export type Choice = number

export const choiceOf = (lane: number, enter: boolean): Choice => lane * 2 + (enter ? 1 : 0)
export const laneOf = (choice: Choice): number => choice >> 1
export const entersInterrupt = (choice: Choice): boolean => (choice & 1) !== 0

/** Picks one of the offered choices. `current` is the lane of the step before, -1 at the start. */
export interface Scheduler { next(offered: readonly Choice[], current: number): Choice }

/** Each lane makes `quantum` steps in turn, or fewer when it cannot go on. Interrupts go first. */
export function roundRobin(quantum = 1): Scheduler {
  let left = quantum
  return {
    next(offered, current) {
      const stay = offered.filter((choice) => laneOf(choice) === current)
      const mine = stay.find(entersInterrupt) ?? stay[0]
      if (mine !== undefined && left > 0) {
        left--
        return mine
      }
      left = quantum - 1
      const lanes = offered.map(laneOf)
      const later = lanes.filter((lane) => lane > current)
      const lane = Math.min(...(later.length > 0 ? later : lanes))
      return offered.find((choice) => choice === choiceOf(lane, true)) ?? choiceOf(lane, false)
    },
  }
}

/** Every lane as far as it gets, then the next. */
export function runToBlock(): Scheduler {
  return roundRobin(Number.POSITIVE_INFINITY)
}

/** A choice by chance, the same for the same seed. */
export function random(seed: number): Scheduler {
  const draw = randomNumbers(seed)
  return { next: (offered) => pick(offered, draw()) }
}

/** By chance, but stays on the lane of the step before with the given probability: long runs, few switches. */
export function sticky(seed: number, stay: number): Scheduler {
  const draw = randomNumbers(seed)
  return {
    next(offered, current) {
      const mine = draw() < stay ? offered.filter((choice) => laneOf(choice) === current) : []
      return pick(mine.length > 0 ? mine : offered, draw())
    },
  }
}

/** Exactly these choices, then `after`. A choice that is not offered is an error. */
export function explicit(schedule: readonly Choice[], after: Scheduler = roundRobin()): Scheduler {
  let position = 0
  return {
    next(offered, current) {
      const choice = schedule[position]
      if (choice === undefined) return after.next(offered, current)
      if (!offered.includes(choice)) throw new Error(`step ${position}: ${choice} is not possible, only ${offered.join(', ')}`)
      position++
      return choice
    },
  }
}

/** Uniform numbers in [0, 1), the same for the same seed (mulberry32). */
export function randomNumbers(seed: number): () => number {
  let state = seed | 0
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let t = Math.imul(state ^ (state >>> 15), state | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296
  }
}

function pick(offered: readonly Choice[], fraction: number): Choice {
  const choice = offered[Math.floor(fraction * offered.length)]
  if (choice === undefined) throw new Error('nothing is offered')
  return choice
}
