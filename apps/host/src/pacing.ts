// SPDX-License-Identifier: MIT
/**
 * When the devices of a run interrupt: all their arrival times, merged in order of time.
 *
 * PC1  A lane that is held fires nothing. Released, it fires at once what became due meanwhile.
 * PC2  A lane that calms down goes on with its own times from then on; what they would have fired during the storm is not
 *      made up for.
 */

/** A device that fires, and when: times in ns from the start, ascending. */
export class Lane {
  readonly #own: Generator<number, void>
  #times: Generator<number, void>
  readonly fire: () => void
  /** When it fires next; Infinity when it is done. */
  next: number
  held = false

  constructor(times: Generator<number, void>, fire: () => void) {
    this.#own = times
    this.#times = times
    this.fire = fire
    this.next = times.next().value ?? Infinity
  }

  /** To the time after the one that was fired. */
  advance(): void {
    this.next = this.#times.next().value ?? Infinity
  }

  /** Fire at `ratePerSecond` from `fromNs` on, whatever its own times say. */
  storm(ratePerSecond: number, fromNs: number): void {
    this.#times = every(1e9 / ratePerSecond, fromNs)
    this.advance()
  }

  /** Back to its own times, from `fromNs` on. */
  calm(fromNs: number): void {
    this.#times = this.#own
    do this.advance()
    while (this.next < fromNs)                                         // PC2
  }
}

function* every(periodNs: number, fromNs: number): Generator<number, void> {
  for (let i = 1; ; i++) yield fromNs + i * periodNs
}

/** Arrivals of several devices on one clock. */
export class Pacer {
  readonly #lanes: Lane[] = []

  add(lane: Lane): void {
    this.#lanes.push(lane)
  }

  /** When the next arrival of any device is due, ns from the start; Infinity if none comes. */
  get nextNs(): number {
    return this.#earliest()?.next ?? Infinity
  }

  /** Fire all arrivals due until `nowNs`, in order of time; at most `limit`. Returns how many. */
  fireDue(nowNs: number, limit: number): number {
    let fired = 0
    while (fired < limit) {
      const lane = this.#earliest()
      if (lane === undefined || lane.next > nowNs) break
      lane.fire()
      lane.advance()
      fired++
    }
    return fired
  }

  #earliest(): Lane | undefined {
    let first: Lane | undefined
    for (const lane of this.#lanes) {
      if (!lane.held && (first === undefined || lane.next < first.next)) first = lane         // PC1
    }
    return first
  }
}
