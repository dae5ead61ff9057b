// SPDX-License-Identifier: MIT
/**
 * The native side: operations on real threads. One thread is one CPU (or none: a device, a tool).
 *
 * Contexts  any. Interrupts are polled: wherever IF turns on, in `cpuRelax`, in waits and in idle.
 * Locks     none but the heap's own, with no interrupt inside.
 *
 * N1  A request sets the vector's bit, then the summary bit, then looks at the doorbell; a sleeper sets the doorbell, then
 *     looks at the summary: one of the two sees the other (M3, CPU-3).
 * N2  A poll reads the summary plainly and may be late; the last look before a sleep is atomic.
 */
import { bug, highestBit } from '@bottomhalf/base'
import { attach, format, type FormatOptions } from './boot.js'
import { handlerOf, type HandlerRef } from './handlers.js'
import { heapAlloc, heapFree, heapLive, heapOverruns, type LiveBlock } from './heap.js'
import { Cpu, Header, HeapHeader, Stop, TRACE_RECORD_WORDS, TRACE_RECORDS } from './layout.js'
import { claimMemory } from './memory.js'
import { awaitSatisfied, LOCAL_TIMER_VECTOR, NO_CPU, type AwaitTest } from './ops.js'
import { MachineStopped } from './stopped.js'
import { wasmAtomics } from './wasm.js'

const sharedMemory = claimMemory('native')
const i32 = new Int32Array(sharedMemory.buffer)
const f64 = new Float64Array(sharedMemory.buffer)

// What this thread is: its CPU, the addresses of that CPU's area and of its hottest words, whether checks and trace are on.
// Words of an array: a module's `let` costs checks at each read, that it was set and of its type. The shorter a function
// here, the more of its callers is compiled in line.
const own = new Int32Array(new ArrayBuffer(32))
const CPU = 0
const BASE = 1
const IF = 2
const NESTING = 3
const SUMMARY = 4
const DEBUG = 5
const TRACE = 6
own[CPU] = NO_CPU

const cpuBase = (): number => own[BASE] as number

let bootTimeNs = 0

// The host's clock, looked up when the memory is bound: `process` is a getter of the global object, which costs each
// reading as much again.
let { hrtime } = process

// ---- data

export function ld(address: number): number {
  return i32[address] as number
}

export function st(address: number, value: number): void {
  i32[address] = value
}

export function ldTime(address: number): number {
  return f64[address >> 1] as number
}

export function stTime(address: number, timeNs: number): void {
  f64[address >> 1] = timeNs
}

/** The atomic operations: compiled code calls them without a step in between. */
export const {
  load, store, xchg, cmpxchg, fetchAdd, fetchOr, fetchAnd, testAndSetBit, testAndClearBit,
} = wasmAtomics(sharedMemory)

/** Every atomic here is sequentially consistent already; the read-modify-write orders plain accesses of this thread too. */
export function smpMb(): void {
  fetchOr(cpuBase() + Cpu.relaxCount, 0)
}

// ---- waiting

const SPINS_BEFORE_SLEEP = 512
const BACK_OFF_MS = 0.05
const IDLE_SPINS = 200

export function awaitWord(address: number, test: AwaitTest, operand: number): number {
  for (let spins = 1; ; spins++) {
    const word = load(address)
    if (awaitSatisfied(word, test, operand)) return word
    if (spins % SPINS_BEFORE_SLEEP === 0) backOff()
    cpuRelax()
  }
}

export function cpuRelax(): void {
  const relaxes = (i32[cpuBase() + Cpu.relaxCount] as number) + 1
  i32[cpuBase() + Cpu.relaxCount] = relaxes
  if ((relaxes & 63) === 0) pollSlowly()
  if (i32[own[IF] as number] !== 0 && i32[own[SUMMARY] as number] !== 0) takeInterrupts()
}

/** Let another thread have this core: there may be fewer cores than threads, and the awaited one may not be running. */
function backOff(): void {
  Atomics.wait(i32, Header.backOff, 0, BACK_OFF_MS)
}

function pollSlowly(): void {
  stopIfBroken()
  raiseDueDeadline()
}

/** Unwind this CPU if another one failed: what it waits for may never come. A requested stop is the main loop's. */
function stopIfBroken(): void {
  if (load(Header.stop) > Stop.Requested) throw new MachineStopped('the machine stops')
}

// ---- interrupts

export function currentCpu(): number {
  return own[CPU] as number
}

export function irqsEnabled(): boolean {
  return i32[own[IF] as number] !== 0
}

export function inIrq(): boolean {
  return i32[own[NESTING] as number] !== 0
}

export function irqDisable(): void {
  i32[own[IF] as number] = 0
}

