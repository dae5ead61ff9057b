// SPDX-License-Identifier: MIT
/**
 * What the stepped form tells of locals, letter by letter. `AT(a, b)` stands for `__frame < 0 || __stepAt(__frame, N, a, b)`,
 * FRAME for the line that begins a function that tells. That telling changes nothing is tested by the other suites: they run
 * programs that tell.
 */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { PRELUDE, transform } from './support.js'

function told(source: string): string {
  const { files, root } = transform({ 'src/index.ts': PRELUDE + source }, { tellsTo: '@fixture/machine' })
  const code = files.get(join(root, 'src/index.ts'))?.code ?? ''
  return code.slice(code.indexOf(PRELUDE) + PRELUDE.length)
    .replace(/ \? yield : __stepResult\(\)/g, ' R')
    .replace(/__frame < 0 \|\| __stepAt\(__frame, -?\d+(?:, )?([^)]*)\)/g, 'AT($1)')
    .replace(/ const __frame = __stepFrame\(\);/g, ' FRAME').replace(/ __stepOpaque\(\);/g, ' OPAQUE')
}

interface Golden { readonly title: string, readonly source: string, readonly becomes: string }

const golden: readonly Golden[] = [
  {
    title: 'LO1: what is mentioned behind a place is told there; parameters that stay what they were are not',
    source: `
export function f(p: number) {
  const a = ld(p)
  const b = ld(p + a)
  st(p, b)
}`,
    becomes: `
export function* f(p: number) { FRAME
  const a = (ld(p) R)
  ;AT(a); const b = (ld(p + a) R)
  ;AT(b); ;(st(p, b) R)
}`,
  },
  {
    title: 'LO1: a parameter that is assigned to is told, also where it is looked at only round the loop',
    source: `
export function f(p: number, n: number) {
  while (n > 0) {
    st(p, 1)
    n--
  }
}`,
    becomes: `
export function* f(p: number, n: number) { FRAME
  while (n > 0) {
    ;AT(n); ;(st(p, 1) R)
    n--
  }
}`,
  },
  {
    title: 'LO1: conditions and incrementors of loops are places; a body without braces gets some',
    source: `
export function f(p: number) {
  for (let at = ld(p); at !== ld(p); at = ld(at)) st(at, 0)
  do { p } while (ld(p))
}`,
    becomes: `
export function* f(p: number) { FRAME
  for (let at = (ld(p) R); (AT(at), at !== (ld(p) R)); (AT(at), at = (ld(at) R))) { AT(at); (st(at, 0) R) }
  do { p } while ((AT(), (ld(p) R)))
}`,
  },
  {
    title: 'LO1: what a function inside takes lives as long as its block',
    source: `
export function f(p: number) {
  const a = ld(p)
  const g: Susp<() => number> = () => ld(a)
  st(p, 0)
  g()
}`,
    becomes: `
export function* f(p: number) { FRAME
  const a = (ld(p) R)
  const g: Susp<() => number> = (function* () { return ( (ld(a) R)) });
  ;AT(a); ;(st(p, 0) R)
  ;AT(a); ;(yield* g())
}`,
  },
  {
    title: 'LO2: an object that can change, and a local that a function inside changes, make a function opaque',
    source: `
export function f(p: number) {
  const list: number[] = []
  list.push(ld(p), ld(p))
}
export function g(p: number) {
  let n = 0
  const more: Susp<() => void> = () => { n += ld(p) }
  more()
  st(p, n)
}
export const h = (list: number[]) => ld(list[0] ?? 0)`,
    becomes: `
export function* f(p: number) { OPAQUE
  const list: number[] = []
  list.push((ld(p) R), (ld(p) R))
}
export function* g(p: number) { OPAQUE
  let n = 0
  const more: Susp<() => void> = (function* ()  { n += (ld(p) R) });
  ;(yield* more())
  ;(st(p, n) R)
}
export const h = (function* (list: number[]) { return ( __stepOpaque(), (ld(list[0] ?? 0) R)) });`,
  },
  {
    title: 'LO2: so do try, this, and an iteration that suspends',
    source: `
export function f(p: number) {
  try { ld(p) } finally { st(p, 0) }
}
export function g(p: number) {
  for (const q of [p, p + 1]) st(q, ld(q))
}`,
    becomes: `
export function* f(p: number) { OPAQUE
  try { ;(ld(p) R) } finally { ;(st(p, 0) R) }
}
export function* g(p: number) { OPAQUE
  for (const q of [p, p + 1]) (st(q, (ld(q) R)) R)
}`,
  },
  {
    title: 'LO2: an object that cannot change is told like a number',
    source: `
export function f(p: number) {
  const pair: { readonly a: number, readonly b?: number } = { a: ld(p) }
  st(p, pair.a)
  st(p, pair.b ?? 0)
}`,
    becomes: `
export function* f(p: number) { FRAME
  const pair: { readonly a: number, readonly b?: number } = { a: (ld(p) R) }
  ;AT(pair); ;(st(p, pair.a) R)
  ;AT(pair); ;(st(p, pair.b ?? 0) R)
}`,
  },
  {
    title: 'LO1: a copy is a mention, and what stands between a label and its loop is no place',
    source: `
export function f(p: number) {
  const a = ld(p)
  ld(a)
  const b = a
  outer: for (let i = ld(p); ; i++) {
    if (st(b, i)) continue outer
  }
}`,
    becomes: `
export function* f(p: number) { FRAME
  const a = (ld(p) R)
  ;AT(a); ;(ld(a) R)
  const b = a
  outer: for (let i = (ld(p) R); ; i++) {
    ;AT(b, i); if ((st(b, i) R)) continue outer
  }
}`,
  },
  {
    title: 'LO3: nothing is told where nothing can have happened yet',
    source: `
export function f(p: number) {
  const q = p + 1
  if (ld(q) !== 0) return
}`,
    becomes: `
export function* f(p: number) {
  const q = p + 1
  if ((ld(q) R) !== 0) return
}`,
  },
]

test.each(golden)('$title', ({ source, becomes }) => {
  expect(told(source)).toBe(becomes)
})
