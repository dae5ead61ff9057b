// SPDX-License-Identifier: MIT
/** @bottomhalf/machine under the export condition `stepped`: the names of `index.ts`, performed by an engine. */
export {
  ld, st, ldTime, stTime, load, store, xchg, cmpxchg, fetchAdd, fetchOr, fetchAnd, testAndSetBit, testAndClearBit,
  smpMb, awaitWord, cpuRelax, irqDisable, irqEnable, irqSave, irqRestore, raiseVector, haltUntilInterrupt, setDeadline,
  xmalloc, xzalloc, xfree, callHandler,
  currentCpu, irqsEnabled, inIrq, nowNs, trace, debugChecks, thisCpu, cpuArea, cpuCount, stopRequested,
  stepResult,
} from './stepped.js'
export { stepAt, stepFrame, stepOpaque } from './locals.js'
export { boundMemory, formatMemory, attachMemory, setCurrentCpu, setInterruptEntry, requestStop, liveBlocks, overrunBlocks, failAllocation } from './stepped.js'
export { MachineStopped } from './stopped.js'
export { AWAIT_ALL_CLEAR, AWAIT_ANY_SET, AWAIT_EQ, AWAIT_NE, LOCAL_TIMER_VECTOR, NO_CPU } from './ops.js'
export type { AwaitTest, MachineOperations } from './ops.js'
export type { Susp } from './susp.js'
export { embed, extend, handlerId, lineBreak, ref, struct, time, word, words } from './struct.js'
export type { Extension, Field, FieldLayout, Struct, StructInfo } from './struct.js'
export { declaredStructs, describeLayout, extensionOf, structNameOfTag } from './struct.js'
export { declaredAreas, global, perCpu } from './areas.js'
export type { Area } from './areas.js'
export { handler, handlerIdOf, handlerNames, isHandlerId } from './handlers.js'
export type { Handler, HandlerRef } from './handlers.js'
export { Cpu, Header, LINE_WORDS, Stop } from './layout.js'
export { layoutHash, LayoutMismatchError } from './boot.js'
export type { FormatOptions } from './boot.js'
export { cpuEvidence, heapEvidence, memoryHash } from './evidence.js'
export type { CpuEvidence, TraceRecord } from './evidence.js'
export type { LiveBlock } from './heap.js'
export type { SharedWasmMemory } from './wasm.js'
