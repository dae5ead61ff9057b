// SPDX-License-Identifier: MIT
/** What the memory operations mean, on a plain array: both sides of the machine are compared with it. */
import fc from 'fast-check'

/** An operation by its name in the contract, on a word given as an index below `MODEL_WORDS`. */
export interface ModelStep {
  readonly name: ModelOperation
  readonly at: number
  readonly b: number
  readonly c: number
}

export const MODEL_WORDS = 8

/** Its result, and its effect on the words. */
type Meaning = (words: Int32Array, at: number, b: number, c: number) => number

const change = (next: (old: number, b: number) => number): Meaning => (words, at, b) => {
  const old = words[at] ?? 0
  words[at] = next(old, b)
  return old
}

const meanings = {
  ld: (words, at) => words[at] ?? 0,
  load: (words, at) => words[at] ?? 0,
  st: (words, at, b) => { words[at] = b; return 0 },
  store: (words, at, b) => { words[at] = b; return 0 },
  xchg: change((_, b) => b),
  fetchAdd: change((old, b) => old + b),
  fetchOr: change((old, b) => old | b),
  fetchAnd: change((old, b) => old & b),
  cmpxchg: (words, at, b, c) => {
    const old = words[at] ?? 0
    if (old === (b | 0)) words[at] = c
    return old
  },
  testAndSetBit: (words, at, b) => (change((old) => old | (1 << (b & 31)))(words, at, 0, 0) >>> (b & 31)) & 1,
  testAndClearBit: (words, at, b) => (change((old) => old & ~(1 << (b & 31)))(words, at, 0, 0) >>> (b & 31)) & 1,
} as const satisfies Record<string, Meaning>

export type ModelOperation = keyof typeof meanings

/** A value as code writes it: small, any word, or one beyond 2^31 (an unsigned constant). */
const value = fc.oneof(
  fc.integer({ min: -2, max: 2 }),
  fc.integer({ min: -0x80000000, max: 0x7fffffff }),
  fc.constantFrom(0x80000000, 0xffffffff, 0xdeadbeef),
)

export const modelSteps: fc.Arbitrary<ModelStep[]> = fc.array(
  fc.constantFrom(...Object.keys(meanings) as ModelOperation[]).chain((name) => fc.record({
    name: fc.constant(name),
    at: fc.nat(MODEL_WORDS - 1),
    b: name.startsWith('testAnd') ? fc.nat(31) : value,
    c: value,
  })),
  { maxLength: 60, size: 'max' },
)

/** Run the steps on the model; the results in order. */
export function runModel(words: Int32Array, steps: readonly ModelStep[]): number[] {
  return steps.map(({ name, at, b, c }) => meanings[name](words, at, b, c))
}
