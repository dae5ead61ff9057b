// SPDX-License-Identifier: MIT
/**
 * What is left to look at when a machine has stopped: each CPU's last trace records and flags, blocks still allocated,
 * and a hash of the memory for comparing two runs. Reads only; for engines, on the words of a memory at rest.
 */
import { hashWord } from '@bottomhalf/base'
import { heapLive } from './heap.js'
import { Cpu, CPU_WORDS, Header, HeapHeader, LINE_WORDS, TRACE_RECORD_WORDS, TRACE_RECORDS } from './layout.js'
import { structNameOfTag } from './struct.js'

export interface TraceRecord { readonly timeUs: number, readonly event: number, readonly a: number, readonly b: number }

export interface CpuEvidence {
  readonly cpu: number
  readonly irqEnabled: boolean
  readonly irqNesting: number
  readonly requestedVectors: readonly number[]
  /** Oldest first. */
  readonly trace: readonly TraceRecord[]
}

/** The state of every CPU, as plain data. */
export function cpuEvidence(i32: Int32Array): CpuEvidence[] {
  return Array.from({ length: i32[Header.cpuCount] ?? 0 }, (_, cpu) => {
    const base = (i32[Header.perCpuBase] ?? 0) + cpu * (i32[Header.perCpuStride] ?? 0)
    return {
      cpu,
      irqEnabled: i32[base + Cpu.irqEnabled] !== 0,
      irqNesting: i32[base + Cpu.irqNesting] ?? 0,
      requestedVectors: vectorsOf(i32, base),
      trace: traceOf(i32, base),
    }
  })
}

/** Allocated blocks per struct name: words and blocks. */
export function heapEvidence(i32: Int32Array): Record<string, { blocks: number, words: number }> {
  const byName: Record<string, { blocks: number, words: number }> = {}
  for (const { tag, words } of heapLive(i32)) {
    const entry = byName[structNameOfTag(tag)] ??= { blocks: 0, words: 0 }
    entry.blocks++
    entry.words += words
  }
  return byName
}

/**
 * A hash of all that mechanism code has written: global area, per-CPU areas without the machine's own words, heap. Two
 * runs of one program under one schedule have the same, in the native and in the stepped build.
 */
export function memoryHash(i32: Int32Array): number {
  let hash = hashWord(i32[Header.cpuCount] ?? 0)
  const stride = i32[Header.perCpuStride] ?? 0
  for (let cpu = 0; cpu < (i32[Header.cpuCount] ?? 0); cpu++) {
    const base = (i32[Header.perCpuBase] ?? 0) + cpu * stride
    hash = hashRange(i32, base + Cpu.irqEnabled, base + Cpu.irqNesting + 1, hash)
    hash = hashRange(i32, base + Cpu.vectorSummary, base + Cpu.doorbell, hash)
    hash = hashRange(i32, base + CPU_WORDS, base + stride, hash)
  }
  hash = hashRange(i32, i32[Header.globalBase] ?? 0, i32[HeapHeader.bump] ?? 0, hash)
  return hashRange(i32, HeapHeader.bump, HeapHeader.tails + LINE_WORDS, hash)
}

function hashRange(i32: Int32Array, from: number, to: number, seed: number): number {
  let hash = seed
  for (let at = from; at < to; at++) hash = hashWord(i32[at] ?? 0, hash)
  return hash
}

function vectorsOf(i32: Int32Array, base: number): number[] {
  const all: number[] = []
  for (let vector = 0; vector < 256; vector++) {
    if (((i32[base + Cpu.vectors + (vector >> 5)] ?? 0) >>> (vector & 31) & 1) !== 0) all.push(vector)
  }
  return all
}

function traceOf(i32: Int32Array, base: number): TraceRecord[] {
  const next = i32[base + Cpu.tracePosition] ?? 0
  const first = Math.max(0, next - TRACE_RECORDS)
  return Array.from({ length: next - first }, (_, i) => {
    const record = base + Cpu.trace + ((first + i) & (TRACE_RECORDS - 1)) * TRACE_RECORD_WORDS
    return { timeUs: i32[record] ?? 0, event: i32[record + 1] ?? 0, a: i32[record + 2] ?? 0, b: i32[record + 3] ?? 0 }
  })
}