export function irqEnable(): void {
  i32[own[IF] as number] = 1
  if (i32[own[SUMMARY] as number] !== 0) takeInterrupts()
}

export function irqSave(): number {
  const flags = i32[own[IF] as number] as number
  i32[own[IF] as number] = 0
  return flags
}

export function irqRestore(flags: number): void {
  i32[own[IF] as number] = flags
  if (flags !== 0 && i32[own[SUMMARY] as number] !== 0) takeInterrupts()
}

export function raiseVector(target: number, vector: number): void {
  if (debugChecks() && (target < 0 || target >= cpuCount())) bug('a vector is raised on no CPU')
  const base = cpuBaseOf(target)
  const bit = 1 << (vector & 31)
  const fresh = (fetchOr(base + Cpu.vectors + (vector >> 5), bit) & bit) === 0
  if (fresh) fetchOr(base + Cpu.vectorSummary, 1 << (vector >> 5))
  if (target === own[CPU]) return cpuRelax()
  // N1: the summary is set, now look whether somebody sleeps
  if (fresh && load(base + Cpu.doorbell) !== 0) ringDoorbell(base)
}

export function haltUntilInterrupt(): void {
  for (let spins = 0; spins < IDLE_SPINS && i32[own[SUMMARY] as number] === 0; spins++) load(Header.backOff)
  store(cpuBase() + Cpu.doorbell, 1)
  // N1, N2: the doorbell is set, now look for the last time
  if (load(own[SUMMARY] as number) === 0 && load(Header.stop) === Stop.Running) sleep()
  store(cpuBase() + Cpu.doorbell, 0)
  irqEnable()                     // first: who raised the vector waits for this
  stopIfBroken()
  raiseDueDeadline()
}

function sleep(): void {
  const deadline = f64[(cpuBase() + Cpu.deadline) >> 1] as number
  const timeoutMs = deadline === 0 ? LONGEST_SLEEP_MS : Math.min((deadline - nowNs()) / 1e6, LONGEST_SLEEP_MS)
  if (timeoutMs > 0) Atomics.wait(i32, cpuBase() + Cpu.doorbell, 1, timeoutMs)
}

const LONGEST_SLEEP_MS = 1000

function ringDoorbell(base: number): void {
  if (xchg(base + Cpu.doorbell, 0) !== 0) Atomics.notify(i32, base + Cpu.doorbell, 1)
}

/** Take what is requested, highest vector first, each with IF = 0 at entry. IF = 1 on entry and return. */
function takeInterrupts(): void {
  while (i32[own[IF] as number] !== 0) {
    const vector = nextVector()
    if (vector < 0) return
    i32[own[IF] as number] = 0
    i32[own[NESTING] as number] = (i32[own[NESTING] as number] as number) + 1
    // from the memory: the CPU that boots sets it, and may do so after this thread was bound
    handlerOf(i32[Header.interruptEntry] as number)(vector)
    i32[own[NESTING] as number] = (i32[own[NESTING] as number] as number) - 1
    i32[own[IF] as number] = 1
  }
}

/** Take the highest request off the map; -1 if there is none. */
function nextVector(): number {
  for (;;) {
    const row = highestBit(load(own[SUMMARY] as number))
    if (row < 0) return -1
    const address = cpuBase() + Cpu.vectors + row
    const bit = highestBit(load(address))
    if (bit >= 0) {
      testAndClearBit(bit, address)
      return row * 32 + bit
    }
    // the row is empty: clear its summary bit, then look again for a request that came in between (N1)
    testAndClearBit(row, own[SUMMARY] as number)
    if (load(address) !== 0) testAndSetBit(row, own[SUMMARY] as number)
  }
}

// ---- time

export function nowNs(): number {
  const [seconds, nanoseconds] = hrtime()
  return seconds * 1e9 + nanoseconds - bootTimeNs
}

export function setDeadline(timeNs: number): void {
  f64[(cpuBase() + Cpu.deadline) >> 1] = timeNs
}

function raiseDueDeadline(): void {
  const deadline = f64[(cpuBase() + Cpu.deadline) >> 1] as number
  if (deadline === 0 || deadline > nowNs()) return
  f64[(cpuBase() + Cpu.deadline) >> 1] = 0
  raiseVector(currentCpu(), LOCAL_TIMER_VECTOR)
}

// ---- heap

export function xmalloc(words: number, tag: number): number {
  lockHeap()
  const address = heapAlloc(i32, words, tag)
  store(HeapHeader.lock, 0)
  return address
}

/** `xmalloc`, all words 0. */
export function xzalloc(words: number, tag: number): number {
  const address = xmalloc(words, tag)
  if (address !== 0) i32.fill(0, address, address + words)
  return address
}

