// SPDX-License-Identifier: MIT
/**
 * The contract: the operations that mechanism code may use on the machine, by number for engines.
 *
 * Both sides (`native.ts`, `stepped.ts`) export one function per operation with the types of `MachineOperations`. An
 * operation is one step: an engine may stop a CPU before it and nowhere else.
 *
 * M1  A bit operation is one primitive, never two.
 * M2  A spin is one blocking operation (`awaitWord`), so that spins neither burn steps nor hide hangs.
 * M3  `haltUntilInterrupt` enables interrupts and sleeps in one step, so that no wake-up is lost (CPU-3).
 */

/** Numbers of the operations, as an engine of the stepped build sees them. a, b, c: see `MachineOperations`. */
export const Op = {
  Ld: 0, St: 1, Load: 2, Store: 3, Xchg: 4, Cmpxchg: 5, FetchAdd: 6, FetchOr: 7, FetchAnd: 8,
  TestAndSetBit: 9, TestAndClearBit: 10, SmpMb: 11, AwaitWord: 12, CpuRelax: 13,
  IrqDisable: 14, IrqEnable: 15, IrqSave: 16, IrqRestore: 17, RaiseVector: 18, Halt: 19, SetDeadline: 20,
  Xmalloc: 21, Xfree: 22, LdTime: 23, StTime: 24,
} as const
export type Op = (typeof Op)[keyof typeof Op]

/** Tests of `awaitWord`: word == operand, word != operand, (word & operand) == 0, (word & operand) != 0. */
export const AWAIT_EQ = 0
export const AWAIT_NE = 1
export const AWAIT_ALL_CLEAR = 2
export const AWAIT_ANY_SET = 3
export type AwaitTest = 0 | 1 | 2 | 3

/** Whether `word` satisfies an awaited condition. */
export function awaitSatisfied(word: number, test: AwaitTest, operand: number): boolean {
  switch (test) {
    case AWAIT_EQ: return word === operand
    case AWAIT_NE: return word !== operand
    case AWAIT_ALL_CLEAR: return (word & operand) === 0
    case AWAIT_ANY_SET: return (word & operand) !== 0
  }
}

/** The vector that a CPU's one-shot deadline raises on it. */
export const LOCAL_TIMER_VECTOR = 0xfa

/** `currentCpu()` of a thread that is no CPU of the machine: a device, a tool, a test. */
export const NO_CPU = -1

/**
 * The operations. Addresses are word indices into the one shared memory, values 32-bit signed words, times doubles in
 * nanoseconds since boot.
 */
export interface MachineOperations {
  /** Plain read. Only for data under a lock, or owned by one CPU. */
  ld(address: number): number
  /** Plain write. Only for data under a lock, or owned by one CPU. */
  st(address: number, value: number): void
  /** Plain read of a time: two words, `address` even. */
  ldTime(address: number): number
  /** Plain write of a time: two words, `address` even. */
  stTime(address: number, timeNs: number): void
  /** Atomic, sequentially consistent read. */
  load(address: number): number
  /** Atomic, sequentially consistent write. */
  store(address: number, value: number): void
  /** Atomic exchange; returns the old value, as all of the following do. */
  xchg(address: number, value: number): number
  /** Atomic compare-and-exchange: writes only if the word was `expected`. A failed one is a read. */
  cmpxchg(address: number, expected: number, value: number): number
  fetchAdd(address: number, addend: number): number
  fetchOr(address: number, mask: number): number
  fetchAnd(address: number, mask: number): number
  /** Set bit `nr` (0..31) of the word; returns the old bit. */
  testAndSetBit(nr: number, address: number): number
  /** Clear bit `nr` (0..31) of the word; returns the old bit. */
  testAndClearBit(nr: number, address: number): number
  /** Full barrier. Its call says what it orders and names its partner. */
  smpMb(): void
  /** Wait until the word passes the test; takes interrupts meanwhile if IF = 1. Returns the value that passed. */
  awaitWord(address: number, test: AwaitTest, operand: number): number
  /** A moment of a wait loop: takes pending interrupts if IF = 1. */
  cpuRelax(): void
  irqDisable(): void
  /** Interrupts on; what is requested is taken before this returns. */
  irqEnable(): void
  /** Interrupts off; returns the flags for `irqRestore`. */
  irqSave(): number
  irqRestore(flags: number): void
  /** Request a vector on a CPU and ring its doorbell. A vector already requested there is one request still. */
  raiseVector(cpu: number, vector: number): void
  /** With IF = 0: enable and sleep in one step (M3). Returns with IF = 1; may return without an interrupt. */
  haltUntilInterrupt(): void
  /** Ask for LOCAL_TIMER_VECTOR on this CPU at `timeNs`, once; 0 takes the request back. */
  setDeadline(timeNs: number): void
  /** Allocate `words` words, contents undefined; 0 if there is no memory. `tag` names the struct in leak reports. */
  xmalloc(words: number, tag: number): number
  /** `xmalloc`, all words 0. */
  xzalloc(words: number, tag: number): number
  /** Give back what `xmalloc` returned. Twice, or anything else, is a BUG. */
  xfree(address: number): void
}
