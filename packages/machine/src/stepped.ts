// SPDX-License-Identifier: MIT
/**
 * The stepped side: operations that an engine performs, one at a time, on CPUs that are generators of one thread.
 *
 * In the stepped build a call of an operation reads `(ld(p) ? yield : stepResult())`: the function here hands the
 * operation to the engine, which either performs it at once (false, value in `stepResult`) or stops the CPU before it
 * (true) and resumes it later with the value. The types are those of the native side: only the stepped build, which
 * knows the form, calls these.
 *
 * D1  No operation touches memory before the engine said so.
 * D2  `perform` does to the words exactly what the native side does: the same schedule leaves the same memory.
 */
import { bug } from '@bottomhalf/base'
import { attach, format, type FormatOptions } from './boot.js'
import { handlerOf, type Handler, type HandlerRef } from './handlers.js'
import { heapAlloc, heapFree, heapLive, heapOverruns, type LiveBlock } from './heap.js'
import { Cpu, Header, HeapHeader, Stop, TRACE_RECORD_WORDS, TRACE_RECORDS } from './layout.js'
import { setLocalsListener, type LocalsListener } from './locals.js'
import { claimMemory } from './memory.js'
import { NO_CPU, Op } from './ops.js'

const sharedMemory = claimMemory('stepped')
const i32 = new Int32Array(sharedMemory.buffer)
const f64 = new Float64Array(sharedMemory.buffer)

/** What drives the CPUs: a simulator, a checker, a test. */
export interface SteppedEngine {
  /**
   * Called before each operation of the running context. True: the context stops here; the engine performs the operation
   * later and resumes the generator with its value. False: it was performed now, and the value is in `setStepResult`.
   */
  begin(op: Op, a: number, b: number, c: number): boolean
  /** The CPU of the running context, or `NO_CPU`. */
  currentCpu(): number
  /** Virtual time, ns since boot. */
  nowNs(): number
  /** Is told what locals hold. Default: nobody. */
  readonly locals?: LocalsListener
}

let engine: SteppedEngine = {
  begin: () => bug('no engine drives the stepped build: call setEngine first'),
  currentCpu: () => NO_CPU,
  nowNs: () => 0,
}
let result = 0

/** Let `next` drive this thread's CPUs. */
export function setEngine(next: SteppedEngine): void {
  engine = next
  setLocalsListener(next.locals ?? null)
}

/** The value of the operation that `begin` performed at once. */
export function setStepResult(value: number): void {
  result = value
}

/** Read by the stepped build behind an operation that was not suspended. */
export function stepResult(): number {
  return result
}

// ---- operations: see `MachineOperations` for what they mean

export const ld = (address: number): boolean => engine.begin(Op.Ld, address, 0, 0)
export const st = (address: number, value: number): boolean => engine.begin(Op.St, address, value, 0)
export const load = (address: number): boolean => engine.begin(Op.Load, address, 0, 0)
export const store = (address: number, value: number): boolean => engine.begin(Op.Store, address, value, 0)
export const xchg = (address: number, value: number): boolean => engine.begin(Op.Xchg, address, value, 0)
export const cmpxchg = (address: number, expected: number, value: number): boolean =>
  engine.begin(Op.Cmpxchg, address, expected, value)
export const fetchAdd = (address: number, addend: number): boolean => engine.begin(Op.FetchAdd, address, addend, 0)
export const fetchOr = (address: number, mask: number): boolean => engine.begin(Op.FetchOr, address, mask, 0)
export const fetchAnd = (address: number, mask: number): boolean => engine.begin(Op.FetchAnd, address, mask, 0)
export const testAndSetBit = (nr: number, address: number): boolean => engine.begin(Op.TestAndSetBit, address, nr, 0)
export const testAndClearBit = (nr: number, address: number): boolean =>
  engine.begin(Op.TestAndClearBit, address, nr, 0)
export const smpMb = (): boolean => engine.begin(Op.SmpMb, 0, 0, 0)
export const awaitWord = (address: number, test: number, operand: number): boolean =>
  engine.begin(Op.AwaitWord, address, test, operand)
