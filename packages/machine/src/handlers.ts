// SPDX-License-Identifier: MIT
/**
 * Registered handlers: functions that shared memory can name (timer, tasklet, RCU callbacks, softirqs, vectors).
 *
 *     const softirqHandler = handler('dpciSoftirq', dpciSoftirq)      st(slot, softirqHandler.id)
 *
 * Ids are small, follow from the names alone and are given when the memory is bound, so that all threads agree. 0 is
 * no handler.
 */
import { bug } from '@bottomhalf/base'
import type { Susp } from './susp.js'

/** A handler takes one word; it returns nothing, or a number for its caller. */
export type Handler = Susp<(arg: number) => number> | Susp<(arg: number) => void>

/** A handler's name, and its id once the memory is bound. */
export interface HandlerRef { readonly name: string, readonly id: number }

const registered = new Map<string, { ref: { name: string, id: number }, fn: Handler }>()
const table: Handler[] = []
const state = { sealed: false }

/** Register a function under a name that is unique in the machine. Module top level, before the memory is bound. */
export function handler(name: string, fn: Handler): HandlerRef {
  if (state.sealed) bug(`handler ${name} is registered after the memory was bound: import its module first`)
  if (registered.has(name)) bug(`handler ${name} is registered twice`)
  const ref = { name, id: 0 }
  registered.set(name, { ref, fn })
  return ref
}

/** Give every handler its id. After this no handler can be registered in this thread. */
export function numberHandlers(): void {
  if (state.sealed) return
  state.sealed = true
  table.push(noHandler)
  for (const name of handlerNames()) {
    const entry = registered.get(name)
    if (entry === undefined) continue
    entry.ref.id = table.length
    table.push(entry.fn)
  }
}

/** Names in order of id, from 1. */
export function handlerNames(): string[] {
  return [...registered.keys()].sort()
}

/** The function behind an id. A BUG if there is none. */
export function handlerOf(id: number): Handler {
  return table[id] ?? bug('no handler of that id')
}

/** Whether an id that came from outside names a handler. */
export function isHandlerId(id: number): boolean {
  return id > 0 && id < table.length
}

/** The id of a name; 0 if nobody registered it. For engines and tools: mechanism code has the `HandlerRef`. */
export function handlerIdOf(name: string): number {
  return registered.get(name)?.ref.id ?? 0
}

function noHandler(): number {
  return bug('handler 0 was called')
}
