// SPDX-License-Identifier: MIT
/**
 * What the player shows, as data: an execution step by step, the memory it touched, the source it came from.
 *
 * It is made once from a replay and holds no code, so that a page, a trace file and a test can be made of it alike.
 */

export const PLAYER_VERSION = 1

export interface PlayerData {
  readonly version: typeof PLAYER_VERSION
  /** The model. */
  readonly title: string
  /** Bounds, mode, and what memory is like: short sentences. */
  readonly facts: readonly string[]
  /** How to run this execution again; '' if nobody knows. */
  readonly command: string
  readonly cpus: number
  readonly contexts: readonly PlayerContext[]
  readonly objects: readonly PlayerObject[]
  readonly steps: readonly PlayerStep[]
  readonly sources: readonly PlayerSource[]
  readonly violation: PlayerViolation | null
}

export interface PlayerContext {
  readonly name: string
  readonly cpu: number
  /** base: runs from the start. irq, vector: a handler that enters its CPU. */
  readonly kind: 'base' | 'irq' | 'vector'
}

/** Words that belong together: a struct, an array, or the loose words of a program. */
export interface PlayerObject {
  readonly name: string
  /** First word. */
  readonly address: number
  readonly words: number
  readonly fields: readonly PlayerField[]
  /** A block of the heap: it has no place of its own in the drawing, it hangs where links lead to it. */
  readonly isBlock: boolean
  /** It exists from behind this step to behind that one: blocks of the heap. */
  readonly from?: number
  readonly to?: number
}

export interface PlayerField {
  readonly name: string
  readonly address: number
  /** Before the first step. */
  readonly initial: number
  /** word: a number. link: the address of a word of some object. lock: 0, or a context's number + 1. time: a double. */
  readonly kind: 'word' | 'link' | 'lock' | 'time'
}

export interface PlayerStep {
  readonly context: number
  readonly cpu: number
  /** The operation's name, `enter` for the entry of a handler. */
  readonly op: string
  /** The step in a few words. */
  readonly text: string
  /** Words that it read or wrote: none, one, or several. */
  readonly touched: readonly PlayerAccess[]
  /** IF of its CPU before and behind the step. */
  readonly irqOn: readonly [before: boolean, behind: boolean]
  /** The handler's last step: it returns. */
  readonly returns: boolean
  /** CPUs that wait behind the step for what is not so. */
  readonly waiting: readonly number[]
  /** Where the operation stands, innermost first: its line, then those of the calls that led there. */
  readonly places: readonly PlayerPlace[]
  /** Labels and rules that stand at the line. */
  readonly rules: readonly PlayerRule[]
}

export interface PlayerAccess {
  readonly address: number
  readonly name: string
  readonly before: number
  readonly after: number
  readonly writes: boolean
}

export interface PlayerPlace {
  /** Index into `sources`. */
  readonly source: number
  readonly line: number
  /** The function, if it is known. */
  readonly where: string
  /** What the original calls it, if it has a name of its own there. */
  readonly original?: string
}

export interface PlayerRule { readonly label: string, readonly text: string }

export interface PlayerSource {
  readonly name: string
  readonly firstLine: number
  readonly lines: readonly string[]
}

export interface PlayerViolation {
  readonly kind: string
  readonly message: string
  /** The step at which it was seen: the last one, or the number of steps if it is the end that is wrong. */
  readonly step: number
  readonly context: string
}
