// SPDX-License-Identifier: MIT
/** Each rule: a source that breaks it, the place marked, and its accepted twin. */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { formatDiagnostic, rules } from '../src/index.js'
import type { RuleId } from '../src/index.js'
import { marked, placesOf, PRELUDE, transform } from './support.js'

interface Example { readonly rule: RuleId, readonly title: string, readonly refused: string, readonly accepted: string }

const reads = 'function reads(p: number): number { return ld(p) }\n'

const examples: readonly Example[] = [
  {
    rule: 'STEP-0', title: 'a source that does not parse',
    refused: 'export const a = «STEP-0»)',
    accepted: 'export const a = (1)',
  },
  {
    rule: 'STEP-1', title: 'an access, and a call of what reaches one, at module top level',
    refused: `${reads}
      export const boot = «STEP-1»ld(3)
      export const late = [1, «STEP-1»reads(3)]
      if (late) «STEP-1»st(1, 2)`,
    accepted: `${reads}
      export const boot = (): number => ld(3)
      export const timer = declare('timer')`,
  },
  {
    rule: 'STEP-1', title: 'a name computed at top level for a class',
    refused: `${reads}
      export class C { [«STEP-1»reads(1)] = 2 }`,
    accepted: `${reads}
      export const make = () => class { [reads(1)] = 2 }.name`,
  },
  {
    rule: 'STEP-2', title: 'an access in a constructor',
    refused: `${reads}
      export class C { v: number; constructor(p: number) { this.v = «STEP-2»reads(p) } }`,
    accepted: `${reads}
      export class C { v = 0; start(p: number) { this.v = reads(p) } }`,
  },
  {
    rule: 'STEP-3', title: 'an access in a getter or a setter, of a class or an object',
    refused: `
      export class C { get w() { return «STEP-3»ld(1) } set w(x: number) { «STEP-3»st(1, x) } }
      export const o = { get a() { return «STEP-3»ld(2) } }`,
    accepted: 'export class C { w() { return ld(1) } set(x: number) { st(1, x) } }',
  },
  {
    rule: 'STEP-4', title: 'an access in the default of a parameter',
    refused: `${reads}
      export function f(p: number, q = «STEP-4»ld(p), { r = «STEP-5»reads(1) } = {}): number { return q + r }
      export class C { m(q = «STEP-4»ld(2)) { return q } }`,
    accepted: `${reads}
      export function f(p: number, q?: number): number { return q ?? reads(p) }`,
  },
  {
    rule: 'STEP-5', title: 'an access in the default of a destructuring',
    refused: `
      export function f(o: { a?: number }, l: number[]): number {
        const { a = «STEP-5»ld(1) } = o
        let b = 0, c
        ;[b = «STEP-5»ld(2)] = l
        ;({ a: c = «STEP-5»ld(3) } = o)
        ;({ a: c } = o)
        return a + b + c!
      }`,
    accepted: `
      export function f(o: { a?: number }): number {
        const { a } = o
        const [b = 3] = [ld(1)]
        return a ?? b + ld(1)
      }`,
  },
  {
    rule: 'STEP-6', title: 'an access in a class field or a static block',
    refused: `${reads}
      export class C { v = «STEP-6»reads(1); static w = «STEP-6»ld(2); static { «STEP-6»st(1, 1) } }`,
    accepted: `${reads}
      export class C { v = 0; read: Susp<() => void> = () => { ld(1) } }`,
  },
  {
    rule: 'STEP-7', title: 'an access in an async function',
    refused: `${reads}
      export async function f(p: number) { await 0; return «STEP-7»reads(p) }
      export const g = async () => «STEP-7»ld(1)`,
    accepted: `${reads}
      export async function f(p: number) { await 0; return p }
      export const g = () => reads(1)`,
  },
  {
    rule: 'STEP-8', title: 'an access in a generator',
    refused: `${reads}
      export function* f(p: number) { yield «STEP-8»reads(p) }`,
    accepted: `${reads}
      export function* f(p: number) { yield p }
      export const g = () => reads(1)`,
  },
  {
    rule: 'STEP-9', title: 'a callback of a built-in that suspends',
    refused: `${reads}
      export function f(xs: number[]): number {
        let s = 0
        xs.forEach(«STEP-9»(x) => { s += reads(x) })
        xs.sort(«STEP-9»function (a, b) { return ld(a) - ld(b) })
        return s + 'a'.replace(/a/, «STEP-9»() => String(ld(1))).length
      }`,
    accepted: `${reads}
      export function f(xs: number[]): number {
        let s = 0
        for (const x of xs) s += reads(x)
        xs.forEach((x) => { s += x })
        return s
      }`,
  },
  {
    rule: 'STEP-9', title: 'a suspending function literal in a plain table, a plain field, a plain return, an export',
    refused: `
      export const t: (() => number)[] = [«STEP-9»() => ld(1)]
      export class C { f = «STEP-9»() => ld(1) }
      export const make = (): (() => number) => «STEP-9»() => ld(1)
      export default «STEP-9»() => ld(1)
      export let v = «STEP-9»() => ld(1)`,
    accepted: `
      export const t: Susp<() => number>[] = [() => ld(1)]
      export class C { f: Susp<() => number> = () => ld(1) }
      export const make = (): Susp<() => number> => () => ld(1)
      export default function f() { return ld(1) }`,
  },
  {
    rule: 'STEP-10', title: '`this`, `super`, `arguments` and `new.target` in a suspending arrow and within',
    refused: `
      class B { k() { return 1 } }
      export class C extends B { v = 1; m() {
        call((n) => { st(n, «STEP-10»this.v); [1].map(() => «STEP-10»this.v + «STEP-10»super.k()) }, 1)
        return this.v
      } }
      export function f(..._: number[]) {
        call(() => ld(«STEP-10»arguments.length), 1)
        call(() => { ld(1); return «STEP-10»new.target }, 1)
      }`,
    accepted: `
      export class C { v = 1; m() {
        const { v } = this
        call((n) => { st(n, v); return function (this: C) { return this.v } }, 1)
        call(function () { ld(arguments.length) }, 1)
      } }`,
  },
  {
    rule: 'STEP-11', title: 'an optional call of what suspends, by name, by value, along a chain',
    refused: `${reads}
      export function f(g?: Susp<() => number>, o?: { g: Susp<() => number> }, q?: C) {
        return «STEP-11»g?.() ?? «STEP-11»o?.g() ?? «STEP-11»reads?.(1) ?? «STEP-11»q?.m()
      }
      class C { m() { return ld(1) } }`,
    accepted: `${reads}
      export function f(g?: Susp<() => number>, o?: { a: number }) {
        if (g !== undefined) g()
        return o?.a.toFixed?.(reads(1))
      }`,
  },
  {
    rule: 'STEP-12', title: '`new` of a suspending function',
    refused: `${reads}
      export const f = (g: Susp<() => void>) => [«STEP-12»new (reads as never)(1), «STEP-12»new (g as never)()]`,
    accepted: `${reads}
      export const f = () => new Map([[1, reads(1)]])`,
  },
  {
    rule: 'STEP-13', title: 'a template tagged by a suspending function',
    refused: `
      function tag(parts: TemplateStringsArray) { return ld(parts.length) }
      export const f = () => «STEP-13»tag\`a\``,
    accepted: `
      function tag(parts: readonly string[]) { return ld(parts.length) }
      export const f = () => \`a\${tag([])}\` + String.raw\`b\${ld(1)}\``,
  },
  {
    rule: 'STEP-14', title: 'the name of a suspending function, stored, returned, passed or bound as a plain value',
    refused: `${reads}
      const table: ((p: number) => number)[] = [«STEP-14»reads]
      const alias = «STEP-14»reads
      export const get = (): ((p: number) => number) => «STEP-14»reads
      export const o = { «STEP-14»reads, f: «STEP-14»reads }
      [1].map(«STEP-14»reads)
      export const b = () => «STEP-14»reads.bind(null)
      export const c = [table, alias, «STEP-14»ld]`,
    accepted: `${reads}
      const table: Susp<(p: number) => number>[] = [reads]
      const alias: Susp<typeof reads> = reads
      export const get = (): Susp<(p: number) => number> => reads
      export const o: { reads: Susp<(p: number) => number> } = { reads }
      export const c = () => [typeof reads, reads === alias, reads.name, table[0]!(1)]
      export { reads as load }`,
  },
  {
    rule: 'STEP-14', title: 'a suspending value where the type forgets that it suspends',
    refused: `
      interface Ops { go: Susp<() => number> }
      interface Plain { go: () => number }
      export function f(g: Susp<() => number>, o: Ops, list: Susp<() => number>[], h: () => number) {
        const a: () => number = «STEP-14»g
        const b: Plain = «STEP-14»o
        const c: unknown = «STEP-14»g
        const d: readonly (() => number)[] = «STEP-14»list
        const e = h() ? «STEP-14»g : h
        const i: (() => () => number) = «STEP-14»() => «STEP-14»g
        return [a, b, c, d, e, i, [h, «STEP-14»g]]
      }`,
    accepted: `
      interface Ops { go: Susp<() => number> }
      export function f(g: Susp<() => number>, o: Ops, list: Susp<() => number>[], h?: Susp<() => number>) {
        const a: Susp<() => number> = g
        const b: Ops = o
        const c: unknown = g === h
        const d: readonly Susp<() => number>[] = list
        const e = h ? g : h
        const i: (() => Susp<() => number>) = () => g
        return { a, b, c, d, i, e: [e ?? g, h], x: ld(1) }
      }`,
  },
  {
    rule: 'STEP-14', title: 'a suspending value given to a generic function that calls it as a plain one',
    refused: `${reads}
      const apply = <F extends (p: number) => number>(f: F, p: number): number => f(p)
      const all = <F extends (p: number) => number>(...fs: readonly F[]): number => fs.length
      export const f = (g: Susp<(p: number) => number>) =>
        [apply(«STEP-14»g, 1), apply(«STEP-14»reads, 1), all((p) => p, «STEP-14»g)]`,
    accepted: `${reads}
      const apply = <F extends Susp<(p: number) => number>>(f: F, p: number): number => f(p)
      const id = <T>(x: T): T => x
      export const f = (g: Susp<(p: number) => number>) =>
        [apply(g, 1), apply(reads, 1), id(g)(1), apply((p) => p, 1)]`,
  },
  {
    rule: 'STEP-14', title: 'methods that suspend, behind a plain type',
    refused: `
      interface Plain { go(): number }
      export class C implements «STEP-14»Plain { go() { return ld(1) } }
      export const o = { «STEP-14»go() { return ld(1) } }
      export function f(c: C) {
        const { «STEP-14»go } = c
        const p: Plain = «STEP-14»c
        return [go, p, «STEP-14»c.go]
      }`,
    accepted: `
      interface Ops { go: Susp<() => number> }
      export class C implements Ops { go() { return ld(1) } }
      export const o: Ops = { go() { return ld(1) } }
      export function f(c: C) { const p: Ops = c; const { go } = p; return go() + p.go() + c.go() }`,
  },
  {
    rule: 'STEP-15', title: 'a plain value where a suspending function is called',
    refused: `
      declare const given: () => number
      declare function make(): () => number
      declare const whoKnows: any
      export const f = (g: () => number, o: { go: () => number }): unknown => [
        call(«STEP-15»g, 1), call(«STEP-15»given, 1), call(«STEP-15»make(), 1), call(«STEP-15»whoKnows, 1),
        ((x: { go: Susp<() => number> }) => x.go())(«STEP-15»o), call(«STEP-15»Math.abs, 1),
      ]`,
    accepted: `
      declare const given: () => number
      export const f = (g: () => number): unknown => [call(() => g(), 1), call(() => given(), 1), call(plain, 1)]
      function plain(x: number) { return x }`,
  },
  {
    rule: 'STEP-15', title: 'a type that holds suspending and plain functions alike',
    refused: `
      type Either = Susp<(x: number) => number> | ((x: string) => number)
      export function f(x: Either) { const y: Either = «STEP-15»x; return y }`,
    accepted: `
      type Both = Susp<(x: number) => number> | Susp<(x: string) => number>
      export function f(x: Both) { const y: Both = x; return [y, ld(1)].length }`,
  },
  {
    rule: 'STEP-15', title: 'a call that may meet suspending and plain functions alike',
    refused: `
      class A { go() { return ld(1) } }
      class B { go() { return 1 } }
      interface P { go: () => number }
      interface S { go: Susp<() => number> }
      type Either = Susp<(x: number) => number> | ((x: string) => number)
      export const f = (x: A | B, y: S | P, z: A | S, e: Either) =>
        [«STEP-15»x.go(), «STEP-15»y.go(), z.go(), «STEP-15»e(1 as never)]`,
    accepted: `
      abstract class Base { abstract go(): number }
      class A extends Base { go() { return ld(1) } }
      class B extends Base { go() { return 1 } }
      interface S { go: Susp<() => number> }
      export const f = (x: A | B, z: A | S, k: 'go', n: { [k: string]: Susp<() => void> }) => [x.go(), z.go(), n[k]!()]`,
  },
  {
    rule: 'STEP-16', title: 'a suspending method that the language calls',
    refused: `
      export class C {
        «STEP-16»toString() { return String(ld(1)) }
        «STEP-16»[Symbol.iterator]() { ld(1); return [][Symbol.iterator]() }
        «STEP-16»then() { ld(1) }
      }`,
    accepted: `
      export class C { describe() { return String(ld(1)) } toString() { return 'C' } ['quoted']() { ld(1) } }`,
  },
  {
    rule: 'STEP-17', title: 'a decorator',
    refused: `
      const log = (f: never, _c: unknown) => f
      export class C { «STEP-17»@log m() { return 1 } }`,
    accepted: 'export class C { m() { return ld(1) } }',
  },
  {
    rule: 'STEP-18', title: 'a namespace of suspending functions as a value, or by a key at run time',
    refused: `
      import * as m from '@fixture/machine'
      import * as p from 'node:path'
      export const all = [«STEP-18»m, p]
      export const f = (k: 'ld') => «STEP-18»m[k](1)`,
    accepted: `
      import * as m from '@fixture/machine'
      export const f = (p: number) => m.ld(p) + m.call((x) => m.ld(x), 1)
      export const t: typeof m.ld | undefined = undefined`,
  },
  {
    rule: 'STEP-19', title: 'a module that is not found, and a name that is not exported',
    refused: `
      import { x } from «STEP-19»'nowhere'
      import type { Y } from «STEP-19»'./nothing.js'
      import { «STEP-19»nope } from '@fixture/machine'
      export { «STEP-19»gone as here } from '@fixture/machine'
      export const a: Y = [x, nope]`,
    accepted: `
      import { join } from 'node:path'
      import data from './data.json'
      import './effect.css'
      export const a = [join, data]`,
  },
  {
    rule: 'STEP-20', title: 'modules and code of run time',
    refused: `
      export const f = async () => [await «STEP-20»import('node:fs'), «STEP-20»eval('1')]
      export const g = () => [«STEP-20»new Function(''), «STEP-20»Function('')]`,
    accepted: `
      function eval_(x: number) { return ld(x) }
      export const f = () => eval_(1)
      export const g = (Function: () => number) => Function()`,
  },
]