export const cpuRelax = (): boolean => engine.begin(Op.CpuRelax, 0, 0, 0)
export const irqDisable = (): boolean => engine.begin(Op.IrqDisable, 0, 0, 0)
export const irqEnable = (): boolean => engine.begin(Op.IrqEnable, 0, 0, 0)
export const irqSave = (): boolean => engine.begin(Op.IrqSave, 0, 0, 0)
export const irqRestore = (flags: number): boolean => engine.begin(Op.IrqRestore, flags, 0, 0)
export const raiseVector = (cpu: number, vector: number): boolean => engine.begin(Op.RaiseVector, cpu, vector, 0)
export const haltUntilInterrupt = (): boolean => engine.begin(Op.Halt, 0, 0, 0)
export const xmalloc = (words: number, tag: number): boolean => engine.begin(Op.Xmalloc, words, tag, 0)
export const xzalloc = (words: number, tag: number): boolean => engine.begin(Op.Xmalloc, words, tag, 1)
export const xfree = (address: number): boolean => engine.begin(Op.Xfree, address, 0, 0)

// Times do not fit the three words of `begin`: the engine finds them in `stepTime`.
let timeOperand = 0
export const ldTime = (address: number): boolean => engine.begin(Op.LdTime, address, 0, 0)
export const stTime = (address: number, timeNs: number): boolean => beginTime(Op.StTime, address, timeNs)
export const setDeadline = (timeNs: number): boolean => beginTime(Op.SetDeadline, 0, timeNs)

/** The time of a `StTime` or `SetDeadline` that begins. An engine that suspends it keeps it with the context. */
export function stepTime(): number {
  return timeOperand
}

function beginTime(op: Op, address: number, timeNs: number): boolean {
  timeOperand = timeNs
  return engine.begin(op, address, 0, 0)
}

/**
 * Do an operation of the running context to the memory; returns its value. `time` is the operand of StTime and
 * SetDeadline. Blocking operations (AwaitWord, Halt) are the engine's: here they read the word, or do nothing.
 */
export function perform(op: Op, a: number, b: number, c: number, time = 0): number {
  const old = i32[a] as number
  switch (op) {
    case Op.Ld: case Op.Load: case Op.AwaitWord: return old
    case Op.St: case Op.Store: i32[a] = b; return 0
    case Op.Xchg: i32[a] = b; return old
    // the native side compares words: 0x80000000 is -0x80000000
    case Op.Cmpxchg: if (old === (b | 0)) i32[a] = c; return old
    case Op.FetchAdd: i32[a] = old + b; return old
    case Op.FetchOr: i32[a] = old | b; return old
    case Op.FetchAnd: i32[a] = old & b; return old
    case Op.TestAndSetBit: i32[a] = old | (1 << b); return (old >>> b) & 1
    case Op.TestAndClearBit: i32[a] = old & ~(1 << b); return (old >>> b) & 1
    case Op.LdTime: return f64[a >> 1] as number
    case Op.StTime: f64[a >> 1] = time; return 0
    case Op.Xmalloc: return allocate(a, b, c !== 0)
    case Op.Xfree: heapFree(i32, a); return 0
    case Op.RaiseVector: requestVector(a, b); return 0
    case Op.SmpMb: case Op.CpuRelax: case Op.Halt: return 0
    default: return performOnCpu(op, a, time)
  }
}

function allocate(words: number, tag: number, zeroed: boolean): number {
  const address = heapAlloc(i32, words, tag)
  if (address !== 0 && zeroed) i32.fill(0, address, address + words)
  return address
}

function performOnCpu(op: Op, flags: number, time: number): number {
  const base = cpuBaseOf(engine.currentCpu())
  const old = i32[base + Cpu.irqEnabled] as number
  switch (op) {
    case Op.IrqDisable: case Op.IrqSave: i32[base + Cpu.irqEnabled] = 0; return old
    case Op.IrqEnable: i32[base + Cpu.irqEnabled] = 1; return 0
    case Op.IrqRestore: i32[base + Cpu.irqEnabled] = flags; return 0
    case Op.SetDeadline: f64[(base + Cpu.deadline) >> 1] = time; return 0
    default: return bug('perform of an unknown operation')
  }
}

// ---- vectors, for engines: they decide when a CPU takes one

function requestVector(cpu: number, vector: number): void {
  const base = cpuBaseOf(cpu)
  const row = vector >> 5
  i32[base + Cpu.vectors + row] = (i32[base + Cpu.vectors + row] as number) | (1 << (vector & 31))
  i32[base + Cpu.vectorSummary] = (i32[base + Cpu.vectorSummary] as number) | (1 << row)
}

/** The highest vector requested on a CPU; -1 if none. */
export function requestedVector(cpu: number): number {
  const base = cpuBaseOf(cpu)
  for (let row = 7; row >= 0; row--) {
    const bits = i32[base + Cpu.vectors + row] as number
    if (bits !== 0) return row * 32 + 31 - Math.clz32(bits)
  }
  return -1
}

