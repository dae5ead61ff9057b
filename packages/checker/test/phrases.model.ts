// SPDX-License-Identifier: MIT
/**
 * Small functions of every shape that stepped code has, put together by number: what the fuzzer of local states runs. Each
 * reads and writes words that others do too, and what it returns depends on all it read.
 */
import {
  AWAIT_EQ, awaitWord, cmpxchg, fetchAdd, global, irqRestore, irqSave, ld, load, st, store, word, words, type Susp,
} from '@bottomhalf/machine'

export const Shared = global('checkerPhrases', { lock: word, shared: words(3), tally: words(2), plain: words(2), out: words(8) })

export interface Phrase {
  readonly shape: number
  readonly a: number
  readonly b: number
}

const at = (n: number): number => Shared.base + Shared.shared + n

/** Say all phrases, each behind what the one before returned, and leave the last value in `out`. */
export function say(phrases: readonly Phrase[], out: number): void {
  let value = 1
  for (let i = 0; i < phrases.length; i++) value = one(phrases[i] ?? nothing, value) & 0xff
  store(Shared.base + Shared.out + out, value)
}

const nothing: Phrase = { shape: 0, a: 0, b: 0 }

function one({ shape, a, b }: Phrase, value: number): number {
  switch (shape) {
    case 0: return sum(at(a), value)
    case 1: return copied(at(a), at(b), value)
    case 2: return twice(at(a)) * 3 + twice(at(b)) + value
    case 3: return through(() => load(at(a)) + value)
    case 4: return early(at(a), at(b))
    case 5: return paired({ first: value, second: load(at(a)) }, at(b))
    case 6: return listed(at(a), at(b))
    case 7: return counted(at(a), at(b), value)
    case 8: return captured(at(a), at(b))
    case 9: return deep(at(a), 2) + value
    case 10: return locked(at(a), value)
    case 11: return masked(at(a), value)
    case 12: return tallied(a & 1, at(b), value)
    case 13: return published(at(a), b & 1, value)
    case 14: return guarded(at(a), b & 1, value)
    case 15: return forgotten(at(a), value)
    default: return read(b & 1, value)
  }
}

function sum(word: number, value: number): number {
  let total = value
  for (let i = 0; i < 2; i++) total = total * 2 + load(word)
  store(word, total & 3)
  return total
}

function copied(word: number, other: number, value: number): number {
  const first = load(word)
  const kept = first
  fetchAdd(other, 1)
  store(word, value & 7)
  return kept * 5 + value
}

function twice(word: number): number {
  const before = fetchAdd(word, 1)
  return before * 2 + load(word)
}

function through(fn: Susp<() => number>): number {
  const first = fn()
  fetchAdd(at(0), 1)
  return first + fn()
}

function early(word: number, other: number): number {
  if (load(word) > 1) return 7
  fetchAdd(other, 2)
  return load(word)
}

interface Pair { readonly first: number, readonly second: number }

function paired(pair: Pair, word: number): number {
  fetchAdd(word, 1)
  const turned: Pair = { first: pair.second, second: load(word) }
  store(word, pair.first & 3)
  return turned.first * 4 + turned.second
}

function listed(word: number, other: number): number {
  const seen: number[] = []
  for (let i = 0; i < 2; i++) look(seen, word)
  fetchAdd(other, 1)
  return (seen[0] ?? 0) * 3 + (seen[1] ?? 0)
}

function look(seen: number[], word: number): void {
  seen.push(load(word))
  store(word, seen.length)
  fetchAdd(word, 1)
}

function counted(word: number, other: number, value: number): number {
  let turns = 0
  while (load(word) < 2 && turns < 2) {
    fetchAdd(word, 1)
    turns++
  }
  store(other, turns)
  return turns + value
}

function captured(word: number, other: number): number {
  let total = 0
  twoTimes(() => { total = total * 2 + load(word) })
  fetchAdd(other, 1)
  return total
}

function twoTimes(fn: Susp<() => void>): void {
  for (let i = 0; i < 2; i++) {
    fn()
    fetchAdd(at(2), 1)
  }
}

function deep(word: number, depth: number): number {
  const before = fetchAdd(word, depth)
  if (depth === 0) return before
  const below = deep(word, depth - 1)
  return before + below * 2
}

function locked(word: number, value: number): number {
  const lock = Shared.base + Shared.lock
  while (cmpxchg(lock, 0, 1) !== 0) awaitWord(lock, AWAIT_EQ, 0)
  const before = load(word)
  store(word, before + 1)
  store(lock, 0)
  return before + value
}

function masked(word: number, value: number): number {
  const flags = irqSave()
  const before = load(word)
  store(word, before ^ 1)
  irqRestore(flags)
  return before * 3 + value
}

function tallied(tally: number, word: number, value: number): number {
  const where = Shared.base + Shared.tally + tally
  st(where, ld(where) + 1)
  const before = fetchAdd(word, 1)
  // one of the two is looked at as well
  return tally === 1 ? before + ld(where) : before + value
}

const plain = (n: number): number => Shared.base + Shared.plain + n

function published(flag: number, data: number, value: number): number {
  st(plain(data), value & 1)
  store(flag, 1)
  return value
}

function guarded(flag: number, data: number, value: number): number {
  if (load(flag) === 0) return value
  return ld(plain(data)) + value
}

/** What it reads orders it behind who wrote, and decides nothing. */
function forgotten(word: number, value: number): number {
  load(word)
  fetchAdd(at(2), 0)
  return value
}

function read(data: number, value: number): number {
  ld(plain(data))
  return value
}

// ---- a race that hides where states are known again: whoever looked at the word first, or not at all, ends alike

export function put(): void {
  store(at(0), 1)
}

export function allow(): void {
  store(at(1), 1)
}

/** Reads the word plainly where it is allowed to; an atomic read before that may order it, and decides nothing. */
export function peek(): void {
  const mayRead = load(at(1)) !== 0
  load(at(0))
  if (mayRead) ld(at(0))
}