const mechanism: readonly Example[] = [
  {
    rule: 'STEP-30', title: 'state in a module: variables, and constants that hold something that changes',
    refused: `
      let «STEP-30»a = 1
      var «STEP-30»b
      const «STEP-30»c = [1]
      const «STEP-30»d = { x: 1 }
      const «STEP-30»e = new Map()
      const «STEP-30»g = (() => { let n = 0; return () => n++ })()
      const «STEP-30»h: readonly number[][] = []
      const «STEP-30»i: Record<string, number> = {}
      export class C { static «STEP-30»n = 0 }
      export const f = () => [a, b, c, d, e, g, h, i]`,
    accepted: `
      const a = 1 + 2
      const c = [1] as const
      const d = Object.freeze({ x: [1] })
      const e: readonly number[] = [1]
      const g: ReadonlyMap<string, number> = new Map([['a', 1]])
      const h = declare('timer')
      const i: { readonly x: number, readonly y: readonly string[] } = { x: 1, y: [] }
      const j = mask(3)
      const k = /x/
      const l = { p: { q: 1 } } as const
      const m: Readonly<Record<string, number>> = {}
      declare let ambient: number
      function mask(n: number) { return 1 << n }
      export class C { static readonly n = 0 }
      const fn = (x: number) => x
      export const f = () => { let n = 0; n++; return [a, c, d, e, g, h, i, j, k, l, m, n, fn, ambient] }`,
  },
  {
    rule: 'STEP-31', title: 'shared memory past the machine',
    refused: `
      export function f(view: «STEP-31»Int32Array) {
        return «STEP-31»Atomics.load(view, 0) + new «STEP-31»SharedArrayBuffer(8).byteLength
      }`,
    accepted: `
      class Atomics { load = 1 }
      export function f(o: { Int32Array: number }) { return new Atomics().load + o.Int32Array + ld(1) }`,
  },
  {
    rule: 'STEP-32', title: 'waiting for an event loop, and generators',
    refused: `
      «STEP-32»export async function f(xs: AsyncIterable<number>) {
        «STEP-32»for await (const x of xs) «STEP-32»await x
      }
      export const g = { «STEP-32»*all() { yield 1 } } as const`,
    accepted: `
      export function f(xs: Iterable<number>) { for (const x of xs) ld(x) }
      export declare function later(): Promise<void>`,
  },
]

