// SPDX-License-Identifier: MIT
/**
 * Small programs in the stepped form, written by hand as the build writes it, so that the engine is tested without the
 * build. An operation reads `(op() ? yield : stepResult())`.
 */
import { handler } from '@bottomhalf/machine'
import type { HandlerRef } from '@bottomhalf/machine'
import * as stepped from '@bottomhalf/machine'

/** What the operations are in this form: true = stop here. */
interface Operations {
  ld(address: number): boolean
  st(address: number, value: number): boolean
  load(address: number): boolean
  store(address: number, value: number): boolean
  fetchAdd(address: number, n: number): boolean
  cmpxchg(address: number, expected: number, value: number): boolean
  awaitWord(address: number, test: number, operand: number): boolean
  ldTime(address: number): boolean
  stTime(address: number, timeNs: number): boolean
  xmalloc(words: number, tag: number): boolean
  xfree(address: number): boolean
  cpuRelax(): boolean
  irqEnable(): boolean
  irqDisable(): boolean
  irqSave(): boolean
  irqRestore(flags: number): boolean
  raiseVector(cpu: number, vector: number): boolean
  haltUntilInterrupt(): boolean
  setDeadline(timeNs: number): boolean
}
const ops = stepped as unknown as Operations & { stepResult(): number }

type Op<A extends unknown[]> = (...args: A) => Generator<unknown, number, number>

function* once(stop: boolean): Generator<unknown, number, number> {
  return stop ? yield : ops.stepResult()
}

export const ld: Op<[number]> = (a) => once(ops.ld(a))
export const st: Op<[number, number]> = (a, v) => once(ops.st(a, v))
export const load: Op<[number]> = (a) => once(ops.load(a))
export const store: Op<[number, number]> = (a, v) => once(ops.store(a, v))
export const fetchAdd: Op<[number, number]> = (a, n) => once(ops.fetchAdd(a, n))
export const cmpxchg: Op<[number, number, number]> = (a, e, v) => once(ops.cmpxchg(a, e, v))
export const awaitWord: Op<[number, number, number]> = (a, t, v) => once(ops.awaitWord(a, t, v))
export const ldTime: Op<[number]> = (a) => once(ops.ldTime(a))
export const stTime: Op<[number, number]> = (a, ns) => once(ops.stTime(a, ns))
export const xmalloc: Op<[number, number]> = (n, tag) => once(ops.xmalloc(n, tag))
export const xfree: Op<[number]> = (a) => once(ops.xfree(a))
export const cpuRelax: Op<[]> = () => once(ops.cpuRelax())
export const irqEnable: Op<[]> = () => once(ops.irqEnable())
export const irqDisable: Op<[]> = () => once(ops.irqDisable())
export const irqSave: Op<[]> = () => once(ops.irqSave())
export const irqRestore: Op<[number]> = (flags) => once(ops.irqRestore(flags))
export const raiseVector: Op<[number, number]> = (cpu, vector) => once(ops.raiseVector(cpu, vector))
export const haltUntilInterrupt: Op<[]> = () => once(ops.haltUntilInterrupt())
export const setDeadline: Op<[number]> = (ns) => once(ops.setDeadline(ns))

/** A handler in stepped form. */
export function steppedHandler(name: string, fn: (arg: number) => Generator<unknown, unknown, number>): HandlerRef {
  return handler(name, fn)
}