export function xfree(address: number): void {
  lockHeap()
  heapFree(i32, address)
  store(HeapHeader.lock, 0)
}

function lockHeap(): void {
  for (let spins = 1; cmpxchg(HeapHeader.lock, 0, 1) !== 0; spins++) {
    if (spins % SPINS_BEFORE_SLEEP !== 0) continue
    backOff()
    stopIfBroken()
  }
}

// ---- calls, checks, traces

export function callHandler(id: number, arg: number): number {
  return handlerOf(id)(arg) as number
}

/** Whether debug checks are on (LK-2 and its kind). Constant after the memory was bound. */
export function debugChecks(): boolean {
  return own[DEBUG] !== 0
}

/** Record an event in this CPU's ring: the last ones are part of the evidence when the machine stops. Any context. */
export function trace(event: number, a: number, b: number): void {
  if (own[TRACE] === 0) return
  const position = i32[cpuBase() + Cpu.tracePosition] as number
  i32[cpuBase() + Cpu.tracePosition] = position + 1
  const record = cpuBase() + Cpu.trace + (position & (TRACE_RECORDS - 1)) * TRACE_RECORD_WORDS
  i32[record] = Math.floor(nowNs() / 1000)
  i32[record + 1] = event
  i32[record + 2] = a
  i32[record + 3] = b
}

// ---- places

/** Where the area of a CPU begins. `target` may be this thread's own `NO_CPU`. */
function cpuBaseOf(target: number): number {
  const index = target === NO_CPU ? i32[Header.cpuCount] as number : target
  return (i32[Header.perCpuBase] as number) + index * (i32[Header.perCpuStride] as number)
}

/** This CPU's words of a per-CPU area. */
export function thisCpu(area: { readonly base: number }): number {
  return (own[BASE] as number) + area.base
}

/** The words of a per-CPU area of `target`. */
export function cpuArea(target: number, area: { readonly base: number }): number {
  return cpuBaseOf(target) + area.base
}

/** Number of pCPUs of the machine. Constant after the memory was bound. */
export function cpuCount(): number {
  return i32[Header.cpuCount] as number
}

/** Whether the machine was asked to stop. */
export function stopRequested(): boolean {
  return load(Header.stop) !== Stop.Running
}

// ---- binding, for engines and tests

/** The memory of this thread, to hand to workers and to look at from outside. */
export function boundMemory(): typeof sharedMemory {
  return sharedMemory
}

/** Format this thread's memory and bind to it. All modules of the machine must be loaded; no CPU may run. */
export function formatMemory(options: FormatOptions): void {
  const [seconds, nanoseconds] = process.hrtime()
  format(i32, f64, { bootTimeNs: seconds * 1e9 + nanoseconds, ...options })
  bind()
}

/** Bind to the memory that another thread formatted. Throws `LayoutMismatchError`. */
export function attachMemory(): void {
  attach(i32)
  bind()
}

function bind(): void {
  hrtime = process.hrtime
  bootTimeNs = f64[Header.bootTime >> 1] as number
  own[DEBUG] = i32[Header.debug] as number
  own[TRACE] = i32[Header.traceOn] as number
  setCurrentCpu(NO_CPU)
}

/** Make this thread a CPU of the machine (or none: `NO_CPU`). One thread a CPU, except in tests. */
export function setCurrentCpu(id: number): void {
  if (id !== NO_CPU && (id < 0 || id >= cpuCount())) bug('no such CPU')
  own[CPU] = id
  const base = cpuBaseOf(id)
  own[BASE] = base
  own[IF] = base + Cpu.irqEnabled
  own[NESTING] = base + Cpu.irqNesting
  own[SUMMARY] = base + Cpu.vectorSummary
}

/** Let `entry` handle all vectors of all CPUs. Called once, before the first CPU turns interrupts on. */
export function setInterruptEntry(entry: HandlerRef): void {
  i32[Header.interruptEntry] = entry.id
}

/** Ask the machine to stop, for a reason of `Stop`; wakes every CPU. The first reason stands. */
export function requestStop(reason: number): void {
  const before = cmpxchg(Header.stop, Stop.Running, reason)
  if (before === Stop.Requested && reason > Stop.Requested) store(Header.stop, reason)
  for (let target = 0; target < cpuCount(); target++) ringDoorbell(cpuBaseOf(target))
}

/** Every allocated heap block, in address order. Call at rest. */
export function liveBlocks(): LiveBlock[] {
  return heapLive(i32)
}

/** Allocated blocks that were written behind their end. Call at rest. */
export function overrunBlocks(): LiveBlock[] {
  return heapOverruns(i32)
}

/** Make the `n`-th allocation from now fail, once; 0 takes it back. */
export function failAllocation(n: number): void {
  i32[HeapHeader.failAfter] = n
}