const sourceOf = (text: string): string => PRELUDE + text

for (const { rule, title, refused, accepted } of [...examples, ...mechanism]) {
  const strict = mechanism.some((each) => each.rule === rule)
  const options = { mechanism: strict }
  test(`${rule}: ${title}`, () => {
    const { source, places } = marked(sourceOf(refused))
    expect(places.length).toBeGreaterThan(0)
    expect(placesOf(transform({ 'src/index.ts': source }, options).diagnostics)).toEqual(places)
  })
  test(`${rule}: accepted instead of ${title}`, () => {
    const { diagnostics, files } = transform({ 'src/index.ts': sourceOf(accepted) }, options)
    expect(diagnostics.map((each) => formatDiagnostic(each, '/'))).toEqual([])
    if (!/STEP-(0|19|30|32)/.test(rule)) expect(files.size).toBe(1)
  })
}

test('the rules of mechanism sources bind no others', () => {
  for (const { refused } of mechanism) {
    expect(transform({ 'src/index.ts': marked(sourceOf(refused)).source }).diagnostics).toEqual([])
  }
})

test('every rule has an example here and a row in the README', () => {
  const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')
  const shown = new Set([...examples, ...mechanism].map((each) => each.rule))
  expect([...shown].sort()).toEqual(Object.keys(rules).sort())
  for (const [id, { title, instead, mechanism: only }] of Object.entries(rules)) {
    expect(readme).toContain(`| ${id}${only === true ? ' (m)' : ''} | ${title} | ${instead} |`)
  }
})

