// SPDX-License-Identifier: MIT
/**
 * Static storage: per-CPU areas and global areas, placed when the memory is formatted or attached.
 *
 *     const Softirq = perCpu('softirq', { pending: word })      load(thisCpu(Softirq) + Softirq.pending)
 *     const Tasklets = global('tasklet', { lock: embed(SpinLock) })      Tasklets.base + Tasklets.lock
 *
 * Places follow from the names alone, never from the order of imports, so that all threads agree.
 */
import { bug, roundUp } from '@bottomhalf/base'
import { CPU_WORDS, LINE_WORDS } from './layout.js'
import { layOut, type Field, type Struct, type StructInfo } from './struct.js'

interface Placed { base: number }

/** A declared area: field offsets relative to `base`, which is set when the memory is bound. */
export type Area<F extends Readonly<Record<string, Field>>> = Struct<F> & Readonly<Placed>

const perCpuAreas = new Map<string, StructInfo & Placed>()
const globalAreas = new Map<string, StructInfo & Placed>()
const state = { sealed: false }

/** Declare words that every CPU has its own of. `base` is relative to the CPU's area: use `thisCpu`, `cpuArea`. */
export function perCpu<F extends Readonly<Record<string, Field>>>(name: string, fields: F): Area<F> {
  return declare(perCpuAreas, name, fields)
}

/** Declare words that exist once. `base` is the absolute word address. */
export function global<F extends Readonly<Record<string, Field>>>(name: string, fields: F): Area<F> {
  return declare(globalAreas, name, fields)
}

/** All areas, in order of name. */
export function declaredAreas(): { perCpu: (StructInfo & Placed)[], global: (StructInfo & Placed)[] } {
  return { perCpu: byName(perCpuAreas), global: byName(globalAreas) }
}

/** Sizes of the areas as declared so far. */
export interface AreaSizes { perCpuStride: number, globalWords: number }

/** Give every area its place. After this no area can be declared in this thread. */
export function placeAreas(globalBase: number): AreaSizes {
  state.sealed = true
  const perCpuStride = place(byName(perCpuAreas), CPU_WORDS)
  const globalWords = place(byName(globalAreas), globalBase) - globalBase
  return { perCpuStride, globalWords }
}

/** The stride of the per-CPU areas, without placing anything. */
export function perCpuStrideWords(): number {
  let end = CPU_WORDS
  for (const area of perCpuAreas.values()) end = roundUp(end, LINE_WORDS) + area.sizeWords
  return roundUp(end, LINE_WORDS)
}

function place(areas: (StructInfo & Placed)[], start: number): number {
  let at = start
  for (const area of areas) {
    area.base = roundUp(at, LINE_WORDS)
    at = area.base + area.sizeWords
  }
  return roundUp(at, LINE_WORDS)
}

function declare<F extends Readonly<Record<string, Field>>>(
  table: Map<string, StructInfo & Placed>, name: string, fields: F,
): Area<F> {
  if (state.sealed) bug(`area ${name} is declared after the memory was bound: import its module first`)
  if (table.has(name)) bug(`area ${name} is declared twice`)
  const area: Area<F> = { base: 0, ...layOut(name, fields) }      // first, so that it lies in the object itself
  table.set(name, area)
  return area
}

function byName(table: Map<string, StructInfo & Placed>): (StructInfo & Placed)[] {
  return [...table.values()].sort((a, b) => (a.structName < b.structName ? -1 : 1))
}
