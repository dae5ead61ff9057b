// SPDX-License-Identifier: MIT
/**
 * The local state of a context as one hash of 64 bits: what its functions told of their locals where they stand, and the
 * values of the operations since (see `telling.ts` of the package `stepping`).
 *
 *     a frame's state = hash(its caller's state at the call, place, locals there)   then each operation's value is mixed in
 *
 * What a call did is forgotten when its caller tells its next place; until then it stands for what the call returned.
 *
 * LS1  A context with this hash goes on in the same way, whatever it did before.
 * LS2  Below an opaque function nothing is forgotten until a function that it is below tells a place.
 */
import { scramble } from '../scramble.js'
import { larger } from '../undo.js'

/** The operations' values are doubles: times are. */
const double = new Float64Array(1)
const halves = new Int32Array(double.buffer)

export class LocalState {
  low = 0
  high = 0
  /** The caller's state at the call, two words a frame. */
  private frames = new Int32Array(64)
  private count = 0
  /** The outermost opaque frame. */
  private opaqueFrame = Infinity

  /** A context begins; all that it knows is a number. */
  begin(number: number): void {
    this.low = scramble(number + 1)
    this.high = scramble(number ^ 0x2545f491)
    this.count = 0
    this.opaqueFrame = Infinity
  }

  /** Nothing but a hash. */
  set(low: number, high: number): void {
    this.low = low
    this.high = high
  }

  /** An operation ended with a value. */
  operation(op: number, value: number): void {
    this.mix(op)
    this.mixNumber(value)
  }

  // ---- told by the stepped build

  frame(): number {
    const frame = this.count++
    if (frame * 2 + 1 >= this.frames.length) this.frames = larger(this.frames, frame * 2 + 2)
    this.frames[frame * 2] = this.low
    this.frames[frame * 2 + 1] = this.high
    return frame
  }

  at(frame: number, place: number, values: readonly unknown[]): void {
    if (frame > this.opaqueFrame) return                                                       // LS2
    this.opaqueFrame = Infinity
    this.count = frame + 1
    this.low = this.frames[frame * 2]!
    this.high = this.frames[frame * 2 + 1]!
    this.mix(place)
    for (const value of values) this.mixValue(value)
  }

  opaque(): void {
    this.opaqueFrame = Math.min(this.opaqueFrame, this.frame())
  }

  private mixValue(value: unknown): void {
    if (typeof value === 'number') this.mixNumber(value)
    else if (typeof value === 'object' && value !== null) {
      this.mix(1)
      for (const [name, part] of Object.entries(value)) {
        this.mixText(name)
        this.mixValue(part)
      }
      this.mix(2)
    } else this.mixText(`${typeof value} ${String(value)}`)
  }

  private mixText(text: string): void {
    this.mix(text.length)
    for (let i = 0; i < text.length; i++) this.mix(text.charCodeAt(i))
  }

  private mixNumber(value: number): void {
    if (value === (value | 0)) return this.mix(value)
    double[0] = value
    this.mix(halves[0]!)
    this.mix(halves[1]! ^ 0x5bd1e995)
  }

  private mix(word: number): void {
    this.low = scramble(Math.imul(this.low, 33) + word)
    this.high = scramble(Math.imul(this.high ^ word, 65599) + 1)
  }
}