test('a complaint names file, line, column, rule, the chain of calls to the access, and what to write instead', () => {
  const source = [
    PRELUDE, 'const deep = (p: number) => ld(p)', 'function middle(p: number) { return deep(p) }',
    'export const boot = middle(1)', '',
  ].join('\n')
  const { diagnostics, root, files } = transform({ 'src/index.ts': source })
  expect(diagnostics.map((each) => formatDiagnostic(each, root))).toEqual([
    'src/index.ts:4:21: STEP-1: module top level calls `middle`, which may stop at a shared access '
    + '(it calls `deep` at index.ts:3:37, it calls `ld` at index.ts:2:29); do it in a function that boot calls',
  ])
  expect(diagnostics[0]).toMatchObject({ length: 'middle(1)'.length, lineText: 'export const boot = middle(1)' })
  expect(files.size).toBe(0)
})

test('all complaints come at once, in reading order', () => {
  const { diagnostics } = transform({
    'src/index.ts': `${PRELUDE}\nimport './z.js'\nexport const a = ld(1)\nexport const b = ld(2)`,
    'src/z.ts': `${PRELUDE}\nexport class C { get v() { return ld(1) } }`,
  })
  expect(placesOf(diagnostics)).toEqual(['3:18 STEP-1', '4:18 STEP-1', '2:35 STEP-3'])
})
