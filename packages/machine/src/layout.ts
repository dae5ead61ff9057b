// SPDX-License-Identifier: MIT
/**
 * Where things lie in the shared memory: null page, header, machine words of each CPU.
 *
 *     0          64         128        256 ...
 *     +----------+----------+----------+---------------+-------------+------------------+
 *     | null     | header   | heap     | per-CPU areas | global area | heap blocks  ... |
 *     +----------+----------+----------+---------------+-------------+------------------+
 *
 * The first words of each per-CPU area belong to the machine itself (`Cpu`). Words that another CPU writes (requested
 * vectors, doorbell) have a cache line of their own.
 */

/** Words per cache line pair: 128 bytes, what adjacent-line prefetch couples. */
export const LINE_WORDS = 32

export const MAGIC = 0x62683031

/** Word addresses of the header. */
export const Header = {
  magic: 64, layoutHash: 65, sizeWords: 66, cpuCount: 67,
  perCpuBase: 68, perCpuStride: 69, globalBase: 70, globalWords: 71, heapBase: 72,
  debug: 73, interruptEntry: 74,
  /** 0 running, else a reason of `Stop`; atomic. */
  stop: 75,
  /** Nobody writes it: threads that back off sleep on it with a timeout. */
  backOff: 76,
  traceOn: 77,
  /** Time of boot on the host's monotonic clock, ns (a double). */
  bootTime: 78,
} as const

/** Word addresses of the heap's own state; see `heap.ts`. */
export const HeapHeader = {
  lock: 128, bump: 129, liveBlocks: 130, liveWords: 131, failAfter: 132,
  /** First and last free block by size class. */
  heads: 160, tails: 192,
} as const

/** First word that `formatMemory` lays out. */
export const FIRST_AREA = 256

/** Offsets of the machine's words in a CPU's area. */
export const Cpu = {
  // owned by the CPU:
  irqEnabled: 0, irqNesting: 1, tracePosition: 2, relaxCount: 3, deadline: 4, /* 5 */
  // written by others:
  vectorSummary: LINE_WORDS, vectors: LINE_WORDS + 8, doorbell: LINE_WORDS + 16,
  // owned by the CPU: a ring of records {time in us, event, a, b}
  trace: 2 * LINE_WORDS,
} as const

export const TRACE_RECORDS = 64
export const TRACE_RECORD_WORDS = 4

/** Words that the machine itself takes of a per-CPU area. */
export const CPU_WORDS = 2 * LINE_WORDS + TRACE_RECORDS * TRACE_RECORD_WORDS

/** Why the machine stopped: value of `Header.stop`. */
export const Stop = { Running: 0, Requested: 1, Bug: 2, WorkerLost: 3 } as const
