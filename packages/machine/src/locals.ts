// SPDX-License-Identifier: MIT
/**
 * What the stepped build tells of the running function, for engines that want to know its states again; others pay for a
 * look at a number. The build calls these; see `telling.ts` of `@bottomhalf/stepping` for what it tells and when.
 */

/** What an engine that listens is told. */
export interface LocalsListener {
  /** A function that will tell began. Returns a number for this run of it, not negative. */
  frame(): number
  /** That run is at a place, and what happens from here on depends on these values and on what its caller was told. */
  at(frame: number, place: number, values: readonly unknown[]): void
  /** A function began whose state nobody can tell. */
  opaque(): void
}

let listener: LocalsListener | null = null

/** Tell `next`, or nobody. */
export function setLocalsListener(next: LocalsListener | null): void {
  listener = next
}

/** Negative if nobody listens. */
export function stepFrame(): number {
  return listener === null ? -1 : listener.frame()
}

export function stepAt(frame: number, place: number, ...values: readonly unknown[]): void {
  listener?.at(frame, place, values)
}

export function stepOpaque(): void {
  listener?.opaque()
}
