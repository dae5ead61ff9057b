// SPDX-License-Identifier: MIT
import { expect, test } from 'vitest'
import { PRELUDE, stepped, transform } from './support.js'

const step = (call: string): string => `(${call} ? yield : __stepResult())`

interface Golden { readonly title: string, readonly source: string, readonly becomes: string }

const golden: readonly Golden[] = [
  {
    title: 'an access is a step, and its arguments stay inside it',
    source: 'export function f(p: number): void { const x = st(p, ld(p) + 1); return x }',
    becomes: `export function* f(p: number): void { const x = ${step(`st(p, ${step('ld(p)')} + 1)`)}; return x }`,
  },
  {
    title: 'a call of what suspends delegates, and its caller suspends too',
    source: 'function g(p: number) { return ld(p) }\nexport const f = (p: number): number => g(g(p))',
    becomes: `function* g(p: number) { return ${step('ld(p)')} }\n`
      + 'export const f = (function* (p: number): number { return ( (yield* g((yield* g(p))))) })',
  },
  {
    title: 'functions that reach no access stay as they are',
    source: 'export function f(p: number) { return [p].map((x) => x + 1).at(0)! + g(p) }\nconst g = (x: number) => x',
    becomes: 'export function f(p: number) { return [p].map((x) => x + 1).at(0)! + g(p) }\nconst g = (x: number) => x',
  },
  {
    title: 'E2: in a list, a statement that begins with a step gets a semicolon before it',
    source: 'export function f(p: number) {\n  const a = p\n  ld(a)\n  ld(a) + 1\n  g(p)\n}\nfunction g(p: number) { ld(p) }',
    becomes: `export function* f(p: number) {\n  const a = p\n  ;${step('ld(a)')}\n  ;${step('ld(a)')} + 1\n`
      + `  ;(yield* g(p))\n}\nfunction* g(p: number) { ;${step('ld(p)')} }`,
  },
  {
    title: 'E2: nowhere else, where an empty statement would be the body',
    source: 'export function f(p: number) {\n  if (p) ld(p)\n  else ld(1)\n  for (;;) ld(2)\n  x: ld(3)\n  do ld(4)\n  while (p)\n}',
    becomes: `export function* f(p: number) {\n  if (p) ${step('ld(p)')}\n  else ${step('ld(1)')}\n  for (;;) ${step('ld(2)')}\n`
      + `  x: ${step('ld(3)')}\n  do ${step('ld(4)')}\n  while (p)\n}`,
  },
  {
    title: 'E2: the clauses of a switch are lists',
    source: 'export function f(p: number) {\n  switch (ld(p)) {\n    case ld(1):\n      ld(2)\n  }\n}',
    becomes: `export function* f(p: number) {\n  switch (${step('ld(p)')}) {\n    case ${step('ld(1)')}:\n      ;${step('ld(2)')}\n  }\n}`,
  },
  {
    title: 'arrows become generator expressions, whatever their body looks like',
    source: 'export const a: Susp<(x: number) => unknown> = x => ({ x })\n'
      + 'export const b: Susp<() => number> = () =>\n  // why\n  ld(1)\n'
      + 'export const c: Susp<(x?: number) => void> = (x = 2) => { ld(x) }\n'
      + 'export const d: Susp<<T>(x: T) => T> = <T>(x: T): T => x',
    becomes: 'export const a: Susp<(x: number) => unknown> = (function* (x) { return ( ({ x })) })\n'
      + `export const b: Susp<() => number> = (function* () { return (\n  // why\n  ${step('ld(1)')}) })\n`
      + `export const c: Susp<(x?: number) => void> = (function* (x = 2)  { ;${step('ld(x)')} })\n`
      + 'export const d: Susp<<T>(x: T) => T> = (function* <T>(x: T): T { return ( x) })',
  },
  {
    title: 'methods get a star, and a semicolon where a field stands before',
    source: 'export class Q {\n  n = 1\n  push() { ld(this.n) }\n  static make() { ld(1) }\n  #own() { this.push() }\n  run() { this.#own() }\n}',
    becomes: `export class Q {\n  n = 1\n  ;*push() { ;${step('ld(this.n)')} }\n  static *make() { ;${step('ld(1)')} }\n`
      + '  ;*#own() { ;(yield* this.push()) }\n  ;*run() { ;(yield* this.#own()) }\n}',
  },
  {
    title: 'overloads and declarations have no star',
    source: 'export function f(p: number): number\nexport function f(p: string): number\n'
      + 'export function f(p: number | string): number { return ld(Number(p)) }\ndeclare function g(): void',
    becomes: 'export function f(p: number): number\nexport function f(p: string): number\n'
      + `export function* f(p: number | string): number { return ${step('ld(Number(p))')} }\ndeclare function g(): void`,
  },
  {
    title: 'what types add around a call stays around it',
    source: 'export const f = (h: (Susp<() => number> | undefined)[]) => (h[0]!() as number) + h[1]!()! + (call<number>((x) => x, 1) satisfies number)',
    becomes: 'export const f = (function* (h: (Susp<() => number> | undefined)[]) { return ( ((yield* h[0]!()) as number) + '
      + '(yield* h[1]!())! + ((yield* call<number>((function* (x) { return ( x) }), 1)) satisfies number)) })',
  },
  {
    title: 'a function called where it is written delegates',
    source: 'export function f(p: number) { return (() => ld(p))() + (function () { return ld(p) })() }',
    becomes: `export function* f(p: number) { return (yield* ((function* () { return ( ${step('ld(p)')}) }))()) + `
      + `(yield* (function* () { return ${step('ld(p)')} })()) }`,
  },
  {
    title: 'the name of the result gives way to one in the source',
    source: 'export function f(__stepResult: number) { return ld(__stepResult) }',
    becomes: 'export function* f(__stepResult: number) { return (ld(__stepResult) ? yield : ___stepResult()) }',
  },
]

for (const { title, source, becomes } of golden) {
  test(title, () => {
    expect(stepped(source).replace(/^import \{ stepResult .*?'; /, '')).toBe(becomes)
  })
}

test('E3: the import joins the line of the first statement, comments stay above', () => {
  const source = `// first\n/** second */\n${PRELUDE}\nexport const f = (p: number) => ld(p)\n`
  const { files } = transform({ 'src/index.ts': source })
  const [code] = [...files.values()].map((each) => each.code.split('\n'))
  expect(code).toHaveLength(source.split('\n').length)
  expect(code?.[2]).toBe(`import { stepResult as __stepResult } from '@fixture/machine'; ${PRELUDE}`)
})
