// SPDX-License-Identifier: MIT
/**
 * The operations that a context can offer, by number, and what each does to memory.
 *
 * 0..24 are those of `@bottomhalf/machine`'s engine port; the rest exist only for the checker: locks of the text form as
 * blocking acquires, and the entry of an interrupt, which is a step like any other.
 *
 * O1  The numbers up to 24 are the machine's (a test compares them); importing them would load a machine.
 */
export const Op = {
  Ld: 0, St: 1, Load: 2, Store: 3, Xchg: 4, Cmpxchg: 5, FetchAdd: 6, FetchOr: 7, FetchAnd: 8,
  TestAndSetBit: 9, TestAndClearBit: 10, SmpMb: 11, AwaitWord: 12, CpuRelax: 13,
  IrqDisable: 14, IrqEnable: 15, IrqSave: 16, IrqRestore: 17, RaiseVector: 18, Halt: 19, SetDeadline: 20,
  Xmalloc: 21, Xfree: 22, LdTime: 23, StTime: 24,
  /** Acquire a lock word: blocks while it is not 0. */
  Lock: 25,
  /** Release a lock word that this context holds. */
  Unlock: 26,
  /** Behind a Halt: goes on after an interrupt was taken. */
  Woken: 27,
  /** An interrupt enters its CPU. */
  Enter: 28,
  /** The context has no further operation. */
  Done: 29,
} as const
export type Op = (typeof Op)[keyof typeof Op]

/** Properties of an operation. A Cmpxchg writes only if it succeeds. */
export const READS = 1
export const WRITES = 2
/** Plain data access: a race if it meets another access of the word unordered. */
export const PLAIN = 4
/** Not always enabled. */
export const BLOCKS = 8
/** Touches no memory: no other CPU can see it. */
export const LOCAL = 16

const RMW = READS | WRITES

/** Properties by operation number. */
export const properties = Uint8Array.of(
  READS | PLAIN, WRITES | PLAIN, READS, WRITES, RMW, RMW, RMW, RMW, RMW,
  RMW, RMW, LOCAL, READS | BLOCKS, LOCAL | BLOCKS,
  LOCAL, LOCAL, LOCAL, LOCAL, WRITES, LOCAL, LOCAL,
  LOCAL, WRITES, READS | PLAIN, WRITES | PLAIN,
  RMW | BLOCKS, RMW, LOCAL | BLOCKS, LOCAL, LOCAL,
)

/** Tests of AwaitWord: the machine's four, then those of the text form alone. */
export const AWAIT_EQ = 0
export const AWAIT_NE = 1
export const AWAIT_ALL_CLEAR = 2
export const AWAIT_ANY_SET = 3
export const AWAIT_LT = 4
export const AWAIT_LE = 5
export const AWAIT_GT = 6
export const AWAIT_GE = 7

/** Whether an operation that may block can go on when its word holds `value`. For an entry that is the vectors requested. */
export function passes(op: number, test: number, operand: number, value: number): boolean {
  if (op === Op.Lock) return value === 0
  if (op === Op.Enter) return value !== 0
  switch (test) {
    case AWAIT_EQ: return value === operand
    case AWAIT_NE: return value !== operand
    case AWAIT_ALL_CLEAR: return (value & operand) === 0
    case AWAIT_ANY_SET: return (value & operand) !== 0
    case AWAIT_LT: return value < operand
    case AWAIT_LE: return value <= operand
    case AWAIT_GT: return value > operand
    default: return value >= operand
  }
}

const names: readonly string[] = [
  'ld', 'st', 'load', 'store', 'xchg', 'cmpxchg', 'fetchAdd', 'fetchOr', 'fetchAnd',
  'testAndSetBit', 'testAndClearBit', 'smpMb', 'await', 'cpuRelax',
  'irqDisable', 'irqEnable', 'irqSave', 'irqRestore', 'raiseVector', 'halt', 'setDeadline',
  'xmalloc', 'xfree', 'ldTime', 'stTime', 'lock', 'unlock', 'woken', 'enter', 'done',
]

/** The name of an operation, for people. */
export function opName(op: number): string {
  return names[op] ?? `op ${op}`
}
