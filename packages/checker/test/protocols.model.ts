// SPDX-License-Identifier: MIT
/** Small protocols in stepped code: what the tests of `explore` run. */
import { bug } from '@bottomhalf/base'
import {
  AWAIT_EQ, awaitWord, cmpxchg, cpuRelax, currentCpu, fetchAdd, global, haltUntilInterrupt, handler, inIrq, irqDisable,
  irqEnable, irqRestore, irqSave, irqsEnabled, ld, ldTime, load, nowNs, raiseVector, setDeadline, st, store, struct,
  stTime, time, word, xfree, xzalloc,
} from '@bottomhalf/machine'

export const Counter = global('checkerCounter', { lock: word, value: word, flag: word, box: word, seen: word, at: time })
export const Record = struct('CheckerRecord', { payload: word, next: word })

const LOCK = (): number => Counter.base + Counter.lock
const VALUE = (): number => Counter.base + Counter.value

function take(): void {
  while (cmpxchg(LOCK(), 0, 1) !== 0) awaitWord(LOCK(), AWAIT_EQ, 0)
}

/** An increment of plain data, under the lock or not. */
export function add(locked: boolean): void {
  if (locked) take()
  st(VALUE(), ld(VALUE()) + 1)
  if (locked) store(LOCK(), 0)
}

/** The same with interrupts off around it, by what they were. */
export function addIrqsave(): void {
  const flags = irqSave()
  add(true)
  irqRestore(flags)
}

/** Interrupts must be off in an interrupt and back on behind it, whatever was replayed. */
export function watchFlags(): void {
  if (!irqsEnabled() || inIrq()) bug('IF is off, or nesting on, in a thread')
  irqDisable()
  fetchAdd(VALUE(), 1)
  if (irqsEnabled()) bug('IF is on behind irqDisable')
  irqEnable()
  fetchAdd(VALUE(), 1)
  if (!irqsEnabled() || inIrq()) bug('IF is off behind irqEnable')
}

export function watchFlagsInIrq(): void {
  if (irqsEnabled() || !inIrq()) bug('IF is on, or nesting off, in an interrupt')
  fetchAdd(VALUE(), 1)
  if (irqsEnabled() || !inIrq()) bug('IF came on in an interrupt')
}

/** Tell the other CPU, by interrupt. */
export function ring(cpu: number): void {
  store(Counter.base + Counter.flag, 1)
  raiseVector(cpu, 40)
}

/** Sleep until there is something; with the look before the sleep inside or outside of IF = 0. */
export function sleepUntilFlag(safe: boolean): void {
  for (;;) {
    if (safe) irqDisable()
    if (load(Counter.base + Counter.flag) !== 0) break
    if (!safe) irqDisable()
    haltUntilInterrupt()
  }
  irqEnable()
  fetchAdd(VALUE(), 1)
}

function onVector(vector: number): void {
  fetchAdd(Counter.base + Counter.seen, vector + 1000 * currentCpu())
}
export const onVectorHandler = handler('checker.onVector', onVector)

/** Publish a record; the other side reads and frees it, or the publisher frees it too early. */
export function publish(freeEarly: boolean): void {
  const record = xzalloc(Record.sizeWords, Record.tag)
  st(record + Record.payload, 7)
  store(Counter.base + Counter.box, record)
  if (freeEarly) xfree(record)
}

export function consume(): void {
  const record = load(Counter.base + Counter.box)
  if (record === 0) return
  if (ld(record + Record.payload) !== 7) bug('a record without its payload')
  xfree(record)
}

/** A deadline that is reached at some moment. */
export function arm(): void {
  setDeadline(5000)
  if (nowNs() !== 0 && nowNs() !== 5000) bug('time that nobody set')
  stTime(Counter.base + Counter.at, nowNs())
  fetchAdd(VALUE(), 1)
  if (ldTime(Counter.base + Counter.at) > nowNs()) bug('time went back')
}

export function readNull(): void {
  ld(0)
}

/** Wait in a loop, and turn interrupts on in it: the flag is set by somebody else. */
export function spin(): void {
  while (load(Counter.base + Counter.flag) === 0) cpuRelax()
  fetchAdd(VALUE(), 1)
}

/** A loop that ends by itself, whatever the others do. */
export function countTurns(turns: number): void {
  for (let turn = 0; turn < turns; turn++) cpuRelax()
  fetchAdd(VALUE(), 1)
}

export function raiseFlag(): void {
  store(Counter.base + Counter.flag, 1)
}

/** Reads words that nobody writes, and one that the other does. */
export function lookAround(): void {
  fetchAdd(VALUE(), 1)
  for (let turn = 0; turn < 4; turn++) ld(Counter.base + Counter.at)
  if (load(Counter.base + Counter.seen) !== 0) fetchAdd(VALUE(), 10)
}

export const begun = { times: 0 }

/** Reads words that nobody writes. */
export function readOnlyWords(): void {
  begun.times++
  for (let turn = 0; turn < 3; turn++) ld(Counter.base + Counter.at)
}

export function writeLate(): void {
  store(Counter.base + Counter.seen, 1)
}

const outside = { calls: 0 }

/** Does something else each time it is run. */
export function fickle(): void {
  outside.calls++
  if (outside.calls % 2 === 0) fetchAdd(VALUE(), 1)
  else load(VALUE())
  load(VALUE())
}

/** What is wrong with the counter, by the package's own means. */
export function wrongValue(expected: number): string | undefined {
  take()
  const found = ld(VALUE())
  store(LOCK(), 0)
  return found === expected ? undefined : `I1: the counter is ${found}, not ${expected}`
}

/** A look that leaves nothing as it was. */
export function spoil(): string | undefined {
  irqDisable()
  fetchAdd(VALUE(), 77)
  stTime(Counter.base + Counter.at, 99)
  store(LOCK(), 1)
  return undefined
}

export function waitForEver(): string | undefined {
  awaitWord(LOCK(), AWAIT_EQ, 5)
  return undefined
}

export function leaves(): string | undefined {
  return xzalloc(Record.sizeWords, Record.tag) === 0 ? 'no memory' : undefined
}

export function boot(): number {
  st(VALUE(), 0)
  return 1
}
