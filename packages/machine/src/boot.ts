// SPDX-License-Identifier: MIT
/**
 * Format a memory, or attach to one that another thread formatted. For engines and tests.
 *
 * All modules of the machine must be imported before: their structs, areas and handlers make the layout, and its hash
 * is compared, so that two threads with different code never share a memory.
 */
import { hashString } from '@bottomhalf/base'
import { declaredAreas, perCpuStrideWords, placeAreas } from './areas.js'
import { handlerNames, numberHandlers } from './handlers.js'
import { FIRST_AREA, Header, HeapHeader, MAGIC } from './layout.js'
import { declaredStructs, describeLayout } from './struct.js'

export interface FormatOptions {
  /** Number of pCPUs, 1..256. */
  readonly cpus: number
  /** Debug checks of heap and locks. Default: off. */
  readonly debug?: boolean
  /** Record trace events. Default: on. */
  readonly trace?: boolean
  /** Time of boot on the host's monotonic clock, ns; `nowNs` counts from it. */
  readonly bootTimeNs?: number
}

/** A memory that does not fit this thread's code. */
export class LayoutMismatchError extends Error {
  override readonly name = 'LayoutMismatchError'
}

/** Lay the memory out afresh: everything in it is gone. Only while no CPU runs on it. */
export function format(i32: Int32Array, f64: Float64Array, options: FormatOptions): void {
  const { cpus, debug = false, trace = true, bootTimeNs = 0 } = options
  if (!Number.isInteger(cpus) || cpus < 1 || cpus > 256) throw new RangeError(`cpus is ${cpus}, expected 1..256`)
  const { stride, globalBase, globalWords } = placement(cpus)
  const heapBase = globalBase + globalWords
  if (heapBase >= i32.length) throw new RangeError(`${cpus} CPUs need ${heapBase} words, the memory has ${i32.length}`)
  // what was used before, and no more: the rest of the memory was never touched
  i32.fill(0, 0, Math.max(i32[HeapHeader.bump] ?? 0, heapBase))
  numberHandlers()
  i32[Header.sizeWords] = i32.length
  i32[Header.cpuCount] = cpus
  i32[Header.perCpuBase] = FIRST_AREA
  i32[Header.perCpuStride] = stride
  i32[Header.globalBase] = globalBase
  i32[Header.globalWords] = globalWords
  i32[Header.heapBase] = heapBase
  i32[HeapHeader.bump] = heapBase
  i32[Header.debug] = debug ? 1 : 0
  i32[Header.traceOn] = trace ? 1 : 0
  f64[Header.bootTime >> 1] = bootTimeNs
  i32[Header.layoutHash] = layoutHash() | 0
  i32[Header.magic] = MAGIC
}

/** Check that a formatted memory fits this thread's code, and place its areas. Throws `LayoutMismatchError`. */
export function attach(i32: Int32Array): void {
  if (i32[Header.magic] !== MAGIC) throw new LayoutMismatchError('the memory was never formatted')
  placement(i32[Header.cpuCount] ?? 0)
  numberHandlers()
  const mine = layoutHash() | 0
  const theirs = i32[Header.layoutHash] ?? 0
  if (mine === theirs) return
  const hex = (n: number): string => (n >>> 0).toString(16).padStart(8, '0')
  throw new LayoutMismatchError(
    `layout hash ${hex(mine)} here, ${hex(theirs)} in the memory: the threads run different code (this one has ` +
    `${declaredStructs().length} structs and ${handlerNames().length} handlers)`)
}

/** One number for all structs, areas and handlers that this thread knows. */
export function layoutHash(): number {
  const { perCpu, global } = declaredAreas()
  const parts = [...declaredStructs(), ...perCpu, ...global].map(describeLayout)
  return hashString([...parts, ...handlerNames()].join('\n'))
}

// One area more than there are CPUs: threads that are no CPU have the last one as theirs.
function placement(cpus: number): { stride: number, globalBase: number, globalWords: number } {
  const stride = perCpuStrideWords()
  const globalBase = FIRST_AREA + (cpus + 1) * stride
  const { globalWords } = placeAreas(globalBase)
  return { stride, globalBase, globalWords }
}