/** A context that runs on a CPU of the stepped machine: it yields where it stops before an operation. */
export type SteppedContext = Generator<unknown, unknown, number>

/** Take a requested vector on a CPU: request off, IF off, nesting up. Returns the handler's context. */
export function enterInterrupt(cpu: number, vector: number): SteppedContext {
  const base = cpuBaseOf(cpu)
  const row = base + Cpu.vectors + (vector >> 5)
  i32[row] = (i32[row] as number) & ~(1 << (vector & 31))
  if (i32[row] === 0) {
    i32[base + Cpu.vectorSummary] = (i32[base + Cpu.vectorSummary] as number) & ~(1 << (vector >> 5))
  }
  i32[base + Cpu.irqEnabled] = 0
  i32[base + Cpu.irqNesting] = (i32[base + Cpu.irqNesting] as number) + 1
  return startHandler(i32[Header.interruptEntry] as number, vector)
}

/** The handler of the last `enterInterrupt` on this CPU returned: nesting down, IF on. */
export function leaveInterrupt(cpu: number): void {
  const base = cpuBaseOf(cpu)
  i32[base + Cpu.irqNesting] = (i32[base + Cpu.irqNesting] as number) - 1
  i32[base + Cpu.irqEnabled] = 1
}

/** A handler, started as a context of its own. */
export function startHandler(id: number, arg: number): SteppedContext {
  return handlerOf(id)(arg) as unknown as SteppedContext
}

// ---- never a step

export const callHandler = (id: number, arg: number): ReturnType<Handler> => handlerOf(id)(arg)
export const currentCpu = (): number => engine.currentCpu()
export const nowNs = (): number => engine.nowNs()
export const irqsEnabled = (): boolean => i32[cpuBaseOf(engine.currentCpu()) + Cpu.irqEnabled] !== 0
export const inIrq = (): boolean => i32[cpuBaseOf(engine.currentCpu()) + Cpu.irqNesting] !== 0
export const debugChecks = (): boolean => i32[Header.debug] !== 0
export const thisCpu = (area: { readonly base: number }): number => cpuBaseOf(engine.currentCpu()) + area.base
export const cpuArea = (cpu: number, area: { readonly base: number }): number => cpuBaseOf(cpu) + area.base
export const cpuCount = (): number => i32[Header.cpuCount] as number
export const stopRequested = (): boolean => i32[Header.stop] !== Stop.Running

/** Record an event in this CPU's ring. */
export function trace(event: number, a: number, b: number): void {
  if (i32[Header.traceOn] === 0) return
  const base = cpuBaseOf(engine.currentCpu())
  const position = i32[base + Cpu.tracePosition] as number
  i32[base + Cpu.tracePosition] = position + 1
  const record = base + Cpu.trace + (position & (TRACE_RECORDS - 1)) * TRACE_RECORD_WORDS
  i32[record] = Math.floor(engine.nowNs() / 1000)
  i32[record + 1] = event
  i32[record + 2] = a
  i32[record + 3] = b
}

function cpuBaseOf(cpu: number): number {
  const index = cpu === NO_CPU ? i32[Header.cpuCount] as number : cpu
  return (i32[Header.perCpuBase] as number) + index * (i32[Header.perCpuStride] as number)
}

// ---- binding, for engines and tests

/** The words, for engines: snapshots, hashes, checks at rest. */
export const memoryWords: Int32Array = i32

export const boundMemory = (): typeof sharedMemory => sharedMemory
export const setCurrentCpu = (cpu: number): void => { if (cpu !== engine.currentCpu()) bug('the engine names the CPU') }

/** Format the memory: see the native side. Virtual time starts at 0. */
export function formatMemory(options: FormatOptions): void {
  format(i32, f64, options)
}

export const attachMemory = (): void => { attach(i32) }

/** Let `entry` handle all vectors of all CPUs. */
export function setInterruptEntry(entry: HandlerRef): void {
  i32[Header.interruptEntry] = entry.id
}

export function requestStop(reason: number): void {
  if (i32[Header.stop] === Stop.Running) i32[Header.stop] = reason
}

export const liveBlocks = (): LiveBlock[] => heapLive(i32)
export const overrunBlocks = (): LiveBlock[] => heapOverruns(i32)
export const failAllocation = (n: number): void => { i32[HeapHeader.failAfter] = n }
