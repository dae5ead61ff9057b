// SPDX-License-Identifier: MIT
/**
 * When the devices of a run interrupt: all their arrival times, merged in order.
 */

/** A device that fires: `next` is when, ns from the start; Infinity when it is done. */
interface Lane { readonly times: Generator<number, void>, readonly fire: () => void, next: number }

export interface Paced { readonly times: Generator<number, void>, readonly fire: () => void }

/** Arrivals of several devices on one clock. */
export class Pacer {
  readonly #lanes: Lane[]

  constructor(devices: readonly Paced[]) {
    this.#lanes = devices.map(({ times, fire }) => ({ times, fire, next: times.next().value ?? Infinity }))
  }

  /** When the next arrival of any device is due, ns from the start; Infinity if none comes. */
  get nextNs(): number {
    return Math.min(Infinity, ...this.#lanes.map((lane) => lane.next))
  }

  /** Fire all arrivals due until `nowNs`, in order of time; at most `limit`. Returns how many. */
  fireDue(nowNs: number, limit: number): number {
    let fired = 0
    while (fired < limit) {
      const lane = this.#earliest()
      if (lane === undefined || lane.next > nowNs) break
      lane.fire()
      lane.next = lane.times.next().value ?? Infinity
      fired++
    }
    return fired
  }

  #earliest(): Lane | undefined {
    let first: Lane | undefined
    for (const lane of this.#lanes) if (first === undefined || lane.next < first.next) first = lane
    return first
  }
}
